import { readdir, readFile, writeFile } from "node:fs/promises";
import { Socket } from "node:net";
import type { GatewayPorts } from "./start-gateway.ts";

/** The process's own streams and files. */
export function realPorts(): GatewayPorts {
  return Object.freeze({
    out: (text: string) => void process.stdout.write(`${text}\n`),
    err: (text: string) => void process.stderr.write(`${text}\n`),
    readFile: (path: string) => readFile(path, "utf8"),
    writeFile: (path: string, text: string, { replace }: { readonly replace: boolean }) => writeFile(path, text, { flag: replace ? "w" : "wx" }),
    readDirectory: (path: string) => readdir(path),
    now: () => Date.now(),
    env: process.env,
    isTerminal: process.stdout.isTTY,
    get stopped() {
      return (stopped ??= untilStopped());
    },
    get inputEnded() {
      return (inputEnded ??= untilInputEnds());
    },
    streams: () => ({ input: process.stdin, output: process.stdout }),
    self: [process.execPath, ...process.execArgv, process.argv[1] ?? ""],
  });
}

let stopped: Promise<void> | undefined;
let inputEnded: Promise<void> | undefined;

/** From when somebody asks: other commands end at once when they are interrupted. */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
    // Nobody reads any more what this says.
    process.stdout.once("error", () => resolve());
  });
}

function untilInputEnds(): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ["end", "close", "error"] as const) process.stdin.once(event, () => resolve());
    process.stdin.resume();
    // What is waited for here is no reason to go on. A file as input has no such method, and ends by itself.
    if (process.stdin instanceof Socket) process.stdin.unref();
  });
}

import { readdir, readFile, writeFile } from "node:fs/promises";
import type { Ports } from "./ports.ts";

/** The process's own streams and files. */
export function realPorts(): Ports {
  return Object.freeze({
    out: (text: string) => void process.stdout.write(`${text}\n`),
    err: (text: string) => void process.stderr.write(`${text}\n`),
    readFile: (path: string) => readFile(path, "utf8"),
    writeFile: (path: string, text: string, { replace }: { readonly replace: boolean }) => writeFile(path, text, { flag: replace ? "w" : "wx" }),
    readDirectory: (path: string) => readdir(path),
    now: () => Date.now(),
  });
}

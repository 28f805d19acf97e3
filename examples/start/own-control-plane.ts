/**
 * A control plane for one run: the program `countersign` as a child process, on a state directory of its own that goes with it. What is set up
 * here by hand is what an owner does once: sign in, and make a key for an agent that acts for them.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("dist/cli/main.js", import.meta.resolve("countersign/package.json")));
const REMOVER = join(import.meta.dirname, "remove-when-over.ts");
const PATIENCE_MS = 15_000;

export interface OwnControlPlane {
  readonly url: string;
  /** Of the agent. It asks, and can never decide. */
  readonly apiKey: string;
  /** A file in its directory. */
  path(name: string): string;
  /** A link that signs the owner in, once. */
  ownerLink(): Promise<string>;
  /** A command of the program as the owner, with its output. Rejects where it fails. */
  run(...args: readonly string[]): Promise<string>;
  /** A command that talks to the person at this terminal. */
  start(...args: readonly string[]): ChildProcess;
  /** As the owner. */
  read(path: string): Promise<unknown>;
  /** Ends everything and removes the directory. */
  close(): Promise<void>;
}

export async function startOwnControlPlane(policies: string): Promise<OwnControlPlane> {
  const directory = mkdtempSync(join(tmpdir(), "countersign-control-plane-"));
  const env: NodeJS.ProcessEnv = { ...process.env, COUNTERSIGN_DIR: directory, COUNTERSIGN_URL: "", COUNTERSIGN_POSTGRES_URL: "" };
  const children = new Set<ChildProcess>();
  const keep = (child: ChildProcess): ChildProcess => {
    children.add(child);
    child.once("close", () => children.delete(child));
    return child;
  };
  const begin = (args: readonly string[], stdio: "pipe" | "inherit"): ChildProcess => {
    const isUp = args[0] === "up";
    // In a process group of its own, `up` does not hear this terminal's Ctrl-C: it is ended last, when nobody needs it any more. Its input is
    // a pipe that nothing is written to, and that ends with this process even where it is killed.
    return keep(spawn(process.execPath, [PROGRAM, ...args], { env, stdio: stdio === "inherit" ? "inherit" : [isUp ? "pipe" : "ignore", "pipe", "pipe"], detached: isUp }));
  };
  const close = async (): Promise<void> => {
    await Promise.all([...children].map(async (child) => {
      const ended = once(child, "close");
      child.kill("SIGTERM");
      await ended;
    }));
    rmSync(directory, { recursive: true, force: true });
  };
  // Whatever ends this process, the control plane does not outlive it.
  process.once("exit", () => {
    for (const child of children) child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  });

  const run = async (...args: readonly string[]): Promise<string> => {
    const child = begin(args, "pipe");
    const said = listen(child);
    const [code]: unknown[] = await once(child, "close");
    if (code !== 0) throw new Error(`countersign ${args[0]} ended with ${String(code)}: ${said.err}`);
    return said.out.trim();
  };
  try {
    const plane = begin(["up", "--end-with-input", "--port", "0", "--policies", policies], "pipe");
    keep(spawn(process.execPath, [REMOVER, directory, String(plane.pid)], { stdio: ["pipe", "ignore", "ignore"], detached: true }));
    const url = await listening(plane);
    const operator = readFileSync(join(directory, "operator.secret"), "utf8").trim();
    const ownerLink = async (): Promise<string> => text(await call(url, operator, "POST", "/v1/owner-link"), "url");
    // A token of the owner's for this run alone: it is nowhere on disk and goes with the control plane.
    env["COUNTERSIGN_TOKEN"] = await run("login", "--link", await ownerLink(), "--days", "1", "--print");
    const apiKey = await run("key", "add", "npm start", "--owner", "me", "--days", "1", "--print");
    const read = (path: string): Promise<unknown> => call(url, env["COUNTERSIGN_TOKEN"] ?? "", "GET", path);
    return { url, apiKey, path: (name) => join(directory, name), ownerLink, run, start: (...args) => begin(args, "inherit"), read, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function listen({ stdout, stderr }: ChildProcess): { out: string; err: string } {
  const said = { out: "", err: "" };
  stdout?.setEncoding("utf8").on("data", (chunk: string) => (said.out += chunk));
  stderr?.setEncoding("utf8").on("data", (chunk: string) => (said.err += chunk));
  return said;
}

async function listening(child: ChildProcess): Promise<string> {
  const said = listen(child);
  const up = Promise.withResolvers<string>();
  child.stdout?.on("data", () => {
    const url = / at (http:\/\/\S+)\nState: /.exec(said.out)?.[1];
    if (url !== undefined) up.resolve(url);
  });
  child.once("close", (code) => up.reject(new Error(`the control plane did not start (${String(code)}): ${said.err}`)));
  const late = setTimeout(() => up.reject(new Error(`the control plane did not start within ${PATIENCE_MS / 1000} s: ${said.err}`)), PATIENCE_MS);
  return up.promise.finally(() => clearTimeout(late));
}

async function call(url: string, token: string, method: string, path: string): Promise<unknown> {
  const answer = await fetch(new URL(path, url), { method, headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}`);
  return answer.json();
}

/** A member that is a text. */
export function text(value: unknown, name: string): string {
  const found: unknown = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  return typeof found === "string" ? found : "";
}

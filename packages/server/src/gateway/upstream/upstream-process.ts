/**
 * The upstream as a process of ours: started, spoken to by lines, ended, and never left behind. Its errors go where ours go. It leads a
 * process group of its own, so that what it starts itself (as npx does) ends with it; and where this process is killed outright, a
 * shell that waits for exactly that ends the group.
 */
import { spawn, type ChildProcess } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { spawnProgram } from "./spawn-program.ts";
import type { UpstreamEnd } from "./upstream-connection.ts";

export interface UpstreamCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Default: where this process works. */
  readonly cwd?: string | undefined;
}

export interface UpstreamProcess {
  readonly input: Writable;
  readonly output: Readable;
  /** Resolves once it has ended and all it wrote was read. */
  readonly ended: Promise<UpstreamEnd>;
  /** Ends it as MCP says: no more input, then SIGTERM, then SIGKILL. Resolves when it has ended. */
  stop(): Promise<void>;
}

const PATIENCE_MS = 1_000;
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
const SIGNAL_BASE = 128;
const SIGNALS: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGILL: 4, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGPIPE: 13, SIGTERM: 15 };
const HAS_GROUPS = process.platform !== "win32";

export function startUpstream({ command, args, cwd }: UpstreamCommand, env: NodeJS.ProcessEnv): UpstreamProcess {
  const child = spawnProgram(command, [...args], { stdio: ["pipe", "pipe", "inherit"], env, cwd, detached: HAS_GROUPS, windowsHide: true });
  const watchdog = child.pid === undefined || !HAS_GROUPS ? undefined : startWatchdog(child.pid);
  // A server that ends while it is written to tells it by its end.
  child.stdin.on("error", () => undefined);
  const ended = untilEnded(child).finally(() => watchdog?.dismiss());
  let stopping: Promise<void> | undefined;
  return { input: child.stdin, output: child.stdout, ended, stop: () => (stopping ??= stop(child, ended)) };
}

function untilEnded(child: ChildProcess): Promise<UpstreamEnd> {
  return new Promise((resolve) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return; // a signal could not be sent: it has ended
      resolve({ kind: "not started", code: error.code === "ENOENT" ? NOT_FOUND : NOT_EXECUTABLE, why: error.message });
    });
    child.once("close", (code, signal) => {
      if (child.pid === undefined) return;
      endGroup(child.pid, "SIGTERM"); // what it started and left behind
      resolve({ kind: "ended", code: code ?? SIGNAL_BASE + (signal === null ? 0 : (SIGNALS[signal] ?? 0)) });
    });
  });
}

async function stop(child: ChildProcess, ended: Promise<UpstreamEnd>): Promise<void> {
  child.stdin?.end();
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    if (await isOverWithin(ended, PATIENCE_MS)) return;
    if (child.pid !== undefined) endGroup(child.pid, signal);
  }
  // Somebody else may hold its output open still.
  if (!(await isOverWithin(ended, PATIENCE_MS))) child.stdout?.destroy();
}

async function isOverWithin(ended: Promise<UpstreamEnd>, ms: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), ms);
  try {
    return (await Promise.race([ended, promise])) !== false;
  } finally {
    clearTimeout(timer);
  }
}

/** The group lives as long as any process of it does, so its number is nobody else's until then. */
function endGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(HAS_GROUPS ? -pid : pid, signal);
  } catch {
    // Nobody is left.
  }
}

/** Where the pipe breaks without a word, we were killed. Not every shell's kill knows `--`. */
const WATCH = 'read -r _ && exit 0; kill -TERM "-$1" 2>/dev/null || exit 0; sleep 2; kill -KILL "-$1" 2>/dev/null';

function startWatchdog(pid: number): { dismiss(): void } {
  const shell = spawn("/bin/sh", ["-c", WATCH, "countersign-watchdog", String(pid)], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  shell.on("error", () => undefined); // without a shell, servers end with their input, as they do everywhere
  shell.stdin.on("error", () => undefined);
  shell.unref();
  const { stdin } = shell;
  return { dismiss: () => stdin.end("\n") };
}

// Runs one child process for the tools: its output shown or kept, signals handed on, its end reported as it was.
// Plain JavaScript for any Node >= 18: this runs before anything is installed.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { isatty } from "node:tty";

const SIGNALS = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);

/**
 * How a child ended. `interruptedBy`: the signal that this process was sent meanwhile.
 * @typedef {{ code: number | null, signal: NodeJS.Signals | null, output: string, interruptedBy: NodeJS.Signals | null }} Ended
 */

/** This process was told to stop while a step of the set-up ran. */
export class Interrupted extends Error {
  /** @param {NodeJS.Signals} signal */
  constructor(signal) {
    super(`stopped by ${signal}`);
    this.signal = signal;
  }
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, show?: boolean, shell?: boolean, timeoutMs?: number, onStart?: (pid: number) => void }} options
 *   `show`: the child has this process's terminal; otherwise stdin is empty and the output is returned
 * @returns {Promise<Ended>}
 */
export function runChild(command, args, { cwd, env = process.env, show = false, shell = false, timeoutMs, onStart }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, shell, stdio: show ? "inherit" : ["ignore", "pipe", "pipe"] });
    if (child.pid !== undefined) onStart?.(child.pid);
    /** @type {Buffer[]} */
    const chunks = [];
    child.stdout?.on("data", (chunk) => chunks.push(chunk));
    child.stderr?.on("data", (chunk) => chunks.push(chunk));

    /** @type {NodeJS.Signals | null} */
    let interruptedBy = null;
    // A terminal sends Ctrl+C to the whole group: handing it on would give the child two, and a second Ctrl+C
    // means "at once" to many programs.
    const terminal = [0, 1, 2].some((descriptor) => isatty(descriptor));
    /** @param {NodeJS.Signals} signal */
    const onSignal = (signal) => {
      interruptedBy = signal;
      if (signal !== "SIGINT" || !terminal) child.kill(signal);
    };
    for (const signal of SIGNALS) process.on(signal, onSignal);
    /** @type {NodeJS.Timeout[]} */
    const timers = [];
    if (timeoutMs !== undefined) {
      timers.push(setTimeout(() => child.kill("SIGTERM"), timeoutMs));
      timers.push(setTimeout(() => child.kill("SIGKILL"), timeoutMs + 10_000));
    }
    const done = () => {
      for (const timer of timers) clearTimeout(timer);
      for (const signal of SIGNALS) process.off(signal, onSignal);
    };
    child.on("error", (error) => {
      done();
      reject(error);
    });
    child.on("close", (code, signal) => {
      done();
      resolve({ code, signal, output: Buffer.concat(chunks).toString("utf8"), interruptedBy });
    });
  });
}

/**
 * Ends this process the way the child ended: the same exit code, or the same signal.
 * @param {{ code: number | null, signal: NodeJS.Signals | null }} ended
 */
export function endLike({ code, signal }) {
  if (signal === null) {
    process.exitCode = code ?? 1;
    return;
  }
  process.exitCode = 128 + (constants.signals[signal] ?? 0);
  process.kill(process.pid, signal);
}

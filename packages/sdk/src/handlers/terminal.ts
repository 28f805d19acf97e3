/**
 * Exclusive use of the controlling terminal, for one question at a time in the whole process.
 * It opens /dev/tty and never touches standard input or output, which may carry MCP; a process.stdin that reads the same
 * terminal is paused meanwhile. It must leave the terminal as it was on every path, and nothing behind that keeps the
 * process alive. Called by prompt-approval.ts.
 */
import { isatty } from "node:tty";
import { errorCode, measure, openDevice, showsOnlyAscii, whyNoTerminal } from "./terminal-device.ts";
import { enterQueue, type Turn } from "./terminal-queue.ts";

export type TerminalEvent =
  | { readonly type: "input"; readonly text: string }
  /** The window has another size, or the process was stopped and continued: what was drawn may be gone. */
  | { readonly type: "redraw" }
  /** Nothing came for `quietMs`. */
  | { readonly type: "quiet" }
  /** The terminal hung up, or the process is asked to end. */
  | { readonly type: "gone" }
  | { readonly type: "aborted" };

export interface Terminal {
  /** Counts the questions of this process, from 1. */
  readonly turn: number;
  /** True where the locale or the terminal shows no more than ASCII. */
  readonly ascii: boolean;
  /** How many questions wait behind this one. */
  waiting(): number;
  size(): { readonly columns: number; readonly rows: number };
  /** Resolves when the terminal took the text, when it is gone, and when the signal aborts. Never rejects. */
  write(text: string): Promise<void>;
  /** The next event. Events are kept until asked for. */
  next(options?: { readonly quietMs?: number }): Promise<TerminalEvent>;
  /** Restores the terminal and lets the next question in. Idempotent. */
  close(): Promise<void>;
}

export type OpenedTerminal =
  | { readonly kind: "open"; readonly terminal: Terminal }
  /** `why` is a sentence for people. */
  | { readonly kind: "none"; readonly why: string }
  | { readonly kind: "aborted" };

/** Waits for its turn, then opens the terminal. `signal` ends the waiting and shows up as the event `aborted` afterwards. */
export type OpenTerminal = (signal: AbortSignal, options?: OpenTerminalOptions) => Promise<OpenedTerminal>;

export interface OpenTerminalOptions {
  /** On a screen of its own that goes when the terminal is closed. Default false. */
  readonly ownScreen?: boolean;
}

/** Opens the controlling terminal of this process. */
export const openTerminal: OpenTerminal = async (signal, { ownScreen = false } = {}) => {
  // Known before the queue, so that a process without a terminal answers at once.
  const missing = whyNoTerminal();
  if (missing !== undefined) return { kind: "none", why: missing };
  const turn = await enterQueue(signal);
  if (turn === undefined) return { kind: "aborted" };
  try {
    return { kind: "open", terminal: own(signal, turn, ownScreen) };
  } catch (error) {
    turn.leave();
    return { kind: "none", why: `the controlling terminal cannot be used (${errorCode(error)})` };
  }
};

const END_SIGNALS = ["SIGHUP", "SIGINT", "SIGTERM"] as const;
const LAST_WORDS_MS = 250;

function own(signal: AbortSignal, turn: Turn, ownScreen: boolean): Terminal {
  const device = openDevice(ownScreen);
  const resumeStdin = pauseStdin();
  const events: TerminalEvent[] = [];
  let wake: (() => void) | undefined;
  let restored = false;
  let ended = false;
  const over = Promise.withResolvers<void>();

  const push = (event: TerminalEvent): void => {
    if (event.type === "gone" || event.type === "aborted") {
      ended = true;
      over.resolve();
    }
    events.push(event);
    wake?.();
  };
  const onAbort = (): void => push({ type: "aborted" });
  const onRedraw = (): void => push({ type: "redraw" });
  const onContinue = (): void => {
    device.takeAgain();
    push({ type: "redraw" });
  };
  const onGone = (): void => push({ type: "gone" });
  const onSignal = (name: NodeJS.Signals): void => {
    // Ours alone: without us the process would have ended, so it does, with its terminal in order.
    const alone = process.listenerCount(name) === 1;
    restore();
    onGone();
    if (alone) process.kill(process.pid, name);
  };
  function restore(): void {
    if (restored) return;
    restored = true;
    device.restore();
    signal.removeEventListener("abort", onAbort);
    process.removeListener("exit", restore);
    process.removeListener("SIGWINCH", onRedraw);
    process.removeListener("SIGCONT", onContinue);
    for (const name of END_SIGNALS) process.removeListener(name, onSignal);
    resumeStdin();
  }

  process.on("exit", restore);
  process.on("SIGWINCH", onRedraw);
  process.on("SIGCONT", onContinue);
  // First in line: who listens only once would be gone from the count by the time we look.
  for (const name of END_SIGNALS) process.prependListener(name, onSignal);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    device.start((text) => push({ type: "input", text }), onGone);
  } catch (error) {
    restore();
    device.close();
    throw error;
  }

  return {
    turn: turn.number,
    ascii: showsOnlyAscii(process.env),
    waiting: () => turn.waiting(),
    size: measure,
    async write(text) {
      await Promise.race([device.write(text), ended ? undefined : over.promise]);
    },
    async next({ quietMs } = {}) {
      if (events.length === 0) {
        const woken = Promise.withResolvers<void>();
        wake = () => woken.resolve();
        const timer = quietMs === undefined ? undefined : setTimeout(wake, quietMs);
        await woken.promise;
        clearTimeout(timer);
        wake = undefined;
      }
      return events.shift() ?? { type: "quiet" };
    },
    async close() {
      restore();
      // What was said last should be seen, but a terminal that takes nothing must not hold us.
      const timeUp = Promise.withResolvers<void>();
      const timer = setTimeout(() => timeUp.resolve(), LAST_WORDS_MS);
      await Promise.race([device.write(""), timeUp.promise]);
      clearTimeout(timer);
      device.close();
      turn.leave();
    },
  };
}

/** Two readers on one terminal would each get some of the keys. */
function pauseStdin(): () => void {
  const stdin = isatty(0) ? process.stdin : undefined;
  if (stdin?.readableFlowing !== true) return () => {};
  stdin.pause();
  return () => void stdin.resume();
}

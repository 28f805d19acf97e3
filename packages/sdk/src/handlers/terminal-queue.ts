/** The line in which questions wait for the terminal of this process. */

/** Whose turn it is. Hold it as long as the terminal is in use. */
export interface Turn {
  /** Counts the turns of this process, from 1. */
  readonly number: number;
  /** How many wait behind this one. */
  waiting(): number;
  /** Lets the next one in. Idempotent. */
  leave(): void;
}

interface TerminalQueue {
  tail: Promise<void>;
  waiting: number;
  turns: number;
}

const QUEUE: unique symbol = Symbol.for("countersign.terminal.queue");

/** Waits for its turn. Undefined where the signal aborted first; then nothing has to be left. */
export async function enterQueue(signal: AbortSignal): Promise<Turn | undefined> {
  const queue = terminalQueue();
  const before = queue.tail;
  const mine = Promise.withResolvers<void>();
  queue.tail = before.then(() => mine.promise);
  queue.waiting += 1;
  const aborted = Promise.withResolvers<void>();
  const onAbort = (): void => aborted.resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  await Promise.race([before, aborted.promise]);
  signal.removeEventListener("abort", onAbort);
  queue.waiting -= 1;
  if (signal.aborted) {
    mine.resolve();
    return undefined;
  }
  queue.turns += 1;
  return { number: queue.turns, waiting: () => queue.waiting, leave: () => mine.resolve() };
}

/** One queue for all copies of the SDK in this process: two prompts that read one terminal would share out the answers. */
function terminalQueue(): TerminalQueue {
  const found: unknown = Reflect.get(globalThis, QUEUE);
  if (isQueue(found)) return found;
  const made: TerminalQueue = { tail: Promise.resolve(), waiting: 0, turns: 0 };
  Reflect.set(globalThis, QUEUE, made);
  return made;
}

function isQueue(value: unknown): value is TerminalQueue {
  if (typeof value !== "object" || value === null || !("tail" in value) || !("waiting" in value) || !("turns" in value)) return false;
  return value.tail instanceof Promise && typeof value.waiting === "number" && typeof value.turns === "number";
}

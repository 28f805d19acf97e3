/**
 * The beginning of each listed call's arguments. Lists are without arguments (R28), so what stands on the screen for a moment is read
 * like an opened request, two at a time, and one line of it is kept, by call digest.
 */
import { argumentPreview } from "./argument-preview.ts";
import { readRequest } from "./requests.ts";

export interface Previews {
  /** Undefined until it is known. */
  of(callDigest: string): string | undefined;
  /** Reads it, unless the row is gone before it is its turn. Ends with what it answers. */
  watch(request: { readonly id: string; readonly callDigest: string }, listener: () => void): () => void;
  close(): void;
}

const LINGER_MS = 80;
const AT_ONCE = 2;
const KEPT = 2_000;

interface Wanted {
  readonly id: string;
  readonly listeners: Set<() => void>;
}

export function openPreviews(read = readRequest): Previews {
  const known = new Map<string, string>();
  const wanted = new Map<string, Wanted>();
  const reading = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;

  function readSoon(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      readNext();
    }, LINGER_MS);
  }

  function readNext(): void {
    for (const [callDigest, one] of wanted) {
      if (reading.size >= AT_ONCE || isClosed) return;
      if (reading.has(callDigest) || known.has(callDigest)) continue;
      reading.add(callDigest);
      void readOne(callDigest, one);
    }
  }

  async function readOne(callDigest: string, { id, listeners }: Wanted): Promise<void> {
    const said = await read(id);
    reading.delete(callDigest);
    if (isClosed) return;
    if (said.ok) {
      keep(callDigest, said.value.argumentsText === null ? "the arguments were erased" : argumentPreview(said.value.argumentsText));
      for (const listener of listeners) listener();
    } else wanted.delete(callDigest); // asked for again when its row comes again
    readNext();
  }

  function keep(callDigest: string, line: string): void {
    known.set(callDigest, line);
    const [oldest] = known.keys();
    if (known.size > KEPT && oldest !== undefined) known.delete(oldest);
  }

  return {
    of: (callDigest) => known.get(callDigest),
    watch({ id, callDigest }, listener) {
      const one = wanted.get(callDigest) ?? { id, listeners: new Set() };
      wanted.set(callDigest, one);
      one.listeners.add(listener);
      if (!known.has(callDigest)) readSoon();
      return () => {
        one.listeners.delete(listener);
        if (one.listeners.size === 0 && wanted.get(callDigest) === one) wanted.delete(callDigest);
      };
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      wanted.clear();
      known.clear();
    },
  };
}

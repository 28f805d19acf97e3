/** The live events of a control plane, for commands: comes back by itself where it left off, until the signal ends it. */
import { setTimeout as sleep } from "node:timers/promises";
import { parseJson } from "@countersign/sdk/call";
import { createSseParser, type EventName } from "@countersign/sdk/wire";
import { PassingFailure, type ControlClient } from "./control-client.ts";
import { CheckFailure } from "./ports.ts";

export interface LiveEvent {
  readonly event: EventName;
  readonly data: Readonly<Record<string, unknown>>;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/**
 * `onEvent` gets one after the other; what it returns is waited for. Where it fails, the stream is taken up again before that event, so
 * none is lost. `onBreak` hears of each time that the stream was lost, with why: there is no other news of it. Resolves when the signal is
 * aborted; rejects with CheckFailure where the control plane refuses, which coming back would not change.
 */
export async function followEvents(client: Pick<ControlClient, "listen">, signal: AbortSignal, onEvent: (event: LiveEvent) => void | Promise<void>, onBreak: (why: string) => void = () => {}): Promise<void> {
  let lastEventId = "";
  let failures = 0;
  while (!signal.aborted) {
    try {
      for await (const { id, ...event } of eventsOf(client, lastEventId, signal)) {
        await onEvent(event);
        lastEventId = id;
        // A hello alone is no success: what comes after it may fail each time.
        if (event.event !== "hello") failures = 0;
      }
    } catch (cause) {
      if (cause instanceof CheckFailure && !(cause instanceof PassingFailure)) throw cause;
      if (!signal.aborted) onBreak(cause instanceof Error ? cause.message : String(cause));
    }
    await sleep(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++), undefined, { signal }).catch(() => {});
  }
}

interface Told extends LiveEvent {
  /** Where the stream goes on after it. */
  readonly id: string;
}

async function* eventsOf(client: Pick<ControlClient, "listen">, lastEventId: string, signal: AbortSignal): AsyncGenerator<Told, void> {
  const come: Told[] = [];
  const parser = createSseParser(({ event, data }) => void come.push(...read(event, data, parser.lastEventId)), lastEventId);
  for await (const bytes of await client.listen("/v1/events", lastEventId, signal)) {
    parser.push(Buffer.from(bytes));
    yield* come.splice(0);
  }
}

/** An event that is not what it should be is none. */
function read(event: string, text: string, id: string): readonly Told[] {
  try {
    const data: unknown = parseJson(text);
    // The names are the server's; whoever does not know one passes it by.
    return data !== null && typeof data === "object" ? [{ event: event as EventName, data: data as LiveEvent["data"], id }] : [];
  } catch {
    return [];
  }
}

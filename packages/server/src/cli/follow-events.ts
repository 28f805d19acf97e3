/** The live events of a control plane, for commands: comes back by itself where it left off, until the signal ends it. */
import { setTimeout as sleep } from "node:timers/promises";
import { createSseParser, type EventName } from "@countersign/sdk/wire";
import type { ControlClient } from "./control-client.ts";

export interface LiveEvent {
  readonly event: EventName;
  readonly data: Readonly<Record<string, unknown>>;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/**
 * `onEvent` gets one after the other; what it returns is waited for. `onBreak` hears of each time that the stream was lost, with why: there is
 * no other news of it. Resolves when the signal is aborted.
 */
export async function followEvents(client: Pick<ControlClient, "listen">, signal: AbortSignal, onEvent: (event: LiveEvent) => void | Promise<void>, onBreak: (why: string) => void = () => {}): Promise<void> {
  let lastEventId = "";
  let failures = 0;
  while (!signal.aborted) {
    try {
      const body = await client.listen("/v1/events", lastEventId, signal);
      const come: LiveEvent[] = [];
      const parser = createSseParser(({ event, data }) => come.push(...read(event, data)), lastEventId);
      for await (const bytes of body) {
        parser.push(Buffer.from(bytes));
        lastEventId = parser.lastEventId;
        failures = 0;
        for (const event of come.splice(0)) await onEvent(event);
      }
    } catch (cause) {
      if (!signal.aborted) onBreak(cause instanceof Error ? cause.message : String(cause));
    }
    await sleep(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++), undefined, { signal }).catch(() => {});
  }
}

/** An event that is not what it should be is none. */
function read(event: string, text: string): readonly LiveEvent[] {
  try {
    const data: unknown = JSON.parse(text);
    // The names are the server's; whoever does not know one passes it by.
    return data !== null && typeof data === "object" ? [{ event: event as EventName, data: data as LiveEvent["data"] }] : [];
  } catch {
    return [];
  }
}

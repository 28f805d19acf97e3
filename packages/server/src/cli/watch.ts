/** `countersign watch`: one line for each thing that happens, for people and for pipes. Names only: no argument, no secret. */
import { setTimeout as sleep } from "node:timers/promises";
import { quoteText } from "@countersign/sdk";
import { PassingFailure, type ControlClient } from "./control-client.ts";
import { readRequest } from "./decide.ts";
import { followEvents, type LiveEvent } from "./follow-events.ts";
import type { ExitCode, Format, Ports } from "./ports.ts";

export async function watch(client: ControlClient, format: Format, stopped: Promise<void>, { out, err, now }: Ports): Promise<ExitCode> {
  const ending = new AbortController();
  void stopped.then(() => ending.abort());
  const say = (line: Line): void => out(format === "json" ? JSON.stringify(line) : textOf(line));
  let isFirst = true;
  await followEvents(
    client,
    ending.signal,
    async (event) => {
      say({ at: new Date(now()).toISOString(), ...(await lineOf(client, event, ending.signal)) });
      if (event.event !== "hello") return;
      if (!isFirst && event.data["resumed"] === false) err("countersign: too much happened meanwhile, and it is not told here. See: countersign audit query");
      isFirst = false;
    },
    (why) => err(`countersign: the stream broke off (${why}); coming back`),
  );
  return 0;
}

type Line = { readonly at: string; readonly event: string } & Readonly<Record<string, string | number | boolean | null>>;

/**
 * What is told of a request is how it stands when it is read, which may be later than the event. Where the control plane does not answer, the
 * event is left for when it does; where it refuses, what came with the event is told.
 */
async function lineOf(client: ControlClient, { event, data }: LiveEvent, signal: AbortSignal): Promise<Omit<Line, "at"> & { readonly event: string }> {
  if (event !== "request" || typeof data["requestId"] !== "string") return { event, ...plain(data) };
  const { requestId } = data;
  try {
    const { state, tool, server, agent, requestDigest, expiresAt } = await readPatiently(client, requestId, signal);
    return { event, requestId, state, tool, server, agent, requestDigest, expiresAt: new Date(expiresAt).toISOString() };
  } catch (error) {
    if (error instanceof PassingFailure) throw error;
    return { event, ...plain(data) };
  }
}

/** Waits where the control plane says for how long. */
async function readPatiently(client: ControlClient, id: string, signal: AbortSignal): ReturnType<typeof readRequest> {
  for (;;) {
    try {
      return await readRequest(client, id);
    } catch (error) {
      if (!(error instanceof PassingFailure) || error.retryAfterMs === undefined) throw error;
      await sleep(error.retryAfterMs, undefined, { signal });
    }
  }
}

function plain(data: LiveEvent["data"]): Readonly<Record<string, string | number | boolean>> {
  return Object.fromEntries(Object.entries(data).flatMap(([name, value]) => (typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? [[name, value]] : [])));
}

function textOf({ at, event, requestId, state, tool, server, agent, ...rest }: Line): string {
  if (typeof tool === "string") return `${at}  ${event}  ${String(state)}  ${String(requestId)}  tool ${quoteText(tool)} on ${typeof server === "string" ? `server ${quoteText(server)}` : "an unknown server"}, agent ${quoteText(String(agent))}`;
  const told = Object.entries({ ...(requestId === undefined ? {} : { requestId }), ...(state === undefined ? {} : { state }), ...rest });
  return [at, event, ...told.map(([name, value]) => `${name} ${quoteText(String(value))}`)].join("  ");
}

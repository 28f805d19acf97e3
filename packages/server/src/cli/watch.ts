/** `countersign watch`: one line for each thing that happens, for people and for pipes. Names only: no argument, no secret. */
import { quoteText } from "@countersign/sdk";
import type { ControlClient } from "./control-client.ts";
import { readRequest } from "./decide.ts";
import { followEvents, type LiveEvent } from "./follow-events.ts";
import type { ExitCode, Format, Ports } from "./ports.ts";

export async function watch(client: ControlClient, format: Format, stopped: Promise<void>, { out, err, now }: Ports): Promise<ExitCode> {
  const ending = new AbortController();
  void stopped.then(() => ending.abort());
  const say = (line: Line): void => out(format === "json" ? JSON.stringify(line) : textOf(line));
  await followEvents(
    client,
    ending.signal,
    async (event) => say({ at: new Date(now()).toISOString(), ...(await lineOf(client, event)) }),
    (why) => err(`countersign: the stream broke off (${why}); coming back`),
  );
  return 0;
}

type Line = { readonly at: string; readonly event: string } & Readonly<Record<string, string | number | boolean | null>>;

/** What is told of a request is how it stands when it is read, which may be later than the event. */
async function lineOf(client: ControlClient, { event, data }: LiveEvent): Promise<Omit<Line, "at"> & { readonly event: string }> {
  if (event !== "request" || typeof data["requestId"] !== "string") return { event, ...plain(data) };
  const { requestId } = data;
  try {
    const { state, tool, server, agent, requestDigest, expiresAt } = await readRequest(client, requestId);
    return { event, requestId, state, tool, server, agent, requestDigest, expiresAt: new Date(expiresAt).toISOString() };
  } catch {
    return { event, ...plain(data) };
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

/**
 * A client of Streamable HTTP in a session, by fetch and without any SDK: what the server said is there as lines, in its own bytes. What
 * the gateway says is compared with it.
 */
import { untilFound } from "../../packages/server/src/gateway/fixture/until-found.ts";
import { read, type LinePeer, type Message } from "./stdio-peer.ts";

export function startHttpPeer(url: string, answer: (request: Message) => object | undefined): LinePeer {
  const lines: string[] = [];
  const listeners = new Set<() => void>();
  const over = new AbortController();
  const open = new Set<Promise<void>>();
  let headers: Record<string, string> = {};
  let last: Promise<unknown> = Promise.resolve();

  const hear = (data: string): void => {
    lines.push(`${data}\n`);
    const request = read(data);
    const result = typeof request["method"] === "string" && request["id"] !== undefined ? answer(request) : undefined;
    if (result !== undefined) send({ jsonrpc: "2.0", id: request["id"], result });
    for (const listener of listeners) listener();
  };

  async function exchange(method: string, body?: string): Promise<Response> {
    const accept = { accept: method === "GET" ? "text/event-stream" : "application/json, text/event-stream", "content-type": "application/json" };
    const response = await fetch(url, { method, headers: { ...headers, ...accept }, signal: over.signal, ...(body === undefined ? {} : { body }) });
    const session = response.headers.get("mcp-session-id");
    if (session !== null) headers = { "mcp-session-id": session, "mcp-protocol-version": "2025-11-25" };
    return response;
  }

  async function listen(response: Response): Promise<void> {
    if (response.headers.get("content-type")?.includes("event-stream") !== true) {
      const text = await response.text();
      if (text !== "") hear(text);
      return;
    }
    let rest = "";
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const events = (rest + chunk).split("\n\n");
      rest = events.pop() ?? "";
      for (const event of events) {
        const data = event.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
        if (data !== "") hear(data);
      }
    }
  }

  const keep = (work: Promise<void>): void => {
    const kept = work.catch(() => undefined).finally(() => open.delete(kept));
    open.add(kept);
  };

  function send(message: object | string): void {
    const body = typeof message === "string" ? message : JSON.stringify(message);
    // One after the other, as on a stream, until the server has begun to answer.
    const begun = last.then(() => exchange("POST", body));
    last = begun.catch(() => undefined);
    keep(
      begun.then(async (response) => {
        if (read(body)["method"] === "notifications/initialized") keep(exchange("GET").then(listen));
        await listen(response);
      }),
    );
  }

  const heard = (fits: (message: Message) => boolean, withinMs = 15_000): Promise<string> =>
    untilFound(() => lines.find((line) => fits(read(line))), listeners, () => `not heard; it said:\n${lines.join("")}`, withinMs);

  return {
    send,
    heard,
    lines,
    async ask(id, method, params) {
      send({ jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) });
      return heard((message) => message["id"] === id && message["method"] === undefined);
    },
    async end() {
      over.abort();
      await Promise.all(open);
      return 0;
    },
    kill: () => Promise.resolve(),
  };
}

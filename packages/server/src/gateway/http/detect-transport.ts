/**
 * Which of the two transports a server at an address speaks, found out by looking: the older one begins a stream for a GET at once, with an
 * event that says where to send messages to (MCP 2024-11-05); everything else is Streamable HTTP. Looking begins no session and changes nothing.
 */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";

export type DetectedTransport = "http" | "sse";

const PATIENCE_MS = 5_000;
/** The first event of the older transport comes at once. */
const EVENT_MS = 1_000;
const MAX_BYTES = 4_096;

/** Undefined where nobody answers. Never rejects. */
export function detectTransport(url: URL, headers: Readonly<Record<string, string>>): Promise<DetectedTransport | undefined> {
  return new Promise((resolve) => {
    const make = url.protocol === "https:" ? httpsRequest : httpRequest;
    const request = make(url, { method: "GET", agent: false, headers: { ...headers, accept: "text/event-stream", "accept-encoding": "identity" } });
    const end = (found: DetectedTransport | undefined): void => {
      clearTimeout(timer);
      resolve(found);
      request.destroy();
    };
    const timer = setTimeout(() => end(undefined), PATIENCE_MS);
    request.on("error", () => end(undefined));
    request.on("response", (response) => {
      response.on("error", () => end(undefined));
      const isStream = response.statusCode === 200 && /^text\/event-stream\b/i.test(response.headers["content-type"] ?? "");
      if (isStream) void firstEvent(response).then((event) => end(event === "endpoint" ? "sse" : "http"));
      else end("http");
    });
    request.end();
  });
}

/** The name of the first event; undefined where none comes. */
function firstEvent(response: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), EVENT_MS);
    let text = "";
    const look = (isOver: boolean): void => {
      const found = /^event: ?([^\r\n]*)[\r\n]/m.exec(text)?.[1];
      if (found === undefined && !isOver && text.length < MAX_BYTES) return;
      clearTimeout(timer);
      resolve(found);
    };
    response.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
      look(false);
    });
    response.on("close", () => look(true));
  });
}

/**
 * Slack as far as the example needs it, on this machine, for its test: a third party that refuses what Slack refuses.
 * It must never be kinder than Slack. The Web API answers 200 with `ok: false`, as Slack's does.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text as readBody } from "node:stream/consumers";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { blockProblems } from "./block-rules.ts";

export const BOT_TOKEN = "xoxb-1-test";
export const APP_TOKEN = "xapp-1-test";
export const CHANNEL = "C0APPROVALS";
/** People, with the addresses that `users:read.email` shows. */
const PEOPLE: ReadonlyMap<string, string | undefined> = new Map([["U0JANE", "jane@company.com"], ["U0ANON", undefined]]);
const MAX_BLOCK_CHARACTERS = 13_200;
const ACK_MS = 3000;

type Fields = Readonly<Record<string, unknown>>;
export interface SlackRequest {
  readonly method: string;
  readonly form: Readonly<Record<string, string>>;
  readonly error: string | undefined;
}

export interface StrictSlack {
  readonly apiUrl: string;
  /** Every request in order, refused ones too. */
  readonly requests: readonly SlackRequest[];
  /** The blocks of the last message as it is now; undefined while there is none. */
  blocks(): readonly unknown[] | undefined;
  /** Presses a button of a message, the last by default. Resolves with the milliseconds until the app acknowledged; rejects after 3 seconds. */
  click(actionId: string, userId: string, position?: number): Promise<number>;
  close(): Promise<void>;
}

class Refused extends Error {
  readonly details: readonly string[];
  constructor(code: string, details: readonly string[] = []) {
    super(code);
    this.details = details;
  }
}

export async function startStrictSlack(): Promise<StrictSlack> {
  const requests: SlackRequest[] = [];
  const messages = new Map<string, Fields>();
  const tickets = new Set<string>();
  const sockets = new Set<WebSocket>();
  const acks = new Map<string, () => void>();
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const method = /^\/api\/([\w.]+)$/.exec(request.url ?? "")?.[1] ?? "";
      const form = Object.fromEntries(new URLSearchParams(await readBody(request)));
      let body: Fields;
      try {
        body = { ok: true, ...call(method, form, request) };
        requests.push({ method, form, error: undefined });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        requests.push({ method, form, error: error.message });
        body = { ok: false, error: error.message, response_metadata: { messages: error.details } };
      }
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    answer().catch(() => response.destroy());
  });

  function call(method: string, form: Readonly<Record<string, string>>, request: IncomingMessage): Fields {
    if (request.method !== "POST") throw new Refused("method_not_supported_for_channel_type");
    if (request.headers["content-type"] !== "application/x-www-form-urlencoded") throw new Refused("invalid_post_type");
    checkToken(request, method === "apps.connections.open" ? APP_TOKEN : BOT_TOKEN);
    switch (method) {
      case "apps.connections.open": {
        const ticket = randomUUID();
        tickets.add(ticket);
        return { url: `ws://127.0.0.1:${port()}/link/?ticket=${ticket}` };
      }
      case "chat.postMessage": {
        const ts = `${Math.floor(Date.now() / 1000)}.${String(messages.size + 1).padStart(6, "0")}`;
        messages.set(ts, readMessage(form));
        return { channel: CHANNEL, ts, message: messages.get(ts) };
      }
      case "chat.update": {
        if (!messages.has(form["ts"] ?? "")) throw new Refused("message_not_found");
        messages.set(form["ts"] ?? "", readMessage(form));
        return { channel: CHANNEL, ts: form["ts"] };
      }
      case "users.info": {
        const id = form["user"] ?? "";
        if (!PEOPLE.has(id)) throw new Refused("user_not_found");
        return { user: { id, is_bot: false, profile: { email: PEOPLE.get(id) } } };
      }
      default:
        throw new Refused("unknown_method");
    }
  }

  // A listening TCP server's address is an object.
  const port = (): number => (server.address() as AddressInfo).port;
  const links = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => undefined); // whoever asked may be gone
    // A ticket opens one connection.
    if (!tickets.delete(new URL(request.url ?? "", "ws://127.0.0.1").searchParams.get("ticket") ?? "")) {
      socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
      return;
    }
    links.handleUpgrade(request, socket, head, (link) => {
      sockets.add(link);
      link.on("close", () => sockets.delete(link));
      link.on("message", (data: Buffer) => {
        const { envelope_id: id }: { envelope_id?: string } = JSON.parse(data.toString("utf8"));
        acks.get(id ?? "")?.();
      });
      link.send(JSON.stringify({ type: "hello", num_connections: sockets.size, connection_info: { app_id: "A0TEST" } }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    apiUrl: `http://127.0.0.1:${port()}/api/`,
    requests,
    blocks: () => [...messages.values()].map((message) => listOf(message["blocks"])).at(-1),
    async click(actionId, userId, position = -1) {
      const [ts, message] = [...messages].at(position) ?? ["", {}];
      const payload = clickPayload(actionId, userId, ts, message);
      const envelopeId = randomUUID();
      const acknowledged = Promise.withResolvers<void>();
      acks.set(envelopeId, acknowledged.resolve);
      const limit = setTimeout(() => acknowledged.reject(new Error(`no acknowledgement within ${ACK_MS} ms`)), ACK_MS);
      const started = performance.now();
      for (const link of sockets) link.send(JSON.stringify({ type: "interactive", envelope_id: envelopeId, accepts_response_payload: false, payload }));
      await acknowledged.promise.finally(() => clearTimeout(limit));
      return performance.now() - started;
    },
    async close() {
      for (const link of sockets) link.terminate();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function checkToken(request: IncomingMessage, wanted: string): void {
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1];
  if (token === undefined) throw new Refused("not_authed");
  if (token !== BOT_TOKEN && token !== APP_TOKEN) throw new Refused("invalid_auth");
  if (token !== wanted) throw new Refused("not_allowed_token_type");
}

function readMessage(form: Readonly<Record<string, string>>): Fields {
  if (form["channel"] !== CHANNEL) throw new Refused("channel_not_found");
  if ((form["text"] ?? "") === "" && form["blocks"] === undefined) throw new Refused("no_text");
  const blocks = form["blocks"] === undefined ? [] : parseBlocks(form["blocks"]);
  const problems = blockProblems(blocks);
  if (problems.length > 0) throw new Refused("invalid_blocks", problems);
  if ((form["blocks"] ?? "").length > MAX_BLOCK_CHARACTERS) throw new Refused("msg_blocks_too_long");
  return { text: form["text"], blocks };
}

function parseBlocks(text: string): readonly unknown[] {
  try {
    const blocks: unknown = JSON.parse(text);
    if (Array.isArray(blocks)) return blocks;
  } catch {
    // The same refusal as for JSON that is no list.
  }
  throw new Refused("invalid_blocks_format");
}

/** The `block_actions` payload of a button that is there to be pressed. */
function clickPayload(actionId: string, userId: string, ts: string, message: Fields): Fields {
  for (const block of listOf(message["blocks"])) {
    for (const element of listOf(Reflect.get(Object(block), "elements"))) {
      const { action_id, value }: { action_id?: string; value?: string } = Object(element);
      if (action_id !== actionId) continue;
      return {
        type: "block_actions",
        user: { id: userId, username: userId.toLowerCase(), team_id: "T0TEST" },
        api_app_id: "A0TEST",
        container: { type: "message", message_ts: ts, channel_id: CHANNEL, is_ephemeral: false },
        team: { id: "T0TEST", domain: "test" },
        channel: { id: CHANNEL, name: "mcp-approvals" },
        message: { type: "message", ts, ...message },
        actions: [{ type: "button", action_id, block_id: Reflect.get(Object(block), "block_id"), value, action_ts: ts }],
      };
    }
  }
  throw new Error(`the message has no button ${actionId}`);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

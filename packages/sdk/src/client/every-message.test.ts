import { describe, expect, it } from "vitest";
import { shutdown } from "../index.ts";
import { CLIENT_KINDS, type Connected } from "./fixture/connected-client.ts";
import { connect, refusalOf, rows, start, useGovernance, WRITE, WRITES } from "./fixture/governed-client.ts";

useGovernance();

const ANYTHING = { parse: (value: unknown) => value, safeParse: (data: unknown) => ({ success: true, data }), "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) } };
const CALL = { method: "tools/call", params: WRITE };

/** What the client writes goes through JSON, as over stdio and HTTP; in memory, objects would arrive as they are. */
function overText({ client }: Connected): string[] {
  const written: string[] = [];
  // An in-memory transport of either line.
  const transport = client.transport as { send(message: unknown, ...rest: unknown[]): Promise<void> };
  const { send } = transport;
  transport.send = (message, ...rest) => {
    const text = JSON.stringify(message);
    written.push(text);
    return send.call(transport, JSON.parse(text), ...rest);
  };
  return written;
}

const settled = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);
/** A call in disguise may go unanswered. */
const soon = (promise: Promise<unknown>): Promise<unknown> => Promise.race([settled(promise), new Promise((resolve) => setTimeout(resolve, 100))]);

describe.each(CLIENT_KINDS)("%s client: no message that a server could read as a call passes by the policy", (kind) => {
  it.each<[string, (connected: Connected) => unknown]>([
    ["a notification", ({ client }) => client.notification(CALL)],
    ["a notification with an id, which is a request", ({ client }) => client.notification({ ...CALL, id: 99 })],
    ["a notification whose method is a String object", ({ client }) => client.notification({ ...CALL, id: 99, method: new String("tools/call") })],
    ["a notification that is written as something else", ({ client }) => client.notification({ method: "notifications/progress", params: { progressToken: 1, progress: 2 }, toJSON: () => ({ jsonrpc: "2.0", id: 99, ...CALL }) })],
    ["a request whose method is a String object", ({ client }) => client.request({ ...CALL, method: new String("tools/call") }, ANYTHING)],
    ["a request whose method is written as something else", ({ client }) => client.request({ ...CALL, method: { toJSON: () => "tools/call" } }, ANYTHING)],
    ["a request that is written as something else", ({ client }) => client.request({ method: "ping", toJSON: () => ({ jsonrpc: "2.0", id: 99, ...CALL }) }, ANYTHING)],
  ])("%s", async (_name, send) => {
    start(WRITES);
    const connected = await connect(kind, { onPolicyBlock: null });
    const written = overText(connected);
    await soon((async () => send(connected))());
    expect(connected.received).toEqual([]);
    expect(written.filter((text) => text.includes("tools/call"))).toEqual([]);
  });

  it("a call that is sent as a notification is refused as malformed_call, and the record has it", async () => {
    start(WRITES);
    const connected = await connect(kind, { onPolicyBlock: () => true });
    expect((await refusalOf(connected.client.notification(CALL))).code).toBe("malformed_call");
    await shutdown();
    expect(rows().filter(({ type }) => type === "decision")).toMatchObject([{ code: "malformed_call", policyId: "mcp:filesystem:", reason: "a call is a request; it cannot be sent as a notification" }]);
  });

  it("a second member that reads as method where cases are folded is not sent", async () => {
    start(WRITES);
    const connected = await connect(kind, { onPolicyBlock: null });
    const written = overText(connected);
    await soon(connected.client.request({ method: "ping", Method: "tools/call", params: WRITE }, ANYTHING));
    expect(written.map((text) => Object.keys(JSON.parse(text) as object).toSorted())).toEqual([["id", "jsonrpc", "method", "params"]]);
  });

  it("other requests and notifications pass, params and all", async () => {
    start(WRITES);
    const connected = await connect(kind, { onPolicyBlock: null });
    const written = overText(connected);
    await connected.client.request({ method: "ping", params: { _meta: { a: 1 } } }, ANYTHING);
    await connected.client.request({ method: "ping" }, ANYTHING);
    await connected.client.notification({ method: "notifications/progress", params: { progressToken: 1, progress: 2 } });
    const messages = written.map((text) => JSON.parse(text) as { method: string; params?: unknown });
    expect(messages.map(({ method, params }) => [method, params])).toEqual([["ping", { _meta: { a: 1 } }], ["ping", undefined], ["notifications/progress", { progressToken: 1, progress: 2 }]]);
  });

  it("what a handler sends while the server asks the client something is governed like the rest", async () => {
    const sent: Promise<unknown>[] = [];
    start(WRITES);
    const connected = await connect(kind, { onPolicyBlock: null });
    const handle = async (_request: unknown, context: Record<string, unknown>): Promise<object> => {
      // v1 and v2 name the same two functions differently.
      const request = (context["mcpReq"] ?? context) as Record<string, (message: unknown, ...rest: unknown[]) => Promise<unknown>>;
      sent.push((async () => (request["send"] ?? request["sendRequest"])?.(CALL, ANYTHING))());
      sent.push((async () => (request["notify"] ?? request["sendNotification"])?.({ ...CALL, id: 99 }))());
      return {};
    };
    const { PingRequestSchema } = await import("@modelcontextprotocol/sdk/types.js");
    // Both lines have it, with a schema or a method in front.
    const { client } = connected as unknown as { client: { setRequestHandler(asked: unknown, handler: typeof handle): void } };
    client.setRequestHandler(kind.startsWith("v1") ? PingRequestSchema : "ping", handle);
    await connected.ping();
    const [call, notification] = sent;
    expect((await refusalOf(call ?? Promise.resolve())).code).toBe("policy_block");
    expect((await refusalOf(notification ?? Promise.resolve())).code).toBe("malformed_call");
    expect(connected.received).toEqual([]);
  });
});

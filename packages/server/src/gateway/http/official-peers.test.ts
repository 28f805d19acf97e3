/** Official clients of both lines and eras before official servers, with the gateway between them, over real sockets. */
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CallToolResultSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterEach, describe, expect, it } from "vitest";
import type { PolicyDocument } from "@countersign/sdk";
import { heldFor } from "../call/waiting.ts";
import { scriptedAsk, type ScriptedAsk } from "../fixture/scripted-ask.ts";
import { BLOCK_WRITES, httpGateway, type HttpGateway } from "./fixture/http-gateway.ts";
import { sessionServer, statelessServer, type OfficialServer } from "./fixture/official-servers.ts";

interface Tools {
  list(): Promise<readonly string[]>;
  call(name: string, args: Record<string, unknown>, options?: { readonly signal?: AbortSignal; readonly onprogress?: (step: { readonly progress: number }) => void; readonly timeout?: number }): Promise<object>;
  close(): Promise<void>;
}
const INFO = { name: "client", version: "1" };
const CAPABILITIES = { elicitation: { form: {} } } as const;

async function v1(url: URL): Promise<Tools> {
  const client = new ClientV1(INFO, { capabilities: CAPABILITIES });
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: {} }));
  const transport = new TransportV1(url);
  await client.connect(transport);
  return {
    list: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: (name, args, options = {}) => client.callTool({ name, arguments: args }, CallToolResultSchema, options),
    async close() {
      await transport.terminateSession();
      await client.close();
    },
  };
}

const v2 = (mode: "legacy" | "auto" | { readonly pin: string }) => async (url: URL): Promise<Tools> => {
  const client = new ClientV2(INFO, { capabilities: CAPABILITIES, versionNegotiation: { mode } });
  client.setRequestHandler("elicitation/create", () => ({ action: "accept" as const, content: {} }));
  const transport = new TransportV2(url);
  await client.connect(transport);
  return {
    list: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: (name, args, options = {}) => client.callTool({ name, arguments: args }, options),
    async close() {
      await transport.terminateSession().catch(() => undefined); // there is none in the newer protocol
      await client.close();
    },
  };
};

let server: OfficialServer;
let at: HttpGateway;
let client: Tools;
let ask: ScriptedAsk;
async function open(make: () => Promise<OfficialServer>, connect: (url: URL) => Promise<Tools>, policies: PolicyDocument = BLOCK_WRITES): Promise<void> {
  server = await make();
  ask = scriptedAsk();
  at = await httpGateway(server.url, { policies, ask, waiting: { ...heldFor(5_000), progressMs: 10 }, cancelGraceMs: 200 });
  client = await connect(at.url);
}
afterEach(async () => {
  await client.close();
  await at.close();
  await server.close();
});
const said = (text: string): object => expect.objectContaining({ content: [{ type: "text", text }] }) as object;

describe.each([
  ["v1 client, sessions", sessionServer, v1],
  ["v1 client, sessions, JSON answers", () => sessionServer({ jsonAnswers: true }), v1],
  ["v1 client, a server without sessions", statelessServer, v1],
  ["v2 client, sessions", sessionServer, v2("legacy")],
  ["v2 client that finds out, a server of both", statelessServer, v2("auto")],
  ["v2 client that finds out, sessions", sessionServer, v2("auto")],
  ["v2 client of 2026-07-28", statelessServer, v2({ pin: "2026-07-28" })],
])("%s", (_what, make, connect) => {
  it("lists, calls, and is told of progress", async () => {
    await open(make, connect);
    expect(await client.list()).toEqual(expect.arrayContaining(["read", "write", "steps"]));
    expect(await client.call("read", { path: "/x" })).toEqual(said("read /x"));
    const steps: number[] = [];
    expect(await client.call("steps", { count: 3 }, { onprogress: ({ progress }) => void steps.push(progress) })).toEqual(said("stepped"));
    if (!_what.includes("JSON")) expect(steps).toEqual([1, 2, 3]);
    expect(await at.outcomes()).toEqual(["completed", "completed"]);
  });

  it("a call before any list is judged by the server's own", async () => {
    await open(make, connect);
    expect(await client.call("read", { path: "/x" })).toEqual(said("read /x"));
    expect(await client.call("remove", {})).toMatchObject({ isError: true });
  });

  it("waits for people, and runs once; a no is text", async () => {
    await open(make, connect);
    const waited = client.call("write", { text: "a" }, { onprogress: () => undefined });
    await expect.poll(() => ask.questions.length).toBe(1);
    expect(server.ran).toEqual([]);
    ask.decide("approved");
    expect(await waited).toEqual(said("wrote a"));
    const denied = client.call("write", { text: "b" });
    await expect.poll(() => ask.questions.length).toBe(2);
    ask.decide("denied", "no");
    expect(await denied).toMatchObject({ isError: true });
    expect([server.ran, ask.outcomes]).toEqual([["a"], ["completed"]]);
  });

  it("a client that gives up takes the question back, and nothing runs", async () => {
    await open(make, connect);
    const giveUp = new AbortController();
    const waited = client.call("write", { text: "a" }, { signal: giveUp.signal });
    await expect.poll(() => ask.questions.length).toBe(1);
    giveUp.abort();
    await expect(waited).rejects.toThrow();
    await expect.poll(() => ask.cancelled.length).toBe(1);
    ask.decide("approved");
    expect(await client.call("read", { path: "/x" })).toEqual(said("read /x"));
    expect([server.ran, ask.claimed]).toEqual([[], []]);
  });

  it("many at once, each answered with its own", async () => {
    await open(make, connect);
    const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => client.call("read", { path: `/${index}` })));
    expect(answers).toEqual(Array.from({ length: 40 }, (_, index) => said(`read /${index}`)));
  });
});

describe.each([["v1", v1], ["v2", v2("legacy")]])("%s, in a session", (_what, connect) => {
  it("the server asks back in the middle of a call", async () => {
    await open(sessionServer, connect);
    expect(await client.call("ask", {})).toEqual(said("accept"));
  });

  it("a stream that the server closes on purpose is taken up again, and the call is answered and recorded once", async () => {
    await open(sessionServer, connect);
    expect(await client.call("pause", {})).toEqual(said("paused"));
    expect(server.ran).toEqual(["paused"]);
    expect(await at.outcomes()).toEqual(["completed"]);
  });
});

it("headers that repeat arguments go along", async () => {
  await open(statelessServer, v2({ pin: "2026-07-28" }));
  await client.list();
  expect(await client.call("region", { where: "eu" })).toEqual(said("in eu"));
});

/** Official clients of both lines over real sockets see through the front what they see without it. */
import { afterEach, describe, expect, it } from "vitest";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { PATIENT } from "./fixture/http-peer.ts";
import { startHttpStage, type HttpStage } from "./fixture/http-stage.ts";

let at: HttpStage;
afterEach(() => at.close());

const require = createRequire(import.meta.url);
const EVERYTHING = [process.execPath, join(dirname(require.resolve("@modelcontextprotocol/server-everything/package.json")), "dist/index.js"), "stdio"];
const INFO = { name: "clients", version: "1" };
const CAPABILITIES = { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true } };
const SAID = { role: "assistant", model: "none", content: { type: "text", text: "said" } } as const;
const ROOTS = { roots: [{ uri: "file:///somewhere", name: "somewhere" }] };

interface ToolClient {
  listTools(): Promise<{ readonly tools: readonly { readonly name: string }[] }>;
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<object>;
  progress(params: { name: string; arguments: Record<string, unknown> }): Promise<readonly object[]>;
  close(): Promise<void>;
}

async function v1(transport: Transport): Promise<ToolClient> {
  const client = new ClientV1(INFO, { capabilities: CAPABILITIES });
  client.setRequestHandler(CreateMessageRequestSchema, () => SAID);
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: "decline" }));
  client.setRequestHandler(ListRootsRequestSchema, () => ROOTS);
  await client.connect(transport);
  return {
    listTools: () => client.listTools(),
    callTool: (params) => client.callTool(params),
    async progress(params) {
      const seen: object[] = [];
      await client.callTool(params, undefined, { onprogress: (step) => void seen.push(step) });
      return seen;
    },
    close: () => client.close(),
  };
}

type Mode = "legacy" | "auto" | { readonly pin: "2026-07-28" };
async function v2(url: string, mode: Mode): Promise<ToolClient & { readonly client: ClientV2 }> {
  const client = new ClientV2(INFO, { capabilities: CAPABILITIES, versionNegotiation: { mode } });
  client.setRequestHandler("sampling/createMessage", () => SAID);
  client.setRequestHandler("elicitation/create", () => ({ action: "decline" as const }));
  client.setRequestHandler("roots/list", () => ROOTS);
  await client.connect(new HttpV2(new URL(url)));
  return {
    client,
    listTools: () => client.listTools(),
    callTool: (params) => client.callTool(params),
    async progress(params) {
      const seen: object[] = [];
      await client.callTool(params, { onprogress: (step) => void seen.push(step) });
      return seen;
    },
    close: () => client.close(),
  };
}

const CALLS = [
  { name: "echo", arguments: { message: "hello" } },
  { name: "echo", arguments: {} },
  { name: "get-sum", arguments: { a: 1, b: 2 } },
  { name: "get-structured-content", arguments: { location: "Chicago" } },
  { name: "trigger-sampling-request", arguments: { prompt: "say", maxTokens: 5 } },
  { name: "trigger-elicitation-request", arguments: {} },
  { name: "get-roots-list", arguments: {} },
];

async function observe(client: ToolClient): Promise<readonly unknown[]> {
  try {
    // It lists some of its tools only once it knows what the client can do.
    await expect.poll(async () => (await client.listTools()).tools.length, PATIENT).toBe(17);
    const seen: unknown[] = [await client.listTools()];
    for (const params of CALLS) seen.push(await client.callTool(params).catch((error: unknown) => String(error)));
    const steps = await client.progress({ name: "trigger-long-running-operation", arguments: { duration: 0.3, steps: 3 } });
    seen.push(steps.slice(0, 2)); // the last comes with the result, and whether the client still takes it is a race within the client
    return seen;
  } finally {
    await client.close();
  }
}

describe("before server-everything", () => {
  it.each([
    ["v1", (url: string) => v1(new HttpV1(new URL(url)) as Transport)], // its session id may be undefined, which its own interface does not say
    ["v2, legacy", (url: string) => v2(url, "legacy")],
    ["v2, auto, which falls back", (url: string) => v2(url, "auto")],
  ])("%s: the same tools, results, errors, sampling, elicitation, roots and progress", async (_kind, connect) => {
    at = await startHttpStage({ command: EVERYTHING });
    const [command = "", ...args] = EVERYTHING;
    const direct = await observe(await v1(new StdioClientTransport({ command, args, stderr: "ignore" })));
    expect(await observe(await connect(at.url))).toEqual(direct);
    expect(direct.at(-1)).toHaveLength(2);
    expect(JSON.stringify(direct)).toContain("said");
    expect(JSON.stringify(direct)).toContain("somewhere");
  });

  it("a client that insists on the newer era is told that it is not there", async () => {
    at = await startHttpStage({ command: EVERYTHING });
    await expect(v2(at.url, { pin: "2026-07-28" })).rejects.toThrow(/did not offer pinned protocol version/);
  });
});

describe("before a server of both eras", () => {
  it.each([
    ["legacy", "legacy", "2025-11-25"],
    ["auto", "auto", "2026-07-28"],
    ["pin", { pin: "2026-07-28" }, "2026-07-28"],
  ] as const)("v2, %s: calls, progress, changes, cancellation", async (_name, mode, version) => {
    at = await startHttpStage();
    const { client, ...tools } = await v2(at.url, mode);
    try {
      expect(client.getNegotiatedProtocolVersion()).toBe(version);
      expect(await tools.callTool({ name: "echo", arguments: { text: "hi" } })).toMatchObject({ content: [{ text: "hi" }] });
      expect((await tools.progress({ name: "steps", arguments: { text: "s" } })).length).toBeGreaterThan(1);
      const changed = Promise.withResolvers<void>();
      client.setNotificationHandler("notifications/tools/list_changed", () => changed.resolve());
      const subscription = version === "2026-07-28" ? await client.listen({ toolsListChanged: true }) : undefined;
      await tools.callTool({ name: "add", arguments: { text: "later" } });
      await changed.promise;
      await subscription?.close();
      expect(await tools.callTool({ name: "later", arguments: {} })).toMatchObject({ content: [{ text: "later is here" }] });
      const leave = new AbortController();
      const slow = client.callTool({ name: "slow", arguments: { text: "q", ms: "5000" } }, { signal: leave.signal });
      await expect.poll(() => at.witness(), PATIENT).toContain("slow q");
      leave.abort();
      await expect(slow).rejects.toThrow();
      await expect.poll(() => at.witness(), PATIENT).toContain("cancelled q");
    } finally {
      await client.close();
    }
  });
});

/** Official clients of both lines, over standard streams, see of a server at an address what they see where they speak to it themselves. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2, type Transport as TransportOfV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioV2 } from "@modelcontextprotocol/client/stdio";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as StdioV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startFixtureHttp } from "../mcp/fixture-server.ts";
import type { HttpProgram } from "./http-gateway.ts";
import { ALLOW_ALL, gatewayAt } from "./real-servers.ts";

let home: string;
let policies: string;
let server: HttpProgram;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "countersign-remote-clients-"));
  policies = join(home, "policy.yaml");
  writeFileSync(policies, `${ALLOW_ALL.replace("policies: []", "policies:")}  - name: no-images\n    match: mcp:fixture:test_image_content\n    action: block\n    reason: No images\n`);
  server = await startFixtureHttp();
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
afterAll(async () => {
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

const INFO = { name: "clients", version: "1" };
const line = (): readonly string[] => gatewayAt(server.url, ["--name", "fixture", "--policies", policies, "--no-control-plane", "--dir", join(home, "state")]);

async function v2(where: "direct" | "governed", era: "legacy" | "modern"): Promise<ClientV2> {
  const client = new ClientV2(INFO, { capabilities: { elicitation: { form: {} }, sampling: {} }, versionNegotiation: { mode: era === "modern" ? "auto" : "legacy" } });
  client.setRequestHandler("elicitation/create", () => ({ action: "accept" as const, content: { response: "yes", name: "N" } }));
  client.setRequestHandler("sampling/createMessage", () => ({ role: "assistant" as const, model: "none", content: { type: "text" as const, text: "said" } }));
  const [command = "", ...rest] = line();
  const transport: TransportOfV2 = where === "direct" ? new HttpV2(new URL(server.url)) : new StdioV2({ command, args: rest, stderr: "ignore" });
  await client.connect(transport);
  closers.push(() => client.close());
  return client;
}

async function v1(where: "direct" | "governed"): Promise<ClientV1> {
  const client = new ClientV1(INFO);
  const [command = "", ...rest] = line();
  // The SDK's own classes; their optional members are declared in another way than TypeScript is told to be strict about.
  const transport = (where === "direct" ? new HttpV1(new URL(server.url)) : new StdioV1({ command, args: rest, stderr: "ignore" })) as Parameters<ClientV1["connect"]>[0];
  await client.connect(transport);
  closers.push(() => client.close());
  return client;
}

const CALLS = [
  ["test_simple_text", {}],
  ["test_multiple_content_types", {}],
  ["test_error_handling", {}],
  ["test_tool_with_logging", {}],
  ["no_such_tool", {}],
] as const;

describe.each(["legacy", "modern"] as const)("the official client v2, %s", (era) => {
  it("gets the same tools, results, errors, prompts and resources", async () => {
    const seen = await Promise.all(
      (["direct", "governed"] as const).map(async (where) => {
        const client = await v2(where, era);
        const all: unknown[] = [client.getProtocolEra(), await client.listTools(), await client.listPrompts(), await client.listResources(), await client.readResource({ uri: "test://static-text" })];
        for (const [name, given] of CALLS) all.push(await client.callTool({ name, arguments: given }).catch((error: unknown) => String(error)));
        const steps: object[] = [];
        all.push(await client.callTool({ name: "test_tool_with_progress", arguments: {} }, { onprogress: (step) => void steps.push(step) }), steps.slice(0, 2));
        return all;
      }),
    );
    expect(seen[1]?.at(-1)).toHaveLength(2);
    // A tool that is in no list is refused before the server is asked.
    const unknown = 5 + CALLS.findIndex(([name]) => name === "no_such_tool");
    expect(JSON.stringify(seen[1]?.[unknown])).toContain("the server has no tool of this name");
    for (const one of seen) one[unknown] = "";
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[1]?.[0]).toBe(era);
  });

  it("hands a refusal to its caller as the result of the tool", async () => {
    const client = await v2("governed", era);
    await client.listTools();
    expect(await client.callTool({ name: "test_image_content", arguments: {} })).toMatchObject({ isError: true, content: [{ type: "text", text: expect.stringContaining("No images. It did not run") }] });
  });

  it("is asked by the server in the middle of a call, and answers", async () => {
    const client = await v2("governed", era);
    const name = era === "modern" ? "test_input_required_result_elicitation" : "test_elicitation";
    const direct = await (await v2("direct", era)).callTool({ name, arguments: { message: "m" } });
    expect(await client.callTool({ name, arguments: { message: "m" } })).toEqual(direct);
    expect(direct.isError).not.toBe(true);
  });
});

it("without sessions, arguments that the schema marks travel as headers too, which the server checks", async () => {
  const client = await v2("governed", "modern");
  const { tools } = await client.listTools();
  const marked = tools.find(({ inputSchema }) => JSON.stringify(inputSchema).includes("x-mcp-header"));
  expect(await client.callTool({ name: marked?.name ?? "", arguments: { region: "Zürich" } })).not.toMatchObject({ isError: true });
});

it("without sessions, a subscription is heard, and ends when the client ends it", async () => {
  const client = await v2("governed", "modern");
  const heard = Promise.withResolvers<void>();
  client.setNotificationHandler("notifications/tools/list_changed", () => heard.resolve());
  const subscription = await client.listen({ toolsListChanged: true });
  await client.callTool({ name: "test_trigger_tool_change", arguments: {} });
  await heard.promise;
  await subscription.close();
  await expect(client.listTools()).resolves.toBeDefined();
});

it("the official client v1 gets the same tools and results", async () => {
  const seen = await Promise.all(
    (["direct", "governed"] as const).map(async (where) => {
      const client = await v1(where);
      return [await client.listTools(), await client.callTool({ name: "test_simple_text", arguments: {} }), await client.callTool({ name: "test_reconnection", arguments: {} })];
    }),
  );
  expect(seen[1]).toEqual(seen[0]);
});

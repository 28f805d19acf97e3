import { Client, InMemoryTransport } from "@modelcontextprotocol/client";
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { configureSession, type Inspection } from "../index.ts";
import { start, useGovernance } from "./fixture/governed-client.ts";

useGovernance();

/** A client of 2026-07-28 whose tool wants two arguments as headers, and the headers that its calls were sent with. */
async function connectMirroring(inspections: readonly Inspection[]): Promise<{ client: Client; sent: { headers: unknown; arguments: unknown }[] }> {
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
  const serving = serveStdio(() => {
    const server = new McpServer({ name: "modern", version: "1.0.0" });
    const inputSchema = z.object({ token: z.string().optional().meta({ "x-mcp-header": "Token" }), where: z.object({ place: z.string().meta({ "x-mcp-header": "Place" }) }) });
    server.registerTool("look_up", { inputSchema }, () => ({ content: [] }));
    return server;
  }, { transport: serverSide });
  const sent: { headers: unknown; arguments: unknown }[] = [];
  const send = clientSide.send.bind(clientSide);
  clientSide.send = (message, options) => {
    if ("method" in message && message.method === "tools/call") sent.push({ headers: options !== undefined && "headers" in options ? options.headers : undefined, arguments: message.params?.["arguments"] });
    return send(message, options);
  };
  start({ version: 1, policies: [], inspection: { secret: { input: { "*": "redact" } } } }, { inspections });
  const client = new Client({ name: "test", version: "1.0.0" }, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
  await client.connect(clientSide);
  configureSession(client, { serverName: "people" });
  await client.listTools();
  onTestFinished(async () => {
    await client.close();
    await serving.close();
  });
  return { client, sent };
}

const redacting = (change: (inputs: Record<string, unknown>) => object): Inspection => ({
  name: "tokens",
  inspectCall: () => [{ type: "token", group: "secret", direction: "input", where: "/token" }],
  redactCall: ({ arguments: inputs }) => change({ ...inputs }) as Record<string, never>, // plain JSON below
});
const CALL = { name: "look_up", arguments: { token: "ghp_CANARY", where: { place: "Köln" } } };

it("arguments that are mirrored into headers are mirrored as they are sent: what was redacted is in no header", async () => {
  const { client, sent } = await connectMirroring([redacting((inputs) => ({ ...inputs, token: "[token]" }))]);
  await client.callTool(CALL, { headers: { "x-team": "ops" } });
  expect(sent).toEqual([{ headers: { "x-team": "ops", "Mcp-Param-Token": "[token]", "Mcp-Param-Place": "=?base64?S8O2bG4=?=" }, arguments: { token: "[token]", where: { place: "Köln" } } }]);
});

it("a header of an argument that was taken out goes with it", async () => {
  const { client, sent } = await connectMirroring([redacting(({ where }) => ({ where }))]);
  await client.callTool(CALL);
  expect(sent).toEqual([{ headers: { "Mcp-Param-Place": "=?base64?S8O2bG4=?=" }, arguments: { where: { place: "Köln" } } }]);
});

it("without redaction they are the client's own", async () => {
  const { client, sent } = await connectMirroring([]);
  await client.callTool(CALL);
  expect(sent).toEqual([{ headers: { "Mcp-Param-Token": "ghp_CANARY", "Mcp-Param-Place": "=?base64?S8O2bG4=?=" }, arguments: CALL.arguments }]);
});

it("a header that mirrors nothing the tool declares is not sent", async () => {
  const { client, sent } = await connectMirroring([]);
  await client.callTool(CALL, { headers: { "mcp-param-token": "else", "MCP-Param-Other": "x" } });
  expect(sent[0]?.headers).toEqual({ "Mcp-Param-Token": "ghp_CANARY", "Mcp-Param-Place": "=?base64?S8O2bG4=?=" });
});

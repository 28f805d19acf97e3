import { classifyInboundRequest, createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import fc from "fast-check";
import { expect, it } from "vitest";
import { readClientMessage } from "../message/read-client-message.ts";
import { classifyRequest } from "./classify-request.ts";

const VERSION = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";

interface Sent {
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
}

const absent = Symbol("absent");
const maybe = <T>(...values: readonly T[]): fc.Arbitrary<T | typeof absent> => fc.constantFrom<T | typeof absent>(absent, ...values);
const withoutAbsent = (given: Readonly<Record<string, unknown>>): Record<string, unknown> => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== absent));

const sent: fc.Arbitrary<Sent> = fc
  .record({
    id: maybe<unknown>(1, "a"),
    method: fc.constantFrom("tools/call", "prompts/get", "resources/read", "tools/list", "server/discover", "initialize", "notifications/x", "tasks/get", "constructor", "vendor/x"),
    version: maybe<unknown>("2026-07-28", "2026-07-28", "2025-11-25", "2030-01-01", "zzz", 7, null),
    capabilities: maybe<unknown>({}, {}, {}, [], "x", null),
    clientInfo: maybe<unknown>({ name: "c", version: "1" }, { name: "c" }, "c"),
    meta: fc.constantFrom("object", "object", "object", "absent", "list"),
    name: maybe<unknown>("write", "schreibe ä", 5),
    uri: maybe<unknown>("file:///x"),
    headerVersion: maybe("2026-07-28", "2026-07-28", "2025-11-25", "2030-01-01", "2024-13-77"),
    headerMethod: maybe("tools/call", "tools/list", "prompts/get", "Tools/Call", "tools/call, tools/call"),
    headerName: maybe("write", "Write", "file:///x", "=?base64?c2NocmVpYmUgw6Q=?=", "=?base64?d3JpdGU=?=", "=?base64?!!?=", "=?base64?/w==?="),
  })
  .map((given) => {
    const meta = given.meta === "object" ? withoutAbsent({ [VERSION]: given.version, [CAPABILITIES]: given.capabilities, "io.modelcontextprotocol/clientInfo": given.clientInfo }) : given.meta === "list" ? [] : absent;
    const params = withoutAbsent({ name: given.name, uri: given.uri, _meta: meta });
    const body = withoutAbsent({ jsonrpc: "2.0", id: given.id, method: given.method, params });
    const headers = withoutAbsent({ "mcp-protocol-version": given.headerVersion, "mcp-method": given.headerMethod, "mcp-name": given.headerName });
    return { body, headers: headers as Record<string, string> }; // texts, where they are there
  });

const handler = createMcpHandler(() => new McpServer({ name: "s", version: "1" }), { legacy: "reject", onerror: () => undefined });

async function officially({ body, headers }: Sent): Promise<number | "session" | "stateless"> {
  const outcome = classifyInboundRequest({ httpMethod: "POST", body, ...(headers["mcp-protocol-version"] === undefined ? {} : { protocolVersionHeader: headers["mcp-protocol-version"] }), ...(headers["mcp-method"] === undefined ? {} : { mcpMethodHeader: headers["mcp-method"] }) });
  if (outcome.kind === "legacy") return "session";
  if (outcome.kind === "reject") return outcome.code;
  const answer = await handler.fetch(new Request("http://localhost/mcp", { method: "POST", body: JSON.stringify(body), headers: { ...headers, "content-type": "application/json", accept: "application/json, text/event-stream" } }));
  const said = answer.headers.get("content-type")?.startsWith("application/json") === true ? ((await answer.json()) as { error?: { code: number } }) : {}; // JSON-RPC
  const code = said.error?.code;
  // What the server says of methods and params comes after the edge.
  return code === -32_020 || code === -32_022 ? code : "stateless";
}

it("classifies as the official server does, and is stricter only where a header lies or a version is not known", async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(sent, async (given) => {
      const message = readClientMessage(Buffer.from(JSON.stringify(given.body)));
      if (message.kind === "refused") return; // a tools/call without an id
      const ours = classifyRequest(given.headers, message);
      const theirs = await officially(given);
      const our = ours.kind === "refused" ? ours.code : ours.stateless ? "stateless" : "session";
      seen.set(`${theirs} ${our}`, (seen.get(`${theirs} ${our}`) ?? 0) + 1);
      if (our !== theirs) expect([`${theirs} ${our}`, given]).toEqual([expect.stringMatching(/^session -32020$|^session -32000$/), given]);
    }),
    { numRuns: 4_000, seed: 20_261_125 },
  );
  for (const both of ["session", "stateless", "-32020", "-32022", "-32602"]) expect(seen.get(`${both} ${both}`), `${both} was seen`).toBeGreaterThan(20);
});

const CALL = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "write", arguments: {} } };
const MODERN = { ...CALL, params: { ...CALL.params, _meta: { [VERSION]: "2026-07-28", [CAPABILITIES]: {} } } };
const HEADERS = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "write" };
const classify = (body: object, headers: Readonly<Record<string, string>>) => {
  const message = readClientMessage(Buffer.from(JSON.stringify(body)));
  if (message.kind === "refused") throw new Error(message.reason);
  return classifyRequest(headers, message);
};

it.each([
  ["another name", MODERN, { ...HEADERS, "mcp-name": "read" }, -32_020],
  ["another case", MODERN, { ...HEADERS, "mcp-name": "Write" }, -32_020],
  ["another method", MODERN, { ...HEADERS, "mcp-method": "tools/list" }, -32_020],
  ["the method twice", MODERN, { ...HEADERS, "mcp-method": "tools/call, tools/call" }, -32_020],
  ["no name", MODERN, { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call" }, -32_020],
  ["no version", MODERN, { "mcp-method": "tools/call", "mcp-name": "write" }, -32_020],
  ["a byte order mark in the name", MODERN, { ...HEADERS, "mcp-name": "=?base64?77u/d3JpdGU=?=" }, -32_020],
  ["another name, in a session", CALL, { "mcp-protocol-version": "2025-11-25", "mcp-name": "read" }, -32_020],
  ["another method, in a session", { jsonrpc: "2.0", id: 1, method: "ping" }, { "mcp-method": "tools/call" }, -32_020],
  ["an unknown version of a session", CALL, { "mcp-protocol-version": "2025-12-31" }, -32_000],
  ["a version to come", { ...MODERN, params: { ...MODERN.params, _meta: { [VERSION]: "2027-01-01", [CAPABILITIES]: {} } } }, { ...HEADERS, "mcp-protocol-version": "2027-01-01" }, -32_022],
])("%s is refused with its code", (_what, body, headers, code) => {
  expect(classify(body, headers)).toMatchObject({ kind: "refused", code });
});

it("an unknown version is answered with the ones that are served", () => {
  expect(classify({ ...MODERN, params: { ...MODERN.params, _meta: { [VERSION]: "2027-01-01", [CAPABILITIES]: {} } } }, { ...HEADERS, "mcp-protocol-version": "2027-01-01" })).toMatchObject({ data: { supported: ["2026-07-28"], requested: "2027-01-01" } });
});

it("headers that nobody here knows are not looked at", () => {
  expect(classify(MODERN, { ...HEADERS, "mcp-param-region": "eu" })).toEqual({ kind: "served", stateless: true });
});

/** Streamable HTTP without sessions (2026-07-28), and what HTTP itself says no to. */
import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { answerJson, httpServer, openEvents, resultFor, type Answer, type TestHttpServer } from "../fixture/http-server.ts";
import { memoryConnection, type MemoryConnection } from "../fixture/memory-connection.ts";
import { connectHttp } from "./connect-http.ts";
import type { Authorization } from "./remote/remote-server.ts";

let at: TestHttpServer;
let to: MemoryConnection;
let other: TestHttpServer | undefined;
const SECRET = "sk-very-secret-0123456789";

async function open(answer: Answer, { headers = {}, authorization }: { headers?: Readonly<Record<string, string>>; authorization?: Authorization } = {}): Promise<void> {
  at = await httpServer(answer);
  to = memoryConnection((listener) => connectHttp({ url: new URL(`${at.url.href}?key=${SECRET}`), headers, authorization }, listener));
}
afterEach(async () => {
  await to.connection.stop();
  await at.close();
  await other?.close();
  other = undefined;
});

const VERSION = "2026-07-28";
const META = { "io.modelcontextprotocol/protocolVersion": VERSION, "io.modelcontextprotocol/clientCapabilities": {} };
const send = (id: number, method: string, params: object = {}): boolean => to.send({ jsonrpc: "2.0", id, method, params: { ...params, _meta: META } });
const ask = (id: number, method: string, params: object = {}): Promise<object> => to.ask(id, method, { ...params, _meta: META });
const mirrored = (): readonly unknown[] => at.requests.map(({ headers }) => Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith("mcp-"))));

describe("without sessions", () => {
  it("the headers say what the body says, and no session is made", async () => {
    await open((request, response) => answerJson(response, resultFor(request.message), 200, { "mcp-session-id": "no" }));
    await ask(1, "server/discover");
    await ask(2, "tools/call", { name: "tool é", arguments: {} });
    await ask(3, "resources/read", { uri: "test://x" });
    await ask(4, "prompts/get", { name: "=?base64?eA==?=" });
    await ask(5, "tasks/get", { taskId: " t" });
    await ask(6, "tools/call", { name: "" });
    await to.connection.stop();
    const base = { "mcp-protocol-version": VERSION };
    expect(mirrored()).toEqual([
      { ...base, "mcp-method": "server/discover" },
      { ...base, "mcp-method": "tools/call", "mcp-name": `=?base64?${Buffer.from("tool é").toString("base64")}?=` },
      { ...base, "mcp-method": "resources/read", "mcp-name": "test://x" },
      { ...base, "mcp-method": "prompts/get", "mcp-name": `=?base64?${Buffer.from("=?base64?eA==?=").toString("base64")}?=` },
      { ...base, "mcp-method": "tasks/get", "mcp-name": "=?base64?IHQ=?=" },
      { ...base, "mcp-method": "tools/call", "mcp-name": "=?base64??=" },
    ]);
  });

  it("arguments that the listed schema marks go along as headers, and a tool whose definition marks them wrongly is not called", async () => {
    const string = { type: "string" };
    const tools = [
      { name: "good", inputSchema: { type: "object", properties: { region: { ...string, "x-mcp-header": "Region" }, deep: { type: "object", properties: { n: { type: "integer", "x-mcp-header": "N" } } }, on: { type: "boolean", "x-mcp-header": "On" }, not: { ...string, "x-mcp-header": "Not" } } } },
      ...[{ type: "number", "x-mcp-header": "A" }, { ...string, "x-mcp-header": "a b" }, { type: "array", items: { ...string, "x-mcp-header": "A" } }].map((a, n) => ({ name: `bad${n}`, inputSchema: { type: "object", properties: { a, b: { ...string, "x-mcp-header": "B" } } } })),
      { name: "twice", inputSchema: { type: "object", properties: { a: { ...string, "x-mcp-header": "Same" }, b: { ...string, "x-mcp-header": "same" } } } },
      { name: "plain", inputSchema: { type: "object", properties: { a: string } } },
    ];
    await open((request, response) => answerJson(response, request.message["method"] === "tools/list" ? { jsonrpc: "2.0", id: request.message["id"], result: { tools } } : resultFor(request.message)));
    const args = { region: "Zürich", deep: { n: 5 }, on: false, not: null, a: "x", b: "y" };
    await ask(1, "tools/call", { name: "good", arguments: args });
    await ask(2, "tools/list");
    for (const name of ["bad0", "bad1", "bad2", "twice"]) expect(await ask(9, "tools/call", { name, arguments: args })).toMatchObject({ error: { message: expect.stringContaining("The call was not sent") } });
    for (const [index, name] of ["good", "plain"].entries()) await ask(3 + index, "tools/call", { name, arguments: args });
    const params = at.requests.map(({ headers }) => Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith("mcp-param-"))));
    expect(params).toEqual([{}, {}, { "mcp-param-region": "=?base64?WsO8cmljaA==?=", "mcp-param-n": "5", "mcp-param-on": "false" }, {}]);
  });

  it("a request is cancelled by closing its stream; nothing is posted for that, and nothing is gone on with", async () => {
    let closed = false;
    let stream: ServerResponse | undefined;
    await open((_, response) => {
      stream = response;
      response.once("close", () => void (closed = true));
      openEvents(response)({ jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: 1, progress: 1 } }, "e1");
    });
    send(1, "tools/call", { name: "t" });
    await to.heard(({ method }) => method === "notifications/progress");
    to.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } });
    await expect.poll(() => closed).toBe(true);
    expect([at.requests.length, to.lines.length, stream?.writableFinished]).toEqual([1, 1, false]);
  });

  it("a stream that ends without an answer is the end of its request, event ids or not", async () => {
    await open((_, response) => (openEvents(response)("", "e1"), void response.end()));
    expect(await ask(1, "tools/call", { name: "t" })).toMatchObject({ error: { message: expect.stringContaining("whether the request was carried out is not known") } });
    expect([at.requests.length, to.unknown.length]).toEqual([1, 1]);
  });

  it("an error that the server says under the request's id comes back in its own bytes, whatever the status", async () => {
    const text = '{ "jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no","data":{"supported":["2026-07-28"],"n":1.0}} }';
    await open((_, response) => answerJson(response, text, 400));
    await ask(1, "server/discover");
    expect(to.lines).toEqual([`${text}\n`]);
  });
});

describe("what HTTP says no to is an error of the request it belongs to: what happened, and what to do, and no secret in it", () => {
  const rpcError = { jsonrpc: "2.0", id: null, error: { code: -32_000, message: `bad\u202e Bearer ${SECRET}, ${SECRET} of yours` } };
  it.each<[status: number, headers: Record<string, string>, says: string, outcome: "unknown" | "refused"]>([
    [301, { location: "https://elsewhere.example/mcp?token=x" }, "answered with a redirect (301) to https://elsewhere.example, which is not followed. Where that is the server you mean, give its address instead.", "refused"],
    [307, { location: "/mcp/" }, "answered with a redirect (307) to another path, which is not followed.", "refused"],
    [400, {}, "refused the request (400).", "refused"],
    [401, {}, "wants to know who asks (401). It does not take the Authorization that the gateway was given: whoever runs the gateway has to give another.", "refused"],
    [403, {}, "does not allow this (403).", "refused"],
    [404, {}, "has nothing at this address (404).", "refused"],
    [405, {}, "does not speak MCP over Streamable HTTP at this address (405).", "refused"],
    [413, {}, "finds the request too long (413).", "refused"],
    [429, { "retry-after": "7" }, "is asked too often (429). Try again in 7 s.", "refused"],
    [429, {}, "is asked too often (429). Try again later.", "refused"],
    [500, {}, "failed (500); whether it has done anything is not known.", "unknown"],
    [503, { "retry-after": "Fri, 31 Dec 2027 23:59:59 GMT" }, "is not available (503); whether it has done anything is not known. Try again after 2027-12-31T23:59:59.000Z.", "unknown"],
  ])("%i", async (status, headers, says, outcome) => {
    await open((_, response) => answerJson(response, rpcError, status, headers), { headers: { authorization: `Bearer ${SECRET}` } });
    const { error } = (await ask(1, "tools/call", { name: "t" })) as { error: { code: number; message: string } }; // said below
    expect(error.code).toBe(-32_000);
    expect(error.message).toContain(`The server at ${at.url.origin} ${says}`);
    expect(error.message).toContain("It says: bad\\u{202E} …, … of yours");
    expect([...to.lines, ...to.warnings].join("")).not.toMatch(/very-secret|token=x/);
    expect(to.unknown).toHaveLength(outcome === "unknown" ? 1 : 0);
    expect(at.requests).toHaveLength(1);
  });

  it("a redirect is not followed, and its target is sent nothing", async () => {
    other = await httpServer((request, response) => answerJson(response, resultFor(request.message)));
    const { href } = other.url;
    await open((_, response) => void response.writeHead(308, { location: href }).end(), { headers: { authorization: `Bearer ${SECRET}` } });
    await ask(1, "tools/call", { name: "t" });
    expect(other.requests).toEqual([]);
  });

  it("a page of HTML and the words of a server without JSON are not repeated", async () => {
    await open((_, response) => void response.writeHead(502, { "content-type": "text/html" }).end("<h1>nginx</h1>"));
    expect(JSON.stringify(await ask(1, "tools/list"))).not.toContain("nginx");
  });
});

describe("a sign-in", () => {
  const signIn = (values: string[]): Authorization => ({
    current: async () => values[0],
    renew: async (refused) => refused === values[0] && values.shift() !== undefined && values.length > 0,
    advice: (scope) => `Sign in${scope === undefined ? "" : ` for ${scope}`}.`,
  });
  const wants = (value: string): Answer => (request, response) => (request.headers.authorization === value ? answerJson(response, resultFor(request.message)) : answerJson(response, {}, 401, { "www-authenticate": 'Bearer error="invalid_token", scope="a b"' }));

  it("goes along, and is renewed once where the server does not take it", async () => {
    await open(wants("Bearer two"), { authorization: signIn(["Bearer one", "Bearer two"]) });
    expect(await ask(1, "tools/call", { name: "t" })).toMatchObject({ result: {} });
    expect(at.requests.map(({ headers }) => headers.authorization)).toEqual(["Bearer one", "Bearer two"]);
  });

  it("that cannot be renewed is asked for, in words, and the request is not repeated again and again", async () => {
    await open(wants("Bearer three"), { authorization: signIn(["Bearer one", "Bearer two"]) });
    expect(await ask(1, "tools/call", { name: "t" })).toMatchObject({ error: { message: expect.stringContaining("wants to know who asks (401). Sign in for a b.") } });
    expect(at.requests).toHaveLength(2);
  });

  it("with too few rights is told which are missing; what could be a command is not repeated", async () => {
    const scopes = ["files:write repo", '$(rm -rf ~)'];
    await open((_, response) => answerJson(response, {}, 403, { "www-authenticate": `Bearer error="insufficient_scope", scope="${scopes.shift() ?? ""}"` }), { authorization: signIn(["Bearer one"]) });
    expect(await ask(1, "x")).toMatchObject({ error: { message: expect.stringContaining("wants more rights than the sign-in has (403). Sign in for files:write repo.") } });
    expect(await ask(2, "x")).toMatchObject({ error: { message: expect.stringMatching(/\(403\)\. Sign in\.$/) } });
  });
});

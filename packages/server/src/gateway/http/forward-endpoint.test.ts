import { describe, expect, it } from "vitest";
import { forwardStage, PING, textOf } from "./fixture/forward-stage.ts";
import { call, LEGACY, modern, modernCall, post, send, type Said } from "./fixture/http-client.ts";
import { ANSWERS, answering, json, scriptedUpstream, stream, TOOLS } from "./fixture/scripted-upstream.ts";

const stage = forwardStage();

describe("everything but tool calls passes as the bytes that came", () => {
  it.each([
    ['{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}', {}],
    [' {"method" : "ping", "id":"x",\n "jsonrpc":"2.0"} ', {}],
    ['{"jsonrpc":"2.0","id":7,"method":"vendor/\\u0078","params":{"n":1.50,"big":12345678901234567890}}', {}],
    ['{"jsonrpc":"2.0","id":3,"result":{"role":"assistant","content":{"type":"text","text":"é\\u00e9"}}}', {}],
    ['{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}', {}],
    ['{"jsonrpc":"2.0","id":8,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}', modern("server/discover")],
  ])("from the client: %s", async (text, headers) => {
    const url = await stage.open(({ body }, response) => json(response, `{"echo" : ${body.length}}`, { "x-theirs": "a", "mcp-session-id": "s1" }, 201));
    const came = await post(url, { ...LEGACY, ...headers, "x-mine": "b", "mcp-param-region": "eu" }, text);
    expect([came.status, await came.body, came.headers["x-theirs"], came.headers["mcp-session-id"]]).toEqual([201, `{"echo" : ${Buffer.byteLength(text)}}`, "a", "s1"]);
    expect(stage.upstream.received).toHaveLength(1);
    expect(stage.upstream.received[0]).toMatchObject({ method: "POST", headers: { "x-mine": "b", "mcp-param-region": "eu", "content-type": "application/json" } });
    expect(stage.upstream.received[0]?.body.toString()).toBe(text);
  });

  it("events go on as they come, one by one, in their own bytes, ids and comments too", async () => {
    const url = await stage.open((_received, response) => {
      stream(response, { "mcp-session-id": "s" });
      response.write(": hello\r\n\r\nid: 1\nretry: 5\ndata:\n\n");
      setTimeout(() => response.end('event: message\r\nid: 2\r\ndata: {"jsonrpc":"2.0",\r\ndata: "id":1,"result":{}}\r\n\r\n'), 30);
    });
    const came = await post(url, LEGACY, PING);
    expect(came.headers["content-type"]).toBe("text/event-stream");
    expect(await came.body).toBe(': hello\r\n\r\nid: 1\nretry: 5\ndata:\n\nevent: message\r\nid: 2\r\ndata: {"jsonrpc":"2.0",\r\ndata: "id":1,"result":{}}\r\n\r\n');
    expect(came.events).toHaveLength(3);
  });

  it("the stream, the end and the last event's id of a session", async () => {
    const url = await stage.open((_received, response, request) => {
      if (request.method === "DELETE") return void response.writeHead(200).end();
      stream(response);
      response.write('id: 9\ndata: {"jsonrpc":"2.0","method":"notifications/message"}\n\n');
    });
    const came = await send(url, "GET", { ...LEGACY, "mcp-session-id": "s", "last-event-id": "8" });
    expect(await came.message()).toMatchObject({ method: "notifications/message" });
    expect(stage.upstream.received[0]).toMatchObject({ method: "GET", headers: { "mcp-session-id": "s", "last-event-id": "8" } });
    came.drop();
    expect((await send(url, "DELETE", { ...LEGACY, "mcp-session-id": "s" })).status).toBe(200);
    expect(stage.upstream.received[1]).toMatchObject({ method: "DELETE", headers: { "mcp-session-id": "s" } });
  });

  it("where the client closes a stream, the upstream's is closed", async () => {
    const closed = Promise.withResolvers<void>();
    const url = await stage.open((_received, response) => {
      stream(response);
      response.write(": hi\n\n");
      response.on("close", closed.resolve);
    });
    (await send(url, "GET", { ...LEGACY, "mcp-session-id": "s" })).drop();
    await closed.promise;
  });
});

describe("credentials", () => {
  it("the client's stay here, the operator's are added, and neither comes back", async () => {
    const url = await stage.open((_received, response) => json(response, { jsonrpc: "2.0", id: 1, result: {} }, { "set-cookie": "upstream=secret" }), { headers: { Authorization: "Bearer operator", "X-Api-Key": "k" } });
    const came = await post(url, { ...LEGACY, authorization: "Bearer client", cookie: "a=b", origin: "http://localhost:9", "x-forwarded-for": "1.2.3.4", "x-api-key": "client", connection: "keep-alive, x-hop", "x-hop": "1" }, PING);
    const { headers } = stage.upstream.received[0] ?? {};
    expect(headers).toMatchObject({ authorization: "Bearer operator", "x-api-key": "k", host: stage.upstream.url.host });
    for (const name of ["cookie", "origin", "x-forwarded-for", "x-hop"]) expect(headers).not.toHaveProperty(name);
    expect(came.headers).not.toHaveProperty("set-cookie");
  });

  it("the client's own is passed on where the operator says so", async () => {
    const url = await stage.open(ANSWERS, { forwardAuthorization: true });
    await post(url, { ...LEGACY, authorization: "Bearer client" }, PING);
    expect(stage.upstream.received[0]?.headers.authorization).toBe("Bearer client");
  });

  it.each([401, 403, 302])("an upstream's %i is the operator's trouble: it is told by name, without its headers", async (status) => {
    const url = await stage.open((_received, response) => response.writeHead(status, { location: "http://inside/", "www-authenticate": 'Bearer realm="inside"' }).end(), { headers: { authorization: "Bearer operator" } });
    const came = await post(url, LEGACY, PING);
    const text = await came.body;
    expect([came.status, came.headers["www-authenticate"], came.headers.location]).toEqual([502, undefined, undefined]);
    expect(JSON.parse(text)).toMatchObject({ id: 1, error: { code: -32_000, message: expect.stringContaining(`The server files`) as string } });
    expect(text).not.toMatch(/operator|inside/);
    expect(stage.upstream.received).toHaveLength(1);
  });

  it("a session belongs to the credential that came with it first", async () => {
    const url = await stage.open();
    const mine = { ...LEGACY, authorization: "Bearer a", "mcp-session-id": "s" };
    expect((await post(url, mine, PING)).status).toBe(200);
    for (const method of ["POST", "GET", "DELETE"]) {
      const came = await send(url, method, { ...mine, authorization: "Bearer b" }, method === "POST" ? PING : undefined);
      expect([came.status, JSON.parse(await came.body)]).toMatchObject([404, { error: { code: -32_001 } }]);
    }
    expect(stage.upstream.received).toHaveLength(1);
  });
});

describe.each(["legacy", "modern"] as const)("a call that is allowed, %s", (era) => {
  const headers = (name: string) => (era === "legacy" ? { ...LEGACY, "mcp-session-id": "s" } : modern("tools/call", name));
  const callOf = (id: string | number, name: string) => (era === "legacy" ? call(id, name) : modernCall(id, name));

  it("is sent under its own id, as the canonical text that was decided on, and answered in the upstream's own status, headers and bytes", async () => {
    const url = await stage.open(answering((_received, response) => json(response, '{"jsonrpc" : "2.0", "id":41, "result":{"content":[], "n":1.0}}', { "x-theirs": "a" })));
    const text = JSON.stringify({ ...callOf(41, "read"), id: 41 }).replace('"arguments":{}', '"arguments":{"b":1.0,"a":"\\u00e9"}');
    const came = await post(url, headers("read"), text);
    expect([came.status, came.headers["x-theirs"], await came.body]).toEqual([200, "a", '{"jsonrpc" : "2.0", "id":41, "result":{"content":[], "n":1.0}}']);
    const meta = era === "legacy" ? "" : ',"_meta":{"io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/protocolVersion":"2026-07-28"}';
    expect(stage.upstream.calls[0]?.body.toString()).toBe(`{"jsonrpc":"2.0","id":41,"method":"tools/call","params":{"name":"read","arguments":{"a":"é","b":1}${meta}}}`);
    expect(await stage.at.outcomes()).toEqual(["completed"]);
    expect(await stage.at.rows()).toMatchObject([{ type: "decision", action: "allow", tool: "read", server: "files", agent: "agent" }]);
  });

  it("is answered on a stream where the upstream has one, notifications before the result", async () => {
    const url = await stage.open(
      answering(({ message }, response) => {
        stream(response, { "x-theirs": "a" });
        response.write('data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n');
        setTimeout(() => response.end(`id: 4\ndata: {"jsonrpc":"2.0","id":${JSON.stringify(message?.id)},"result":{"content":[]}}\n\n`), 20);
      }),
    );
    const came = await post(url, headers("read"), callOf("x", "read"));
    expect(came.headers["x-theirs"]).toBe("a");
    expect(await came.body).toBe('data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\nid: 4\ndata: {"jsonrpc":"2.0","id":"x","result":{"content":[]}}\n\n');
    expect(await stage.at.outcomes()).toEqual(["completed"]);
  });

  it("an upstream that is down is named, and nothing of its address or credentials is", async () => {
    const url = await stage.open(ANSWERS, { headers: { authorization: "Bearer operator" } });
    await post(url, headers("read"), callOf(1, "read"));
    await stage.upstream.close();
    const came = await post(url, headers("read"), callOf(2, "read"));
    const text = await came.body;
    expect([came.status, JSON.parse(text)]).toEqual([502, { jsonrpc: "2.0", id: 2, error: { code: -32_000, message: "The server files cannot be reached (ECONNREFUSED); nothing was sent" } }]);
    expect(await stage.at.outcomes()).toEqual(["completed", "failed"]);
    stage.upstream = await scriptedUpstream();
  });

  it("one that breaks off has an unknown outcome, and says so", async () => {
    const url = await stage.open(answering((_received, response) => response.destroy()));
    const came = await post(url, headers("read"), callOf(2, "read"));
    expect([came.status, JSON.parse(await came.body)]).toMatchObject([502, { id: 2, error: { code: -32_000, message: expect.stringMatching(/^The connection to the server files broke off .*not known$/) as string } }]);
    expect(await stage.at.outcomes()).toEqual(["outcome_unknown"]);
  });

  it.each([
    [404, '{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}', "failed"],
    [400, '{"jsonrpc":"2.0","id":2,"error":{"code":-32020,"message":"mismatch"}}', "failed"],
    [503, "later", "outcome_unknown"],
  ])("what the upstream refuses with HTTP %i comes back as it is", async (status, body, outcome) => {
    const url = await stage.open(answering((_received, response) => json(response, body, {}, status)));
    const came = await post(url, headers("read"), callOf(2, "read"));
    expect([came.status, await came.body]).toEqual([status, body]);
    expect(await stage.at.outcomes()).toEqual([outcome]);
  });

  it("a JSON-RPC error of the tool comes back as it is", async () => {
    const url = await stage.open(answering((_received, response) => json(response, '{"jsonrpc":"2.0","id":2,"error":{"code":-32602,"message":"no"} }')));
    const came = await post(url, headers("read"), callOf(2, "read"));
    expect([came.status, await came.body]).toEqual([200, '{"jsonrpc":"2.0","id":2,"error":{"code":-32602,"message":"no"} }']);
  });

  it("a tool that the upstream's list does not have is refused, and a list that cannot be had refuses all", async () => {
    const url = await stage.open();
    const came = await post(url, headers("remove"), callOf(3, "remove"));
    expect(textOf(JSON.parse(await came.body) as Said)).toContain("the server's own list of tools does not have it");
    expect(stage.upstream.calls).toHaveLength(0);
    const lists = stage.upstream.received.filter(({ message }) => message?.method === "tools/list");
    expect(lists[0]?.headers).toMatchObject(era === "legacy" ? { "mcp-session-id": "s" } : { "mcp-method": "tools/list", "mcp-protocol-version": "2026-07-28" });
    expect(lists[0]?.message?.id).toMatch(/^countersign-/);
    expect(lists[0]?.headers).not.toHaveProperty("mcp-name");
  });
});

describe("tools", () => {
  it("are learnt from the lists that pass, page by page, and asked for anew on list_changed, which calls then wait for", async () => {
    let tools: readonly object[] = TOOLS;
    const headers = { ...LEGACY, "mcp-session-id": "s" };
    const get = Promise.withResolvers<void>();
    let notify: () => void = () => undefined;
    const url = await stage.open((received, response, request) => {
      if (received.method === "GET") {
        stream(response);
        notify = () => void response.write('data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n');
        return get.resolve();
      }
      const { id, method, params } = received.message ?? {};
      if (method !== "tools/list") return ANSWERS(received, response, request);
      if (params?.["cursor"] === undefined && tools.length > 1) return json(response, { jsonrpc: "2.0", id, result: { tools: tools.slice(0, 1), nextCursor: "2" } });
      json(response, { jsonrpc: "2.0", id, result: { tools: tools.length > 1 ? tools.slice(1) : tools } });
    });
    await (await post(url, headers, { jsonrpc: "2.0", id: 1, method: "tools/list" })).body;
    await (await post(url, headers, { jsonrpc: "2.0", id: 2, method: "tools/list", params: { cursor: "2" } })).body;
    const lists = (): number => stage.upstream.received.filter(({ message }) => message?.method === "tools/list").length;
    await (await post(url, headers, call(3, "write"))).body;
    expect([lists(), stage.upstream.calls.length]).toEqual([2, 1]);
    const events = await send(url, "GET", headers);
    await get.promise;
    tools = TOOLS.slice(0, 1);
    notify();
    await events.message();
    expect(textOf(JSON.parse(await (await post(url, headers, call(4, "write"))).body) as Said)).toContain("does not have it");
    expect([lists(), stage.upstream.calls.length]).toEqual([4, 1]);
    events.drop();
  });

  it("belong to their session: what one client may see is not what another may call", async () => {
    const url = await stage.open((received, response, request) => {
      const { id, method } = received.message ?? {};
      if (method !== "tools/list") return ANSWERS(received, response, request);
      json(response, { jsonrpc: "2.0", id, result: { tools: received.headers["mcp-session-id"] === "a" ? TOOLS : TOOLS.slice(0, 1) } });
    });
    expect(JSON.parse(await (await post(url, { ...LEGACY, "mcp-session-id": "a" }, call(1, "write"))).body)).toMatchObject({ result: { content: [{ text: "done" }] } });
    expect(JSON.parse(await (await post(url, { ...LEGACY, "mcp-session-id": "b" }, call(1, "write"))).body)).toMatchObject({ result: { isError: true } });
    expect(stage.upstream.calls).toHaveLength(1);
  });
});

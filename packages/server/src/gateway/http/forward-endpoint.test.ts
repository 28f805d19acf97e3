import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { ApprovalDecision, type PolicyDocument } from "@countersign/sdk";
import type { AskPort } from "@countersign/sdk/enforcement";
import { scriptedAsk } from "../fixture/scripted-ask.ts";
import { WAITING } from "../call/waiting.ts";
import { call, LEGACY, modern, modernCall, post, send, type Said } from "./fixture/http-client.ts";
import { BLOCK_WRITES, httpGateway, type HttpGateway, type HttpGatewayOptions } from "./fixture/http-gateway.ts";
import { ANSWERS, answering, json, scriptedUpstream, stream, TOOLS, type Script, type ScriptedUpstream } from "./fixture/scripted-upstream.ts";

let upstream: ScriptedUpstream;
let at: HttpGateway;
async function open(script: Script = ANSWERS, options: HttpGatewayOptions = {}): Promise<URL> {
  upstream = await scriptedUpstream(script);
  at = await httpGateway(upstream.url, options);
  return at.url;
}
afterEach(async () => {
  await at.close();
  await upstream.close();
});

const textOf = (message: Said): string => (message["result"] as { content: [{ text: string }] }).content[0].text; // as answer-text.ts makes it
const PING = { jsonrpc: "2.0", id: 1, method: "ping" };

describe("everything but tool calls passes as the bytes that came", () => {
  it.each([
    ['{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}', {}],
    [' {"method" : "ping", "id":"x",\n "jsonrpc":"2.0"} ', {}],
    ['{"jsonrpc":"2.0","id":7,"method":"vendor/\\u0078","params":{"n":1.50,"big":12345678901234567890}}', {}],
    ['{"jsonrpc":"2.0","id":3,"result":{"role":"assistant","content":{"type":"text","text":"é\\u00e9"}}}', {}],
    ['{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}', {}],
    ['{"jsonrpc":"2.0","id":8,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}', modern("server/discover")],
  ])("from the client: %s", async (text, headers) => {
    const url = await open(({ body }, response) => json(response, `{"echo" : ${body.length}}`, { "x-theirs": "a", "mcp-session-id": "s1" }, 201));
    const came = await post(url, { ...LEGACY, ...headers, "x-mine": "b", "mcp-param-region": "eu" }, text);
    expect([came.status, await came.body, came.headers["x-theirs"], came.headers["mcp-session-id"]]).toEqual([201, `{"echo" : ${Buffer.byteLength(text)}}`, "a", "s1"]);
    expect(upstream.received).toHaveLength(1);
    expect(upstream.received[0]).toMatchObject({ method: "POST", headers: { "x-mine": "b", "mcp-param-region": "eu", "content-type": "application/json" } });
    expect(upstream.received[0]?.body.toString()).toBe(text);
  });

  it("events go on as they come, one by one, in their own bytes, ids and comments too", async () => {
    const url = await open((_received, response) => {
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
    const url = await open((_received, response, request) => {
      if (request.method === "DELETE") return void response.writeHead(200).end();
      stream(response);
      response.write('id: 9\ndata: {"jsonrpc":"2.0","method":"notifications/message"}\n\n');
    });
    const came = await send(url, "GET", { ...LEGACY, "mcp-session-id": "s", "last-event-id": "8" });
    expect(await came.message()).toMatchObject({ method: "notifications/message" });
    expect(upstream.received[0]).toMatchObject({ method: "GET", headers: { "mcp-session-id": "s", "last-event-id": "8" } });
    came.drop();
    expect((await send(url, "DELETE", { ...LEGACY, "mcp-session-id": "s" })).status).toBe(200);
    expect(upstream.received[1]).toMatchObject({ method: "DELETE", headers: { "mcp-session-id": "s" } });
  });

  it("where the client closes a stream, the upstream's is closed", async () => {
    const closed = Promise.withResolvers<void>();
    const url = await open((_received, response) => {
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
    const url = await open((_received, response) => json(response, { jsonrpc: "2.0", id: 1, result: {} }, { "set-cookie": "upstream=secret" }), { headers: { Authorization: "Bearer operator", "X-Api-Key": "k" } });
    const came = await post(url, { ...LEGACY, authorization: "Bearer client", cookie: "a=b", origin: "http://localhost:9", "x-forwarded-for": "1.2.3.4", "x-api-key": "client", connection: "keep-alive, x-hop", "x-hop": "1" }, PING);
    const { headers } = upstream.received[0] ?? {};
    expect(headers).toMatchObject({ authorization: "Bearer operator", "x-api-key": "k", host: upstream.url.host });
    for (const name of ["cookie", "origin", "x-forwarded-for", "x-hop"]) expect(headers).not.toHaveProperty(name);
    expect(came.headers).not.toHaveProperty("set-cookie");
  });

  it("the client's own is passed on where the operator says so", async () => {
    const url = await open(ANSWERS, { forwardAuthorization: true });
    await post(url, { ...LEGACY, authorization: "Bearer client" }, PING);
    expect(upstream.received[0]?.headers.authorization).toBe("Bearer client");
  });

  it.each([401, 403, 302])("an upstream's %i is the operator's trouble: it is told by name, without its headers", async (status) => {
    const url = await open((_received, response) => response.writeHead(status, { location: "http://inside/", "www-authenticate": 'Bearer realm="inside"' }).end(), { headers: { authorization: "Bearer operator" } });
    const came = await post(url, LEGACY, PING);
    const text = await came.body;
    expect([came.status, came.headers["www-authenticate"], came.headers.location]).toEqual([502, undefined, undefined]);
    expect(JSON.parse(text)).toMatchObject({ id: 1, error: { code: -32_000, message: expect.stringContaining(`The server files`) as string } });
    expect(text).not.toMatch(/operator|inside/);
    expect(upstream.received).toHaveLength(1);
  });

  it("a session belongs to the credential that came with it first", async () => {
    const url = await open();
    const mine = { ...LEGACY, authorization: "Bearer a", "mcp-session-id": "s" };
    expect((await post(url, mine, PING)).status).toBe(200);
    for (const method of ["POST", "GET", "DELETE"]) {
      const came = await send(url, method, { ...mine, authorization: "Bearer b" }, method === "POST" ? PING : undefined);
      expect([came.status, JSON.parse(await came.body)]).toMatchObject([404, { error: { code: -32_001 } }]);
    }
    expect(upstream.received).toHaveLength(1);
  });
});

describe.each(["legacy", "modern"] as const)("a call that is allowed, %s", (era) => {
  const headers = (name: string) => (era === "legacy" ? { ...LEGACY, "mcp-session-id": "s" } : modern("tools/call", name));
  const callOf = (id: string | number, name: string) => (era === "legacy" ? call(id, name) : modernCall(id, name));

  it("is sent under its own id, as the canonical text that was decided on, and answered in the upstream's own status, headers and bytes", async () => {
    const url = await open(answering((_received, response) => json(response, '{"jsonrpc" : "2.0", "id":41, "result":{"content":[], "n":1.0}}', { "x-theirs": "a" })));
    const text = JSON.stringify({ ...callOf(41, "read"), id: 41 }).replace('"arguments":{}', '"arguments":{"b":1.0,"a":"\\u00e9"}');
    const came = await post(url, headers("read"), text);
    expect([came.status, came.headers["x-theirs"], await came.body]).toEqual([200, "a", '{"jsonrpc" : "2.0", "id":41, "result":{"content":[], "n":1.0}}']);
    const meta = era === "legacy" ? "" : ',"_meta":{"io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/protocolVersion":"2026-07-28"}';
    expect(upstream.calls[0]?.body.toString()).toBe(`{"jsonrpc":"2.0","id":41,"method":"tools/call","params":{"name":"read","arguments":{"a":"é","b":1}${meta}}}`);
    expect(await at.outcomes()).toEqual(["completed"]);
    expect(await at.rows()).toMatchObject([{ type: "decision", action: "allow", tool: "read", server: "files", agent: "agent" }]);
  });

  it("is answered on a stream where the upstream has one, notifications before the result", async () => {
    const url = await open(
      answering(({ message }, response) => {
        stream(response, { "x-theirs": "a" });
        response.write('data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n');
        setTimeout(() => response.end(`id: 4\ndata: {"jsonrpc":"2.0","id":${JSON.stringify(message?.id)},"result":{"content":[]}}\n\n`), 20);
      }),
    );
    const came = await post(url, headers("read"), callOf("x", "read"));
    expect(came.headers["x-theirs"]).toBe("a");
    expect(await came.body).toBe('data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\nid: 4\ndata: {"jsonrpc":"2.0","id":"x","result":{"content":[]}}\n\n');
    expect(await at.outcomes()).toEqual(["completed"]);
  });

  it("an upstream that is down is named, and nothing of its address or credentials is", async () => {
    const url = await open(ANSWERS, { headers: { authorization: "Bearer operator" } });
    await post(url, headers("read"), callOf(1, "read"));
    await upstream.close();
    const came = await post(url, headers("read"), callOf(2, "read"));
    const text = await came.body;
    expect([came.status, JSON.parse(text)]).toEqual([502, { jsonrpc: "2.0", id: 2, error: { code: -32_000, message: "The server files cannot be reached (ECONNREFUSED); nothing was sent" } }]);
    expect(await at.outcomes()).toEqual(["completed", "failed"]);
    upstream = await scriptedUpstream();
  });

  it("one that breaks off has an unknown outcome, and says so", async () => {
    const url = await open(answering((_received, response) => response.destroy()));
    const came = await post(url, headers("read"), callOf(2, "read"));
    expect([came.status, JSON.parse(await came.body)]).toMatchObject([502, { id: 2, error: { code: -32_000, message: expect.stringMatching(/^The connection to the server files broke off .*not known$/) as string } }]);
    expect(await at.outcomes()).toEqual(["outcome_unknown"]);
  });

  it.each([
    [404, '{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}', "failed"],
    [400, '{"jsonrpc":"2.0","id":2,"error":{"code":-32020,"message":"mismatch"}}', "failed"],
    [503, "later", "outcome_unknown"],
  ])("what the upstream refuses with HTTP %i comes back as it is", async (status, body, outcome) => {
    const url = await open(answering((_received, response) => json(response, body, {}, status)));
    const came = await post(url, headers("read"), callOf(2, "read"));
    expect([came.status, await came.body]).toEqual([status, body]);
    expect(await at.outcomes()).toEqual([outcome]);
  });

  it("a JSON-RPC error of the tool comes back as it is", async () => {
    const url = await open(answering((_received, response) => json(response, '{"jsonrpc":"2.0","id":2,"error":{"code":-32602,"message":"no"} }')));
    const came = await post(url, headers("read"), callOf(2, "read"));
    expect([came.status, await came.body]).toEqual([200, '{"jsonrpc":"2.0","id":2,"error":{"code":-32602,"message":"no"} }']);
  });

  it("a tool that the upstream's list does not have is refused, and a list that cannot be had refuses all", async () => {
    const url = await open();
    const came = await post(url, headers("remove"), callOf(3, "remove"));
    expect(textOf(JSON.parse(await came.body) as Said)).toContain("the server's own list of tools does not have it");
    expect(upstream.calls).toHaveLength(0);
    const lists = upstream.received.filter(({ message }) => message?.method === "tools/list");
    expect(lists[0]?.headers).toMatchObject(era === "legacy" ? { "mcp-session-id": "s" } : { "mcp-method": "tools/list", "mcp-protocol-version": "2026-07-28" });
    expect(lists[0]?.message?.id).toMatch(/^countersign-/);
    expect(lists[0]?.headers).not.toHaveProperty("mcp-name");
  });
});

describe("a call that people are asked about", () => {
  const options = (ask = scriptedAsk()) => ({ policies: BLOCK_WRITES, ask });

  it.each([
    ["legacy", LEGACY, call(5, "write")],
    ["modern", modern("tools/call", "write"), modernCall(5, "write")],
  ])("%s: its client has a stream at once; after the yes it runs, and the upstream's answer comes on it", async (_era, headers, body) => {
    const ask = scriptedAsk();
    const url = await open(ANSWERS, options(ask));
    const came = await post(url, headers, body);
    expect([came.status, came.headers["content-type"]]).toEqual([200, "text/event-stream"]);
    expect(upstream.calls).toHaveLength(0);
    ask.decide("approved");
    expect(await came.message()).toEqual({ jsonrpc: "2.0", id: 5, result: { content: [{ type: "text", text: "done" }] } });
    await came.body;
    expect([ask.claimed, ask.outcomes, upstream.calls.length]).toEqual([["r1"], ["completed"], 1]);
  });

  it("the upstream's own stream goes on in it", async () => {
    const ask = scriptedAsk();
    const url = await open(
      answering(({ message }, response) => {
        stream(response);
        response.end(`data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":1}}\n\ndata: {"jsonrpc":"2.0","id":${JSON.stringify(message?.id)},"result":{"content":[]}}\n\n`);
      }),
      { ...options(ask), waiting: { ...WAITING, holdMs: 5_000, progressMs: 20 } },
    );
    const came = await post(url, LEGACY, call(5, "write", { _meta: { progressToken: 7 } }));
    expect(await came.message()).toMatchObject({ method: "notifications/progress", params: { progressToken: 7, message: expect.stringContaining("Waiting for approval") as string } });
    await came.message();
    ask.decide("approved");
    expect(await came.message(({ params }) => (params as { progress?: number } | undefined)?.progress === 1)).toBeDefined();
    expect(await came.message(({ id }) => id === 5)).toMatchObject({ result: { content: [] } });
    expect(ask.outcomes).toEqual(["completed"]);
  });

  it("denied: text for the model, and nothing was sent", async () => {
    const ask = scriptedAsk();
    const url = await open(ANSWERS, options(ask));
    const came = await post(url, LEGACY, call(5, "write"));
    ask.decide("denied", "not today");
    const message = await came.message();
    expect(message).toMatchObject({ id: 5, result: { isError: true } });
    expect(textOf(message)).toContain('The approver says: "not today".');
    expect(upstream.calls).toHaveLength(0);
  });

  it("held for long without a token: pending, and the same call again joins and runs once", async () => {
    const ask = scriptedAsk();
    const url = await open(ANSWERS, { ...options(ask), waiting: { ...WAITING, holdMs: 50, progressMs: 5_000 } });
    const came = await post(url, LEGACY, call(5, "write"));
    expect(textOf(await came.message())).toContain("call write again with the same arguments");
    const again = await post(url, LEGACY, call(6, "write"));
    ask.decide("approved");
    expect(await again.message()).toMatchObject({ id: 6, result: { content: [{ text: "done" }] } });
    expect([ask.claimed, upstream.calls.length]).toEqual([["r1"], 1]);
  });

  it("legacy: notifications/cancelled ends the request; it is not passed on, and nothing runs", async () => {
    const ask = scriptedAsk();
    const url = await open(ANSWERS, options(ask));
    const came = await post(url, LEGACY, call(5, "write"));
    const told = await post(url, LEGACY, { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 5 } });
    expect(told.status).toBe(202);
    expect(await came.body).toBe(": keep-alive\n\n");
    ask.decide("approved");
    await sleep(20);
    expect([ask.cancelled, upstream.calls.length]).toEqual([["r1"], 0]);
    expect(upstream.received.filter(({ message }) => message?.method === "notifications/cancelled")).toEqual([]);
  });

  it("legacy: a stream that breaks takes nothing back: nothing is claimed without a listener, and the same call again runs once", async () => {
    const ask = scriptedAsk();
    const url = await open(ANSWERS, options(ask));
    (await post(url, LEGACY, call(5, "write"))).drop();
    await expect.poll(async () => (await post(url, LEGACY, PING)).status).toBe(200);
    await sleep(30);
    ask.decide("approved");
    await sleep(30);
    expect([ask.cancelled, ask.claimed, upstream.calls.length]).toEqual([[], [], 0]);
    const again = await post(url, LEGACY, call(5, "write"));
    expect(await again.message()).toMatchObject({ id: 5 });
    expect([ask.claimed, upstream.calls.length]).toEqual([["r1"], 1]);
  });

  it("modern: closing the stream is the cancel", async () => {
    const ask = scriptedAsk();
    const url = await open(ANSWERS, options(ask));
    (await post(url, modern("tools/call", "write"), modernCall(5, "write"))).drop();
    await expect.poll(() => ask.cancelled).toEqual(["r1"]);
    ask.decide("approved");
    await sleep(20);
    expect([ask.claimed, upstream.calls.length]).toEqual([[], 0]);
  });

  it("a gateway that ends leaves the question standing and says to call again", async () => {
    const ask = scriptedAsk();
    const url = await open(ANSWERS, options(ask));
    const came = await post(url, LEGACY, call(5, "write"));
    const drained = at.served.drain(5_000);
    expect(textOf(await came.message())).toContain("call write again");
    await drained;
    expect([ask.cancelled, upstream.calls.length]).toEqual([[], 0]);
  });

  it("a session that its client ends takes its questions along", async () => {
    const ask = scriptedAsk();
    const url = await open(ANSWERS, options(ask));
    const headers = { ...LEGACY, "mcp-session-id": "s" };
    const came = await post(url, headers, call(5, "write"));
    upstream.script = (_received, response) => response.writeHead(200).end();
    await send(url, "DELETE", headers);
    await came.body;
    expect(ask.cancelled).toEqual(["r1"]);
  });
});

describe("a call that was sent", () => {
  const hanging = (closed: () => void): Script => answering((_received, response) => {
    stream(response);
    response.write(": on it\n\n");
    response.on("close", closed);
  });

  it("modern: closing the stream closes the upstream's, and the outcome is unknown", async () => {
    const closed = Promise.withResolvers<void>();
    const url = await open(hanging(closed.resolve));
    (await post(url, modern("tools/call", "read"), modernCall(5, "read"))).drop();
    await closed.promise;
    expect(await at.outcomes()).toEqual(["outcome_unknown"]);
  });

  it("legacy: the cancellation goes on, and ends the wait in the end", async () => {
    const url = await open(hanging(() => undefined), { cancelGraceMs: 60 });
    const came = await post(url, LEGACY, call(5, "read"));
    await post(url, LEGACY, { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 5, reason: "r" } });
    expect((await upstream.heard(({ message }) => message?.method === "notifications/cancelled")).message).toEqual({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 5, reason: "r" } });
    expect(await came.body).toBe(": on it\n\n");
    expect(await at.outcomes()).toEqual(["outcome_unknown"]);
  });

  it("legacy: a client that comes back by an event's id finds its answer there, once", async () => {
    const url = await open((received, response, request) => {
      if (received.method === "GET") {
        stream(response);
        return void response.end('id: 2\ndata: {"jsonrpc":"2.0","id":5,"result":{"content":[]}}\n\n');
      }
      if (received.message?.method !== "tools/call") return ANSWERS(received, response, request);
      stream(response);
      response.write("id: 1\ndata:\n\n");
    });
    const headers = { ...LEGACY, "mcp-session-id": "s" };
    const first = await post(url, headers, call(5, "read"));
    await expect.poll(() => first.events).toHaveLength(1);
    first.drop();
    const again = await send(url, "GET", { ...headers, "last-event-id": "1" });
    expect(await again.body).toBe('id: 2\ndata: {"jsonrpc":"2.0","id":5,"result":{"content":[]}}\n\n');
    expect(await at.outcomes()).toEqual(["completed"]);
  });

  it("legacy: a stream that the upstream closes on purpose is taken up again", async () => {
    const url = await open((received, response, request) => {
      if (received.message?.method !== "tools/call") return received.method === "GET" ? (stream(response), void response.end('id: 2\ndata: {"jsonrpc":"2.0","id":5,"result":{"content":[]}}\n\n')) : ANSWERS(received, response, request);
      stream(response);
      response.end("id: 1\nretry: 10\ndata:\n\n");
    });
    const headers = { ...LEGACY, "mcp-session-id": "s" };
    expect(await (await post(url, headers, call(5, "read"))).body).toBe("id: 1\nretry: 10\ndata:\n\n");
    expect(await (await send(url, "GET", { ...headers, "last-event-id": "1" })).body).toContain('"id":5');
    expect(await at.outcomes()).toEqual(["completed"]);
  });
});

describe("headers that repeat arguments", () => {
  const REGIONAL: Script = (received, response, request) => {
    if (received.message?.method !== "tools/list") return ANSWERS(received, response, request);
    const inputSchema = { type: "object", properties: { region: { type: "string", "x-mcp-header": "Region" }, text: { type: "string" } } };
    json(response, { jsonrpc: "2.0", id: received.message.id, result: { tools: [{ name: "write", inputSchema }] } });
  };
  const headers = (region: string) => ({ ...modern("tools/call", "write"), "mcp-param-region": region, "mcp-param-other": "x" });

  it("go along where they say what the body says; where they do not, the call is refused as the protocol says", async () => {
    const url = await open(REGIONAL);
    await (await post(url, headers("eu"), modernCall(1, "write", { arguments: { region: "eu" } }))).body;
    expect(upstream.calls[0]?.headers).toMatchObject({ "mcp-param-region": "eu", "mcp-param-other": "x" });
    const came = await post(url, headers("us"), modernCall(2, "write", { arguments: { region: "eu" } }));
    expect([came.status, JSON.parse(await came.body)]).toMatchObject([400, { id: 2, error: { code: -32_020 } }]);
    expect(upstream.calls).toHaveLength(1);
  });

  it("are made anew where an approver changed the arguments", async () => {
    const ask = scriptedAsk();
    const edits: AskPort = {
      ...ask,
      join: (question, edit) => ask.join(question, edit),
      wait: (request, options) => (request.question.call.argumentsText.includes("us") ? Promise.resolve({ kind: "edited", edit: { requestId: "r2", argumentsText: '{"region":"europe ä"}' }, decision: new ApprovalDecision({ approved: false }), elapsedMs: 1 }) : ask.wait(request, options)),
    };
    const policies: PolicyDocument = { version: 1, default: "allow", policies: [{ name: "writes", match: "mcp:files:write", action: "block", reason: "r", approval: { edits: true } }] };
    const url = await open(REGIONAL, { policies, ask: edits });
    const waited = post(url, headers("us"), modernCall(1, "write", { arguments: { region: "us" } }));
    await expect.poll(() => ask.questions.length).toBe(2);
    ask.decide("approved");
    await (await waited).body;
    expect(upstream.calls.map(({ headers: sent, message }) => [sent["mcp-param-region"], message?.params?.["arguments"]])).toEqual([["=?base64?ZXVyb3BlIMOk?=", { region: "europe ä" }]]);
  });
});

describe("tools", () => {
  it("are learnt from the lists that pass, page by page, and asked for anew on list_changed, which calls then wait for", async () => {
    let tools: readonly object[] = TOOLS;
    const headers = { ...LEGACY, "mcp-session-id": "s" };
    const get = Promise.withResolvers<void>();
    let notify: () => void = () => undefined;
    const url = await open((received, response, request) => {
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
    const lists = (): number => upstream.received.filter(({ message }) => message?.method === "tools/list").length;
    await (await post(url, headers, call(3, "write"))).body;
    expect([lists(), upstream.calls.length]).toEqual([2, 1]);
    const events = await send(url, "GET", headers);
    await get.promise;
    tools = TOOLS.slice(0, 1);
    notify();
    await events.message();
    expect(textOf(JSON.parse(await (await post(url, headers, call(4, "write"))).body) as Said)).toContain("does not have it");
    expect([lists(), upstream.calls.length]).toEqual([4, 1]);
    events.drop();
  });

  it("belong to their session: what one client may see is not what another may call", async () => {
    const url = await open((received, response, request) => {
      const { id, method } = received.message ?? {};
      if (method !== "tools/list") return ANSWERS(received, response, request);
      json(response, { jsonrpc: "2.0", id, result: { tools: received.headers["mcp-session-id"] === "a" ? TOOLS : TOOLS.slice(0, 1) } });
    });
    expect(JSON.parse(await (await post(url, { ...LEGACY, "mcp-session-id": "a" }, call(1, "write"))).body)).toMatchObject({ result: { content: [{ text: "done" }] } });
    expect(JSON.parse(await (await post(url, { ...LEGACY, "mcp-session-id": "b" }, call(1, "write"))).body)).toMatchObject({ result: { isError: true } });
    expect(upstream.calls).toHaveLength(1);
  });
});

it("an answer to a call that was not sent is not passed on", async () => {
  const ask = scriptedAsk();
  const headers = { ...LEGACY, "mcp-session-id": "s" };
  const url = await open((received, response, request) => {
    if (received.method !== "GET") return ANSWERS(received, response, request);
    stream(response);
    response.end('data: {"jsonrpc":"2.0","id":5,"result":{"content":[]}}\n\ndata: {"jsonrpc":"2.0","id":6,"result":{}}\n\n');
  }, { policies: BLOCK_WRITES, ask });
  const held = await post(url, headers, call(5, "write"));
  expect(await (await send(url, "GET", headers)).body).toBe('data: {"jsonrpc":"2.0","id":6,"result":{}}\n\n');
  ask.decide("denied");
  await held.body;
});

it("the id of a call that is under way is refused, whatever comes with it", async () => {
  const ask = scriptedAsk();
  const url = await open(ANSWERS, { policies: BLOCK_WRITES, ask });
  const held = await post(url, LEGACY, call(5, "write"));
  for (const body of [call(5, "read"), { ...PING, id: 5 }]) expect((await post(url, LEGACY, body)).status).toBe(400);
  ask.decide("denied");
  await held.body;
});

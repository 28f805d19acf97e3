import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ApprovalDecision, type PolicyDocument } from "@countersign/sdk";
import type { AskPort } from "@countersign/sdk/enforcement";
import { WAITING } from "../call/waiting.ts";
import { scriptedAsk } from "../fixture/scripted-ask.ts";
import { forwardStage, PING, textOf } from "./fixture/forward-stage.ts";
import { call, LEGACY, modern, modernCall, post, send } from "./fixture/http-client.ts";
import { BLOCK_WRITES } from "./fixture/http-gateway.ts";
import { ANSWERS, answering, json, stream, type Script } from "./fixture/scripted-upstream.ts";

const stage = forwardStage();

describe("a call that people are asked about", () => {
  const options = (ask = scriptedAsk()) => ({ policies: BLOCK_WRITES, ask });

  it.each([
    ["legacy", LEGACY, call(5, "write")],
    ["modern", modern("tools/call", "write"), modernCall(5, "write")],
  ])("%s: its client has a stream at once; after the yes it runs, and the upstream's answer comes on it", async (_era, headers, body) => {
    const ask = scriptedAsk();
    const url = await stage.open(ANSWERS, options(ask));
    const came = await post(url, headers, body);
    expect([came.status, came.headers["content-type"]]).toEqual([200, "text/event-stream"]);
    expect(stage.upstream.calls).toHaveLength(0);
    ask.decide("approved");
    expect(await came.message()).toEqual({ jsonrpc: "2.0", id: 5, result: { content: [{ type: "text", text: "done" }] } });
    await came.body;
    expect([ask.claimed, ask.outcomes, stage.upstream.calls.length]).toEqual([["r1"], ["completed"], 1]);
  });

  it("the upstream's own stream goes on in it", async () => {
    const ask = scriptedAsk();
    const url = await stage.open(
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
    const url = await stage.open(ANSWERS, options(ask));
    const came = await post(url, LEGACY, call(5, "write"));
    ask.decide("denied", "not today");
    const message = await came.message();
    expect(message).toMatchObject({ id: 5, result: { isError: true } });
    expect(textOf(message)).toContain('The approver says: "not today".');
    expect(stage.upstream.calls).toHaveLength(0);
  });

  it("held for long without a token: pending, and the same call again joins and runs once", async () => {
    const ask = scriptedAsk();
    const url = await stage.open(ANSWERS, { ...options(ask), waiting: { ...WAITING, holdMs: 50, progressMs: 5_000 } });
    const came = await post(url, LEGACY, call(5, "write"));
    expect(textOf(await came.message())).toContain("call write again with the same arguments");
    const again = await post(url, LEGACY, call(6, "write"));
    ask.decide("approved");
    expect(await again.message()).toMatchObject({ id: 6, result: { content: [{ text: "done" }] } });
    expect([ask.claimed, stage.upstream.calls.length]).toEqual([["r1"], 1]);
  });

  it("legacy: notifications/cancelled ends the request; it is not passed on, and nothing runs", async () => {
    const ask = scriptedAsk();
    const url = await stage.open(ANSWERS, options(ask));
    const came = await post(url, LEGACY, call(5, "write"));
    const told = await post(url, LEGACY, { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 5 } });
    expect(told.status).toBe(202);
    expect(await came.body).toBe(": keep-alive\n\n");
    ask.decide("approved");
    await sleep(20);
    expect([ask.cancelled, stage.upstream.calls.length]).toEqual([["r1"], 0]);
    expect(stage.upstream.received.filter(({ message }) => message?.method === "notifications/cancelled")).toEqual([]);
  });

  it("legacy: a stream that breaks takes nothing back: nothing is claimed without a listener, and the same call again runs once", async () => {
    const ask = scriptedAsk();
    const url = await stage.open(ANSWERS, options(ask));
    (await post(url, LEGACY, call(5, "write"))).drop();
    await expect.poll(async () => (await post(url, LEGACY, PING)).status).toBe(200);
    await sleep(30);
    ask.decide("approved");
    await sleep(30);
    expect([ask.cancelled, ask.claimed, stage.upstream.calls.length]).toEqual([[], [], 0]);
    const again = await post(url, LEGACY, call(5, "write"));
    expect(await again.message()).toMatchObject({ id: 5 });
    expect([ask.claimed, stage.upstream.calls.length]).toEqual([["r1"], 1]);
  });

  it("modern: closing the stream is the cancel", async () => {
    const ask = scriptedAsk();
    const url = await stage.open(ANSWERS, options(ask));
    (await post(url, modern("tools/call", "write"), modernCall(5, "write"))).drop();
    await expect.poll(() => ask.cancelled).toEqual(["r1"]);
    ask.decide("approved");
    await sleep(20);
    expect([ask.claimed, stage.upstream.calls.length]).toEqual([[], 0]);
  });

  it("a gateway that ends leaves the question standing and says to call again", async () => {
    const ask = scriptedAsk();
    const url = await stage.open(ANSWERS, options(ask));
    const came = await post(url, LEGACY, call(5, "write"));
    const drained = stage.at.served.drain(5_000);
    expect(textOf(await came.message())).toContain("call write again");
    await drained;
    expect([ask.cancelled, stage.upstream.calls.length]).toEqual([[], 0]);
  });

  it("a session that its client ends takes its questions along", async () => {
    const ask = scriptedAsk();
    const url = await stage.open(ANSWERS, options(ask));
    const headers = { ...LEGACY, "mcp-session-id": "s" };
    const came = await post(url, headers, call(5, "write"));
    stage.upstream.script = (_received, response) => response.writeHead(200).end();
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
    const url = await stage.open(hanging(closed.resolve));
    (await post(url, modern("tools/call", "read"), modernCall(5, "read"))).drop();
    await closed.promise;
    expect(await stage.at.outcomes()).toEqual(["outcome_unknown"]);
  });

  it("legacy: the cancellation goes on, and ends the wait in the end", async () => {
    const url = await stage.open(hanging(() => undefined), { cancelGraceMs: 60 });
    const came = await post(url, LEGACY, call(5, "read"));
    await post(url, LEGACY, { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 5, reason: "r" } });
    expect((await stage.upstream.heard(({ message }) => message?.method === "notifications/cancelled")).message).toEqual({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 5, reason: "r" } });
    expect(await came.body).toBe(": on it\n\n");
    expect(await stage.at.outcomes()).toEqual(["outcome_unknown"]);
  });

  it("legacy: a client that comes back by an event's id finds its answer there, once", async () => {
    const url = await stage.open((received, response, request) => {
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
    expect(await stage.at.outcomes()).toEqual(["completed"]);
  });

  it("legacy: a stream that the upstream closes on purpose is taken up again", async () => {
    const url = await stage.open((received, response, request) => {
      if (received.message?.method !== "tools/call") return received.method === "GET" ? (stream(response), void response.end('id: 2\ndata: {"jsonrpc":"2.0","id":5,"result":{"content":[]}}\n\n')) : ANSWERS(received, response, request);
      stream(response);
      response.end("id: 1\nretry: 10\ndata:\n\n");
    });
    const headers = { ...LEGACY, "mcp-session-id": "s" };
    expect(await (await post(url, headers, call(5, "read"))).body).toBe("id: 1\nretry: 10\ndata:\n\n");
    expect(await (await send(url, "GET", { ...headers, "last-event-id": "1" })).body).toContain('"id":5');
    expect(await stage.at.outcomes()).toEqual(["completed"]);
  });
});

it("an answer to a call that was not sent is not passed on", async () => {
  const ask = scriptedAsk();
  const headers = { ...LEGACY, "mcp-session-id": "s" };
  const url = await stage.open((received, response, request) => {
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
  const url = await stage.open(ANSWERS, { policies: BLOCK_WRITES, ask });
  const held = await post(url, LEGACY, call(5, "write"));
  for (const body of [call(5, "read"), { ...PING, id: 5 }]) expect((await post(url, LEGACY, body)).status).toBe(400);
  ask.decide("denied");
  await held.body;
});

describe("headers that repeat arguments", () => {
  const REGIONAL: Script = (received, response, request) => {
    if (received.message?.method !== "tools/list") return ANSWERS(received, response, request);
    const inputSchema = { type: "object", properties: { region: { type: "string", "x-mcp-header": "Region" }, text: { type: "string" } } };
    json(response, { jsonrpc: "2.0", id: received.message.id, result: { tools: [{ name: "write", inputSchema }] } });
  };
  const headers = (region: string) => ({ ...modern("tools/call", "write"), "mcp-param-region": region, "mcp-param-other": "x" });

  it("go along where they say what the body says; where they do not, the call is refused as the protocol says", async () => {
    const url = await stage.open(REGIONAL);
    await (await post(url, headers("eu"), modernCall(1, "write", { arguments: { region: "eu" } }))).body;
    expect(stage.upstream.calls[0]?.headers).toMatchObject({ "mcp-param-region": "eu", "mcp-param-other": "x" });
    const came = await post(url, headers("us"), modernCall(2, "write", { arguments: { region: "eu" } }));
    expect([came.status, JSON.parse(await came.body)]).toMatchObject([400, { id: 2, error: { code: -32_020 } }]);
    expect(stage.upstream.calls).toHaveLength(1);
  });

  it("are made anew where an approver changed the arguments", async () => {
    const ask = scriptedAsk();
    const edits: AskPort = {
      ...ask,
      join: (question, edit) => ask.join(question, edit),
      wait: (request, options) => (request.question.call.argumentsText.includes("us") ? Promise.resolve({ kind: "edited", edit: { requestId: "r2", argumentsText: '{"region":"europe ä"}' }, decision: new ApprovalDecision({ approved: false }), elapsedMs: 1 }) : ask.wait(request, options)),
    };
    const policies: PolicyDocument = { version: 1, default: "allow", policies: [{ name: "writes", match: "mcp:files:write", action: "block", reason: "r", approval: { edits: true } }] };
    const url = await stage.open(REGIONAL, { policies, ask: edits });
    const waited = post(url, headers("us"), modernCall(1, "write", { arguments: { region: "us" } }));
    await expect.poll(() => ask.questions.length).toBe(2);
    ask.decide("approved");
    await (await waited).body;
    expect(stage.upstream.calls.map(({ headers: sent, message }) => [sent["mcp-param-region"], message?.params?.["arguments"]])).toEqual([["=?base64?ZXVyb3BlIMOk?=", { region: "europe ä" }]]);
  });
});

it("R34: more than 1,024 calls of one session at a time are refused, and other sessions go on", async () => {
  const ask = scriptedAsk();
  const url = await stage.open(ANSWERS, { policies: BLOCK_WRITES, ask });
  const session = { ...LEGACY, "mcp-session-id": "s" };
  const held = [];
  for (let first = 0; first < 1_024; first += 128) held.push(...(await Promise.all(Array.from({ length: 128 }, (_, at) => post(url, session, call(first + at, "write"))))));
  const over = await post(url, session, call("over", "read"));
  expect([over.status, JSON.parse(await over.body)]).toMatchObject([429, { id: "over", error: { code: -32_600 } }]);
  expect((await post(url, { ...LEGACY, "mcp-session-id": "other" }, call("over", "read"))).status).toBe(200);
  ask.decide("denied");
  await Promise.all(held.map(({ body }) => body));
});

import { Agent } from "node:http";
import { expect, it } from "vitest";
import type { Inspection } from "@countersign/sdk";
import { forwardStage, PING } from "./fixture/forward-stage.ts";
import { call, LEGACY, post } from "./fixture/http-client.ts";
import { ANSWERS, json, type Script } from "./fixture/scripted-upstream.ts";

const stage = forwardStage();
const LOOKS: Inspection = { name: "secrets", inspectResult: (_call, result) => (JSON.stringify(result).includes("s3cret") ? [{ type: "secret", group: "pii", direction: "output", where: "/content/0/text" }] : []) };
const INSPECTED = { inspections: [LOOKS], policies: { version: 1 as const, policies: [], inspection: { pii: { output: { secret: "block" as const } } } } };

it("a server that says how long its stream is does not say where the answer ends: what is put in an event's place goes no further than its own request", async () => {
  const forged = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 36\r\n\r\n{"jsonrpc":"2.0","id":1,"result":{}}';
  const script: Script = (received, response, request) => {
    if (received.message?.method !== "tools/call") return ANSWERS(received, response, request);
    const answer = 'data: {"jsonrpc":"2.0","id":5,"result":{"content":[{"type":"text","text":"s3cret"}]}}\n\n';
    const body = `${answer}: ${forged}\n\n`;
    response.writeHead(200, { "content-type": "text/event-stream", "content-length": Buffer.byteLength(body) }).end(body);
  };
  const url = await stage.open(script, INSPECTED);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const came = await post(url, LEGACY, call(5, "read"), agent);
    expect([came.headers["content-length"], came.headers["transfer-encoding"]]).toEqual([undefined, "chunked"]);
    const body = await came.body;
    expect([body.includes("its result is withheld"), body.endsWith(`${forged}\n\n`)]).toEqual([true, true]);
    expect(JSON.parse(await (await post(url, LEGACY, PING, agent)).body)).toMatchObject({ id: 1, result: { content: [{ text: "done" }] } });
  } finally {
    agent.destroy();
  }
});

it("a status that no answer has is said to be one, of a call too: nobody knows whether it ran", async () => {
  const url = await stage.open((received, _response, request) => (received.message?.method === "tools/list" ? ANSWERS(received, _response, request) : void request.socket.end("HTTP/1.1 099 X\r\ncontent-length: 0\r\n\r\n")));
  for (const message of [PING, call(5, "read")]) {
    const { status, body } = await post(url, LEGACY, message);
    expect([status, await body]).toEqual([502, expect.stringContaining("whether the call ran is not known")]);
  }
  expect(await stage.at.outcomes()).toEqual(["outcome_unknown"]);
});

it("a server that wants to go on in another protocol has not answered, and nobody waits for it", async () => {
  const url = await stage.open((received, response, request) => (received.message?.method === "tools/list" ? ANSWERS(received, response, request) : void request.socket.end("HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")));
  for (const message of [PING, call(5, "read")]) {
    const { status, body } = await post(url, LEGACY, message);
    expect([status, await body]).toEqual([502, expect.stringContaining("whether the call ran is not known")]);
  }
});

it("what a server lets pages of other origins do is not what the gateway does", async () => {
  const url = await stage.open(({ message }, response) => json(response, { jsonrpc: "2.0", id: message?.id, result: {} }, { "access-control-allow-origin": "*", "access-control-expose-headers": "mcp-session-id", "x-theirs": "a" }));
  const { headers } = await post(url, LEGACY, PING);
  expect([headers["x-theirs"], Object.keys(headers).filter((name) => name.startsWith("access-control-"))]).toEqual(["a", []]);
});

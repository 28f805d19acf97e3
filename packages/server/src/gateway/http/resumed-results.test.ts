import { expect, it } from "vitest";
import type { Inspection } from "@countersign/sdk";
import { forwardStage } from "./fixture/forward-stage.ts";
import { call, LEGACY, post, send } from "./fixture/http-client.ts";
import { httpGateway } from "./fixture/http-gateway.ts";
import { ANSWERS, type Script } from "./fixture/scripted-upstream.ts";

const stage = forwardStage();
const IN_SESSION = { ...LEGACY, "mcp-session-id": "s" };
const LOOKS: Inspection = { name: "secrets", inspectResult: (_call, result) => (JSON.stringify(result).includes("s3cret") ? [{ type: "secret", group: "pii", direction: "output", where: "/content/0/text" }] : []) };
const INSPECTED = { inspections: [LOOKS], policies: { version: 1 as const, policies: [], inspection: { pii: { output: { secret: "block" as const } } } } };

/** A server that says everything anew to whoever comes back for it. The first call has a secret in its answer. */
function replaying(): Script {
  const said: string[] = [];
  return (received, response, request) => {
    if (request.method !== "GET" && received.message?.method !== "tools/call") return ANSWERS(received, response, request);
    response.writeHead(200, { "content-type": "text/event-stream" });
    if (request.method === "GET") return void response.end(said.join(""));
    const text = said.length === 0 ? "the s3cret" : "nothing special";
    said.push(`id: ${said.length + 1}\ndata: {"jsonrpc":"2.0","id":${JSON.stringify(received.message?.id)},"result":{"content":[{"type":"text","text":"${text}"}]}}\n\n`);
    response.end(said.at(-1));
  };
}

it("a result that was withheld is so for whoever comes back for it, whatever has been answered since, and also from another gateway; what was passed on is passed on again", async () => {
  const url = await stage.open(replaying(), INSPECTED);
  const answers = [await (await post(url, IN_SESSION, call(5, "read"))).body, await (await post(url, IN_SESSION, call(6, "read"))).body];
  expect(answers).toEqual([expect.stringContaining("its result is withheld"), expect.stringContaining("nothing special")]);
  const resume = async (to: URL): Promise<string> => (await send(to, "GET", { ...IN_SESSION, "last-event-id": "0" })).body;
  expect(await resume(url)).toBe(answers.join(""));
  const another = await httpGateway(stage.upstream.url, INSPECTED);
  try {
    expect((await resume(another.url)).match(/The result is withheld/g)).toHaveLength(2);
  } finally {
    await another.close();
  }
});

it("where nothing is looked into, whoever comes back gets what the server says", async () => {
  const url = await stage.open(replaying());
  const answer = await (await post(url, IN_SESSION, call(5, "read"))).body;
  expect(await (await send(url, "GET", { ...IN_SESSION, "last-event-id": "0" })).body).toBe(answer);
});

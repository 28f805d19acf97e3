/** Server-sent events as of 2024-11-05, and the way there from Streamable HTTP. */
import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { answerJson, httpServer, resultFor, type Answer, type HttpRequest, type TestHttpServer } from "../fixture/http-server.ts";
import { memoryConnection, type MemoryConnection } from "../fixture/memory-connection.ts";
import { connectUrl, type UrlTransport } from "./connect-url.ts";

let at: TestHttpServer;
let to: MemoryConnection;
let elsewhere: TestHttpServer | undefined;
afterEach(async () => {
  await to.connection.stop();
  await at.close();
  await elsewhere?.close();
  elsewhere = undefined;
});

async function open(answer: Answer, transport: UrlTransport = "sse"): Promise<void> {
  at = await httpServer(answer, { path: "/sse" });
  to = memoryConnection((listener) => connectUrl({ url: at.url, headers: { "x-key": "k" }, authorization: undefined }, transport, listener));
}

let stream: ServerResponse | undefined;
const say = (message: object | string, event = "message"): void => void stream?.write(`event: ${event}\ndata: ${typeof message === "string" ? message : JSON.stringify(message)}\n\n`);
/** A server of that time: it answers on the stream. */
const older =
  (answer: Answer = (_, response) => void response.writeHead(202).end("Accepted"), endpoint = "/message?session=1"): Answer =>
  (request, response) => {
    if (request.method === "GET" && request.path === "/sse") {
      stream = response.writeHead(200, { "content-type": "text/event-stream" });
      return say(endpoint, "endpoint");
    }
    if (request.path === "/sse") return void response.writeHead(404, { "content-type": "text/html" }).end("Cannot POST /sse");
    if (request.message["method"] !== "hang" && request.message["id"] !== undefined) say(resultFor(request.message));
    answer(request, response);
  };
const methods = (): readonly unknown[] => at.requests.filter(({ method }) => method === "POST").map(({ path, message }) => [path, message["method"]]);

describe("server-sent events", () => {
  it("messages go to the address that the stream begins with, and answers come on the stream", async () => {
    await open(older());
    expect(await to.ask(0, "initialize")).toMatchObject({ result: { protocolVersion: "2025-11-25" } });
    to.send({ jsonrpc: "2.0", method: "notifications/initialized" });
    say({ jsonrpc: "2.0", id: "s", method: "ping" });
    await to.heard(({ id }) => id === "s");
    expect(await to.ask(1, "ping")).toEqual({ jsonrpc: "2.0", id: 1, result: { of: "ping" } });
    expect(methods()).toEqual(["initialize", "notifications/initialized", "ping"].map((method) => ["/message?session=1", method]));
    expect(at.requests.map(({ headers }) => [headers["x-key"], headers["mcp-protocol-version"]])).toEqual([["k", undefined], ["k", undefined], ["k", "2025-11-25"], ["k", "2025-11-25"]]);
  });

  it("an address of another origin is sent nothing", async () => {
    elsewhere = await httpServer((_, response) => void response.end());
    for (const endpoint of [elsewhere.url.href, `//127.0.0.1:${elsewhere.url.port}/x`, "https://user@evil.example/x", "http://"]) {
      await open(older(undefined, endpoint));
      expect(await to.ask(1, "initialize")).toMatchObject({ error: { message: expect.stringContaining("wants its messages sent to another origin; that is not done.") } });
      await to.connection.stop();
      await at.close();
    }
    expect(elsewhere.requests).toEqual([]);
    await open(older());
  });

  it("the session ends with its stream: whoever waits is answered, and the connection is over", async () => {
    await open(older());
    await to.ask(0, "initialize");
    to.send({ jsonrpc: "2.0", id: 1, method: "hang" });
    await at.asked(({ message }) => message["id"] === 1);
    stream?.destroy();
    expect(await to.heard(({ id }) => id === 1)).toMatchObject({ error: { message: expect.stringMatching(/has ended, and its session with it: start the client anew\. Whether the request was carried out is not known\.$/) } });
    expect(await to.connection.ended).toEqual({ kind: "ended", code: 69 });
    expect(to.unknown).toHaveLength(1);
  });

  it("a message that is not taken is an error of its request", async () => {
    await open(older((_, response) => void response.writeHead(429, { "retry-after": "3" }).end()));
    to.send({ jsonrpc: "2.0", id: 1, method: "hang" });
    expect(await to.heard(({ id }) => id === 1)).toMatchObject({ error: { message: expect.stringContaining("is asked too often (429). Try again in 3 s.") } });
    to.send({ jsonrpc: "2.0", method: "notifications/x" });
    await to.warned("a message was not taken");
  });

  it("a stream that cannot be had is told, and tried again with the next message", async () => {
    let times = 0;
    const works = older();
    await open((request, response) => ((times += 1) === 1 ? void response.writeHead(503).end() : works(request, response)));
    expect(await to.ask(1, "initialize")).toMatchObject({ error: { message: expect.stringContaining("is not available (503)") } });
    expect(to.unknown).toEqual([]);
    expect(await to.ask(2, "initialize")).toMatchObject({ result: {} });
  });

  it("a server that ends its stream before it names an address is no such server", async () => {
    await open((_, response) => void response.writeHead(200, { "content-type": "text/event-stream" }).end(": hello\n\n"));
    expect(await to.ask(1, "initialize")).toMatchObject({ error: { message: expect.stringContaining("named no address for messages") } });
  });
});

describe("a server whose transport is not known", () => {
  const isPostTo = (path: string) => ({ method, path: asked }: HttpRequest): boolean => method === "POST" && asked === path;

  it("is spoken to as of 2024-11-05 where it refuses to be initialised over Streamable HTTP; nothing is lost on the way", async () => {
    await open(older(), "auto");
    const probed = await to.ask(9, "server/discover", { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } });
    expect(probed).toMatchObject({ error: {} }); // no reason to speak otherwise: only sessions are
    to.send({ jsonrpc: "2.0", id: 0, method: "initialize" });
    to.send({ jsonrpc: "2.0", id: 1, method: "ping" });
    expect(await to.heard(({ id }) => id === 0)).toMatchObject({ result: {} });
    expect(await to.heard(({ id }) => id === 1)).toMatchObject({ result: {} });
    await to.ask(2, "ping");
    expect(at.requests.filter(isPostTo("/sse")).map(({ message }) => message["method"])).toEqual(["server/discover", "initialize"]);
    stream?.destroy();
    expect(await to.connection.ended).toEqual({ kind: "ended", code: 69 });
  });

  it("and that speaks neither says why the first way failed", async () => {
    await open((_, response) => answerJson(response, { error: { code: -32_000, message: "Bad Request: only on Sundays" } }, 400), "auto");
    expect(await to.ask(0, "initialize")).toMatchObject({ error: { message: expect.stringMatching(/refused the request \(400\)\. It says: Bad Request: only on Sundays It is not reached by server-sent events either\.$/) } });
  });

  it.each([401, 403, 429, 500])("is not spoken to otherwise because of %i", async (status) => {
    await open((_, response) => void response.writeHead(status).end(), "auto");
    expect(await to.ask(0, "initialize")).toMatchObject({ error: { message: expect.stringContaining(`(${status})`) } });
    expect(at.requests.map(({ method }) => method)).toEqual(["POST"]);
    await to.connection.stop();
    expect(await to.connection.ended).toEqual({ kind: "ended", code: 0 });
  });

  it("is left alone after Streamable HTTP has worked", async () => {
    await open((request, response) => (request.method === "GET" ? void response.writeHead(405).end() : answerJson(response, resultFor(request.message))), "auto");
    await to.ask(0, "initialize");
    await to.ask(1, "ping");
    expect(at.requests.map(({ method }) => method)).toEqual(["POST", "POST"]);
  });
});

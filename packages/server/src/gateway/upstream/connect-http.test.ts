/** Streamable HTTP in a session: what official servers do rarely and others do always. Official ones: conformance/gateway. */
import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { answerJson, httpServer, openEvents, resultFor, type Answer, type HttpRequest, type TestHttpServer } from "../fixture/http-server.ts";
import { memoryConnection, type MemoryConnection } from "../fixture/memory-connection.ts";
import { connectHttp } from "./connect-http.ts";
import type { RemoteServer } from "./remote/remote-server.ts";

let at: TestHttpServer;
let to: MemoryConnection;
let others: TestHttpServer[] = [];

async function open(answer: Answer, { headers = {}, maxAnswerBytes, keepAliveMs }: { headers?: RemoteServer["headers"]; maxAnswerBytes?: number; keepAliveMs?: number } = {}): Promise<void> {
  at = await httpServer(answer, keepAliveMs === undefined ? {} : { keepAliveMs });
  to = memoryConnection((listener) => connectHttp({ url: at.url, headers, authorization: undefined }, listener, maxAnswerBytes === undefined ? {} : { maxAnswerBytes }));
}
/** A server with a session; `answer` has what is no part of its beginning. */
const inSession =
  (answer: Answer): Answer =>
  (request, response) => {
    const { method } = request.message;
    if (method === "initialize") return answerJson(response, resultFor(request.message), 200, { "mcp-session-id": "s1" });
    if (method === "notifications/initialized") return void response.writeHead(202).end();
    answer(request, response);
  };
async function begin(): Promise<void> {
  await to.ask(0, "initialize", { protocolVersion: "2025-11-25" });
  to.send({ jsonrpc: "2.0", method: "notifications/initialized" });
}
afterEach(async () => {
  await to.connection.stop();
  for (const server of [at, ...others]) await server.close();
  others = [];
});

const noStream = (response: ServerResponse): void => void response.writeHead(405).end();
const isGet = ({ method }: HttpRequest): boolean => method === "GET";
const isCall = ({ message }: HttpRequest): boolean => message["method"] === "tools/call";
const call = (id: number): object => ({ jsonrpc: "2.0", id, method: "tools/call", params: { name: "t" } });
const progress = { jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: 1, progress: 1 } };

describe("a session", () => {
  it("is kept with every message, has a stream of its own, and is deleted at the end", async () => {
    let say: ReturnType<typeof openEvents> | undefined;
    await open(inSession((request, response) => (request.method === "GET" ? (say = openEvents(response)) : answerJson(response, resultFor(request.message)))));
    await begin();
    await at.asked(isGet);
    expect(await to.ask(2, "tools/list")).toEqual({ jsonrpc: "2.0", id: 2, result: { of: "tools/list" } });
    say?.({ jsonrpc: "2.0", method: "notifications/tools/list_changed" });
    await to.heard(({ method }) => method === "notifications/tools/list_changed");
    await to.connection.stop();
    expect(await to.connection.ended).toEqual({ kind: "ended", code: 0 });
    expect(at.requests.map(({ method, message, headers }) => [method, message["method"], headers["mcp-session-id"], headers["mcp-protocol-version"]])).toEqual([
      ["POST", "initialize", undefined, undefined],
      ["POST", "notifications/initialized", "s1", "2025-11-25"],
      ...["GET", "POST"].map((method) => [method, method === "GET" ? undefined : "tools/list", "s1", "2025-11-25"]),
      ["DELETE", undefined, "s1", "2025-11-25"],
    ]);
    for (const { method, headers } of at.requests) expect([method, headers.accept]).toEqual([method, { POST: "application/json, text/event-stream", GET: "text/event-stream", DELETE: undefined }[method]]);
    expect(to.warnings).toEqual([]);
  });

  it("needs no stream of its own: 405 is no fault", async () => {
    await open(inSession((request, response) => (request.method === "POST" ? answerJson(response, resultFor(request.message)) : noStream(response))));
    await begin();
    await at.asked(isGet);
    await to.ask(1, "ping");
    expect(to.warnings).toEqual([]);
  });

  it("has no stream where the server has nothing at that address, and lives on all the same", async () => {
    await open(inSession((request, response) => (request.method === "POST" ? answerJson(response, resultFor(request.message)) : void response.writeHead(404).end())));
    await begin();
    await at.asked(isGet);
    expect(await to.ask(1, "ping")).toMatchObject({ result: {} });
  });

  it("goes on listening where its stream broke, from the last event, after the time that the server said", async () => {
    let times = 0;
    await open(
      inSession((request, response) => {
        if (request.method !== "GET") return answerJson(response, resultFor(request.message));
        const say = openEvents(response);
        times += 1;
        if (times > 1) return say({ jsonrpc: "2.0", method: "notifications/second" });
        response.write("retry: 30\n\n");
        say({ jsonrpc: "2.0", method: "notifications/first" }, "e7");
        setTimeout(() => response.destroy(), 20);
      }),
    );
    await begin();
    await to.heard(({ method }) => method === "notifications/second");
    expect(at.requests.filter(isGet).map(({ headers }) => headers["last-event-id"])).toEqual([undefined, "e7"]);
  });

  it("that the server has forgotten ends the connection: whoever waits is answered, and told what to do", async () => {
    await open(inSession(({ method, message }, response) => (method === "GET" || message["id"] === 5 ? openEvents(response) : response.writeHead(404).end())));
    await begin();
    to.send(call(5));
    await at.asked(isCall);
    const gone = await to.ask(6, "tools/call", { name: "t" });
    expect(gone).toMatchObject({ error: { code: -32_000, message: "The server has ended the session (404): start the client anew. The request was not carried out." } });
    expect(await to.heard(({ id }) => id === 5)).toMatchObject({ error: { message: expect.stringContaining("Whether the request was carried out is not known.") } });
    expect(to.unknown).toHaveLength(1);
    expect(await to.connection.ended).toEqual({ kind: "ended", code: 69 });
    expect(to.warnings).toEqual([expect.stringContaining("start the client anew")]);
    expect(at.requests.map(({ method }) => method)).not.toContain("DELETE");
  });
});

describe("an answer", () => {
  it("comes as one line in its own bytes, whatever it was laid out like", async () => {
    await open((request, response) => answerJson(response, `{\r\n  "jsonrpc": "2.0",\n  "id": ${String(request.message["id"])}, "result": {"n": 1.50, "t": "é\\n\\u2028"}\n}\n`));
    await to.ask(1, "x");
    expect(to.lines).toEqual(['{    "jsonrpc": "2.0",   "id": 1, "result": {"n": 1.50, "t": "é\\n\\u2028"} } \n']);
  });

  it("may be a list of messages, and a stream with others before it", async () => {
    await open((request, response) => {
      if (request.message["id"] === 1) return answerJson(response, [progress, resultFor(request.message)]);
      const say = openEvents(response);
      say(progress);
      say(resultFor(request.message));
      response.end();
    });
    await to.ask(1, "x");
    await to.ask(2, "x");
    expect(to.lines.map((line) => JSON.parse(line) as object)).toEqual([progress, { jsonrpc: "2.0", id: 1, result: { of: "x" } }, progress, { jsonrpc: "2.0", id: 2, result: { of: "x" } }]);
  });

  it("whose stream breaks is gone on with by its last event, as often as it breaks, and the request is not sent again", async () => {
    let breaks = 0;
    await open(
      inSession((request, response) => {
        if (request.method === "GET" && request.headers["last-event-id"] === undefined) return noStream(response);
        const say = openEvents(response);
        if (breaks === 3) return say({ ...resultFor({ method: "tools/call", id: 1 }) });
        response.write("retry: 10\n");
        say(breaks === 0 ? "" : progress, `p${(breaks += 1)}`);
        setTimeout(() => (breaks === 2 ? response.destroy() : response.end()), 10);
      }),
    );
    await begin();
    expect(await to.ask(1, "tools/call", { name: "t" })).toMatchObject({ result: { of: "tools/call" } });
    expect(at.requests.filter(isCall)).toHaveLength(1);
    expect(at.requests.filter(isGet).map(({ headers }) => headers["last-event-id"]).filter((id) => id !== undefined)).toEqual(["p1", "p2", "p3"]);
  });

  it.each<[string, Answer]>([
    ["is broken off", (_, response) => void response.writeHead(200, { "content-type": "application/json", "content-length": "100" }).write('{"jsonrpc', () => response.destroy())],
    ["never begins", (_, response) => void response.destroy()],
    ["is a stream that ends without it", (_, response) => (openEvents(response)(progress), void response.end())],
    ["is a stream that cannot be gone on with", (request, response) => (request.method === "GET" ? noStream(response) : (openEvents(response)(progress, "e1"), void response.end()))],
    ["is to something else", (_, response) => answerJson(response, { jsonrpc: "2.0", id: 99, result: {} })],
    ["is empty", (_, response) => answerJson(response, "")],
    ["is only taken note of", (_, response) => void response.writeHead(202).end()],
    ["is a page", (_, response) => void response.writeHead(200, { "content-type": "text/html" }).end("<p>")],
    ["is compressed, which nobody asked for", (_, response) => answerJson(response, "x", 200, { "content-encoding": "gzip" })],
    ["is longer than the limit", (request, response) => answerJson(response, { ...resultFor(request.message), more: "x".repeat(5_000) })],
    ["is an event longer than the limit", (request, response) => (openEvents(response)({ ...resultFor(request.message), more: "x".repeat(5_000) }), void response.end())],
  ])("that %s leaves nobody waiting, and is not taken for one", async (_, answer) => {
    await open((request, response) => {
      if (request.method === "POST" || request.headers["last-event-id"] !== undefined) return answer(request, response);
      noStream(response);
    }, { maxAnswerBytes: 4_000 });
    const { error } = (await to.ask(1, "tools/call", { name: "t" })) as { error: { message: string } }; // said below
    expect(error).toEqual({ code: -32_000, message: expect.stringMatching(/^The gateway has no answer: the server at http:\/\/127\.0\.0\.1:\d+ .*; whether the request was carried out is not known\.$/) });
    expect(to.unknown).toHaveLength(1);
  });

  it("that takes longer than an idle connection is kept is waited for", async () => {
    await open((request, response) => void setTimeout(() => answerJson(response, resultFor(request.message)), 4_600));
    expect(await to.ask(1, "tools/call", { name: "t" })).toMatchObject({ result: {} });
  });
});

describe("the order of messages", () => {
  it("a request waits for the notification before it to arrive, a notification for the requests before it to be sent; requests do not wait for each other", async () => {
    const held: ServerResponse[] = [];
    await open((request, response) => {
      if (request.message["id"] === undefined) return void held.push(response);
      if (request.message["id"] !== 1) answerJson(response, resultFor(request.message)); // 1 is never answered
    });
    to.send({ jsonrpc: "2.0", id: 1, method: "slow" });
    to.send({ jsonrpc: "2.0", id: 2, method: "quick" });
    to.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } });
    to.send({ jsonrpc: "2.0", id: 3, method: "after" });
    await at.asked(({ message }) => message["method"] === "notifications/cancelled");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(new Set(at.requests.map(({ message }) => message["method"]))).toEqual(new Set(["notifications/cancelled", "quick", "slow"]));
    expect(at.requests.at(-1)?.message["method"]).toBe("notifications/cancelled");
    held[0]?.writeHead(202).end();
    await to.heard(({ id }) => id === 3);
  });

  it("nothing is sent before the session is there", async () => {
    let first: (() => void) | undefined;
    await open((request, response) => {
      if (request.message["method"] !== "initialize") return answerJson(response, resultFor(request.message));
      first = () => answerJson(response, resultFor(request.message), 200, { "mcp-session-id": "s1" });
    });
    to.send({ jsonrpc: "2.0", id: 0, method: "initialize" });
    to.send({ jsonrpc: "2.0", id: 1, method: "ping" });
    await at.asked(() => true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(at.requests).toHaveLength(1);
    first?.();
    await to.heard(({ id }) => id === 1);
    expect(at.requests[1]?.headers["mcp-session-id"]).toBe("s1");
  });
});

describe("a connection", () => {
  it("that the server had closed meanwhile is opened again for what changes nothing, and a call is not sent twice", async () => {
    let broken = 0;
    await open((request, response) => {
      if (request.message["id"] === 1 || broken === 2) return answerJson(response, resultFor(request.message));
      broken += 1;
      response.socket?.resetAndDestroy();
    });
    await to.ask(1, "ping");
    expect(await to.ask(2, "tools/call", { name: "t" })).toMatchObject({ error: { message: expect.stringContaining("whether the request was carried out is not known") } });
    expect(at.requests.filter(isCall)).toHaveLength(1);
    broken = 2;
    await to.ask(4, "ping"); // another one that is kept
    broken = 1;
    expect(await to.ask(3, "tools/list")).toMatchObject({ result: {} });
    expect(at.requests.filter(({ message }) => message["id"] === 3)).toHaveLength(2);
  });

  it("to nobody is told at once, and that nothing was sent", async () => {
    await open((_, response) => void response.end());
    await at.close();
    const answer = await to.ask(1, "tools/call", { name: "t" });
    expect(answer).toMatchObject({ error: { message: `The gateway has no answer: the server at ${at.url.origin} cannot be reached: nobody listens there (ECONNREFUSED). The request was not sent.` } });
    expect(to.unknown).toEqual([]);
  });

  it("to a server that answers nothing ends in time", async () => {
    await open(inSession(() => undefined));
    await begin();
    to.send(call(1));
    await at.asked(isCall);
    const began = performance.now();
    await to.connection.stop();
    expect(performance.now() - began).toBeLessThan(2_500);
    expect(to.connection.send(`${JSON.stringify(call(2))}\n`)).toBe(true);
    expect(to.lines).toHaveLength(1);
  });

  it("is full while the server reads nothing, and drains when it does; what it says waits while nobody takes it", async () => {
    let begun: ServerResponse | undefined;
    await open((request, response) => {
      if (request.message["id"] !== 2) return answerJson(response, resultFor({ id: request.message["id"], method: "x" }));
      begun = response;
      openEvents(response)(progress);
    });
    to.connection.pause();
    to.send({ jsonrpc: "2.0", id: 2, method: "x" });
    await at.asked(({ message }) => message["id"] === 2);
    const pad = "x".repeat(1024 * 1024);
    const taken = [3, 4, 5, 6, 7, 8].map((id) => to.send({ jsonrpc: "2.0", id, method: "x", params: { pad } }));
    expect([taken[0], taken.at(-1)]).toEqual([true, false]);
    await expect.poll(() => to.drained()).toBe(1);
    expect(to.lines).toEqual([]);
    to.connection.resume();
    begun?.end();
    for (const answered of [2, 3, 4, 5, 6, 7, 8]) await to.heard(({ id }) => id === answered);
    expect(to.lines).toHaveLength(1 + 7);
  });
});

it("a server that wants to go on in another protocol has not answered, and nobody waits for it", async () => {
  await open(inSession((request, response) => void (isGet(request) ? noStream(response) : response.socket?.end("HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"))));
  await begin();
  expect(await to.ask(1, "tools/call", { name: "t" })).toMatchObject({ error: { message: expect.stringContaining("whether the request was carried out is not known") } });
  expect(to.unknown).toHaveLength(1);
});

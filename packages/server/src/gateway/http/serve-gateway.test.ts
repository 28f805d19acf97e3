import { connect, type Socket } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { LOOPBACK_NAMES } from "./admit-request.ts";
import { inTime } from "../fixture/in-time.ts";
import { call, LEGACY, modern, modernCall, post, send } from "./fixture/http-client.ts";
import type { HttpEndpoint, PostExchange } from "./http-endpoint.ts";
import { serveGateway, type ServedGateway, type ServeGatewayOptions } from "./serve-gateway.ts";
import { answerJson } from "./answer-error.ts";

let served: ServedGateway;
let url: URL;
const posts: PostExchange[] = [];

/** Answers with its own name; takes its time where a message says so. */
function endpoint(name: string): HttpEndpoint & { readonly ended: string[] } {
  const ended: string[] = [];
  const under = new Set<Promise<void>>();
  return {
    ended,
    post(exchange) {
      posts.push(exchange);
      const slow = "method" in exchange.message && exchange.message.method === "slow";
      const done = sleep(slow ? 100 : 0).then(() => answerJson(exchange.response, 200, JSON.stringify({ name })));
      under.add(done);
      return done;
    },
    get: (exchange) => Promise.resolve(void exchange.response.writeHead(200, { "content-type": "text/event-stream" }).end(": open\n\n")),
    delete: (exchange) => Promise.resolve(void exchange.response.writeHead(200).end()),
    async drain() {
      await Promise.all(under);
      ended.push("drained");
    },
    close: () => Promise.resolve(void ended.push("closed")),
  };
}

const files = endpoint("files");
async function open(options: Partial<ServeGatewayOptions> = {}): Promise<void> {
  posts.length = files.ended.length = 0;
  served = await serveGateway({
    host: "127.0.0.1",
    port: 0,
    endpoints: [{ name: "files", endpoint: files }],
    identify: ({ headers }) =>
      headers.authorization === "Bearer bad"
        ? { kind: "refused", refusal: { status: 401, reason: "who are you?", headers: { "www-authenticate": "Bearer" } } }
        : { kind: "caller", caller: { credential: "local", agent: { name: "agent", id: "" }, user: { id: "user" }, governance: () => Promise.reject(new Error("not asked")) } },
    names: { hosts: LOOPBACK_NAMES },
    onWarning: () => undefined,
    ...options,
  });
  url = new URL(`http://127.0.0.1:${served.port}/mcp`);
}
afterEach(() => served.close());

const PING = { jsonrpc: "2.0", id: 1, method: "ping" };
const pathTo = (path: string): URL => new URL(path, url);

/** What comes back for these bytes, until the other side ends or `until` is in it. */
function raw(bytes: string | Buffer, until = "\u0000"): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect(served.port, "127.0.0.1", () => socket.write(bytes));
  let said = "";
  socket.setTimeout(6_000, () => socket.destroy());
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => {
    said += chunk.toString("latin1");
    if (said.includes(until)) socket.destroy();
  });
  socket.on("close", () => resolve(said));
  return promise;
}

describe("paths", () => {
  it("each server at its name, one alone at /mcp too, and nothing else", async () => {
    await open();
    for (const path of ["/mcp", "/files/mcp", "/mcp?x=1"]) expect(JSON.parse(await (await post(pathTo(path), LEGACY, PING)).body)).toEqual({ name: "files" });
    for (const path of ["/", "/mcp/", "/MCP", "/other/mcp", "/files", "/files%2Fmcp", "//mcp"]) {
      const came = await post(new URL(`http://127.0.0.1:${served.port}${path}`), LEGACY, PING);
      expect([path, came.status, JSON.parse(await came.body)]).toMatchObject([path, 404, { jsonrpc: "2.0", id: null, error: { code: -32_000 } }]);
      expect(await came.body).not.toContain("files");
    }
  });

  it("what is served can be replaced while it runs; what is under way ends where it began", async () => {
    await open();
    const slow = post(pathTo("/files/mcp"), LEGACY, { ...PING, method: "slow" });
    await expect.poll(() => posts.length).toBe(1);
    const [a, b] = [endpoint("a b"), endpoint("b")];
    expect(served.replace([{ name: "a b", endpoint: a }, { name: "b", endpoint: b, isDefault: true }])).toEqual([files]);
    expect(JSON.parse(await (await slow).body)).toEqual({ name: "files" });
    expect((await post(pathTo("/files/mcp"), LEGACY, PING)).status).toBe(404);
    expect(JSON.parse(await (await post(pathTo("/a%20b/mcp"), LEGACY, PING)).body)).toEqual({ name: "a b" });
    expect(JSON.parse(await (await post(pathTo("/mcp"), LEGACY, PING)).body)).toEqual({ name: "b" });
    expect(() => served.replace([{ name: "b", endpoint: a }, { name: "b", endpoint: b }])).toThrow(TypeError);
    expect((await post(pathTo("/b/mcp"), LEGACY, PING)).status).toBe(200);
  });
});

describe("who may ask", () => {
  it.each([
    [{ host: "evil.example" }, 403],
    [{ host: "localhost.evil.example" }, 403],
    [{ host: "evil@localhost" }, 403],
    [{ host: "localhost" }, 200],
    [{ host: "LOCALHOST:99" }, 200],
    [{ host: "[::1]:1" }, 200],
    [{ origin: "https://evil.example" }, 403],
    [{ origin: "null" }, 403],
    [{ origin: "http://localhost.evil.example" }, 403],
    [{ origin: "http://localhost:6274" }, 200],
    [{ authorization: "Bearer bad" }, 401],
  ])("%j: %i", async (headers, status) => {
    await open();
    const came = await post(url, { ...LEGACY, ...headers }, PING);
    await came.body;
    expect([came.status, posts.length]).toEqual([status, status === 200 ? 1 : 0]);
    if (status === 401) expect(came.headers["www-authenticate"]).toBe("Bearer");
  });

  it("nobody learns what is served who is not let in", async () => {
    await open();
    for (const path of ["/files/mcp", "/nothing/mcp"]) expect((await post(pathTo(path), { ...LEGACY, authorization: "Bearer bad" }, PING)).status).toBe(401);
  });

  it("other pages come before callers, and after the host", async () => {
    await open({ pages: (request, response) => request.url === "/health" && response.writeHead(204).end() !== undefined });
    expect((await send(pathTo("/health"), "GET", { authorization: "Bearer bad" })).status).toBe(204);
    expect((await send(pathTo("/health"), "GET", { host: "evil.example" })).status).toBe(403);
  });
});

describe("what is no request of Streamable HTTP", () => {
  it.each([
    ["PUT", LEGACY, 405],
    ["OPTIONS", LEGACY, 405],
    ["HEAD", LEGACY, 405],
    ["GET", { ...LEGACY, "mcp-protocol-version": "2026-07-28" }, 405],
    ["GET", { accept: "application/json" }, 406],
    ["GET", { ...LEGACY, "mcp-protocol-version": "1999-01-01" }, 400],
    ["POST", { ...LEGACY, accept: "application/json" }, 406],
    ["POST", { "content-type": "application/json" }, 406],
    ["POST", { ...LEGACY, "content-type": "text/plain" }, 415],
    ["POST", { ...LEGACY, "content-type": "application/json; charset=utf-16" }, 415],
    ["POST", { ...LEGACY, "content-type": "application/json, text/plain" }, 415],
    ["POST", { ...LEGACY, "content-type": "application/json;Charset=UTF-8" }, 200],
    ["POST", { ...LEGACY, "content-encoding": "gzip" }, 415],
    ["POST", { ...LEGACY, "content-encoding": "identity" }, 200],
  ])("%s %j: %i", async (method, headers, status) => {
    await open();
    const came = await send(url, method, headers, method === "POST" ? PING : undefined);
    await came.body;
    expect([came.status, posts.length]).toEqual([status, status === 200 ? 1 : 0]);
    if (status === 405) expect(came.headers.allow).toBe("GET, POST, DELETE");
  });

  it.each([
    ["", -32_700, null],
    ["{", -32_700, null],
    [Buffer.from([0x7b, 0xff, 0x7d]), -32_700, null],
    ["[]", -32_600, null],
    [JSON.stringify([PING]), -32_600, null],
    ['{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}', -32_600, 1],
    ['{"jsonrpc":"2.0","id":1,"method":"Tools/Call"}', -32_600, 1],
    ['{"jsonrpc":"2.0","method":"tools/call"}', -32_600, null],
    ['{"jsonrpc":"2.0","id":1,"method":"ping",\r\n"x":1}', -32_600, 1],
    ['{"jsonrpc":"2.0","id":1,"method":"vendor/x","params":\n{"method":"tools/call"}\n}', -32_600, 1],
    [`{"jsonrpc":"2.0","id":1,"method":"vendor/x","params":\n{"method":"${"\u200b".repeat(3_000)}tools\\u002fcall"}\n}`, -32_600, 1],
  ])("a message that cannot be taken is answered with 400 and JSON-RPC: %j", async (body, code, id) => {
    await open();
    const came = await post(url, LEGACY, body);
    expect([came.status, JSON.parse(await came.body)]).toMatchObject([400, { jsonrpc: "2.0", id, error: { code, message: expect.stringMatching(/^Refused by Countersign: /) as string } }]);
    expect(posts).toHaveLength(0);
  });

  it("headers that say something else than the body: 400 and -32020, with both", async () => {
    await open();
    const came = await post(url, modern("tools/call", "read"), modernCall(3, "write"));
    expect([came.status, JSON.parse(await came.body)]).toMatchObject([400, { id: 3, error: { code: -32_020, data: { mismatch: { header: "read" } } } }]);
  });

  it("the era is the body's", async () => {
    await open();
    await post(url, LEGACY, call(1, "write"));
    await post(url, modern("tools/call", "write"), modernCall(1, "write"));
    expect(posts.map(({ stateless, message }) => [stateless, message.kind])).toEqual([[false, "call"], [true, "call"]]);
  });
});

describe("R34: what one client sends costs the others nothing", () => {
  const HEAD = "Host: localhost\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n";

  it("a body that is announced too long is refused before it is sent, and told so", async () => {
    await open();
    expect(await raw(`POST /mcp HTTP/1.1\r\n${HEAD}Content-Length: 104857600\r\n\r\n`, "}}")).toMatch(/^HTTP\/1\.1 413 /);
    expect(await raw(`POST /mcp HTTP/1.1\r\n${HEAD}Content-Length: 104857600\r\nExpect: 100-continue\r\n\r\n`, "}}")).toMatch(/^HTTP\/1\.1 413 /);
    expect(await raw(`POST /mcp HTTP/1.1\r\n${HEAD}Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}`, "}}")).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 400 /);
  });

  it("100 MB that are not announced are refused while they come, without being kept", async () => {
    await open();
    const before = process.memoryUsage.rss();
    const socket = connect(served.port, "127.0.0.1");
    socket.on("error", () => undefined);
    const answered = new Promise<string>((resolve) => socket.once("data", (chunk) => resolve(chunk.toString("latin1"))));
    socket.write(`POST /mcp HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    const part = Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(0x10000, " "), Buffer.from("\r\n")]);
    let sent = 0;
    const more = (): void => {
      while (sent < 1_600 && !socket.destroyed) {
        sent++;
        if (!socket.write(part)) return void socket.once("drain", more);
      }
    };
    more();
    expect(await answered).toMatch(/^HTTP\/1\.1 413 /);
    expect((await post(url, LEGACY, PING)).status).toBe(200);
    socket.destroy();
    expect(process.memoryUsage.rss() - before).toBeLessThan(80 * 1024 * 1024);
  });

  it.each([
    ["100,000 deep", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}`],
    ["100,000 deep, no call", `{"jsonrpc":"2.0","id":1,"method":"ping","params":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
    ["1,000,000 keys", `{"jsonrpc":"2.0","id":1,"method":"ping",${Array.from({ length: 1_000_000 }, (_, at) => `"${at.toString(36)}":1`).join(",")}}`],
    ["1,000,000 keys of a call's arguments", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{${Array.from({ length: 1_000_000 }, (_, at) => `"${at.toString(36)}":1`).join(",")}}}}`],
  ])("%s: it is refused, and others go on", async (_what, body) => {
    await open();
    const stalls = monitorEventLoopDelay({ resolution: 5 });
    stalls.enable();
    const came = await post(url, LEGACY, body);
    stalls.disable();
    expect([came.status, JSON.parse(await came.body)]).toMatchObject([400, { error: { code: -32_600 } }]);
    expect(stalls.max / 1e6).toBeLessThan(250);
    expect((await post(url, LEGACY, PING)).status).toBe(200);
  });

  it("bodies of one byte a second, and headers of one, are ended in time", async () => {
    await open({ limits: { headersMs: 400, requestMs: 700 } });
    const slow = (head: string): Promise<string> => {
      const { promise, resolve } = Promise.withResolvers<string>();
      const socket = connect(served.port, "127.0.0.1", () => socket.write(head));
      const timer = setInterval(() => socket.write(" "), 100);
      let said = "";
      socket.on("data", (chunk) => (said += chunk.toString("latin1")));
      socket.on("error", () => undefined);
      socket.on("close", () => {
        clearInterval(timer);
        resolve(said);
      });
      return promise;
    };
    const started = performance.now();
    const body = slow(`POST /mcp HTTP/1.1\r\n${HEAD}Content-Length: 1000\r\n\r\n`);
    const head = slow("POST /mcp HTTP/1.1\r\nHost:");
    const nothing = slow("");
    for (let at = 0; at < 10; at++) expect((await post(url, LEGACY, PING)).status).toBe(200);
    expect(await body).toMatch(/^HTTP\/1\.1 408 /);
    expect(await head).toMatch(/^HTTP\/1\.1 408 /);
    await nothing;
    expect(performance.now() - started).toBeLessThan(4_000);
    expect(posts).toHaveLength(10);
  });

  it("2,000 idle connections: others go on; those over the limit are not taken", async () => {
    await open({ limits: { maxConnections: 2_001 } });
    const sockets: Socket[] = [];
    for (let at = 0; at < 2_000; at += 200) {
      await Promise.all(
        Array.from({ length: 200 }, () => {
          const socket = connect(served.port, "127.0.0.1");
          sockets.push(socket.on("error", () => undefined));
          return new Promise((resolve) => socket.once("connect", resolve));
        }),
      );
    }
    for (let at = 0; at < 20; at++) expect((await inTime(post(url, LEGACY, PING), 500)).status).toBe(200);
    const [one, two] = [connect(served.port, "127.0.0.1"), connect(served.port, "127.0.0.1")];
    await Promise.race([one, two].map((socket) => new Promise((resolve) => socket.once("close", resolve).on("error", () => undefined))));
    for (const socket of [...sockets, one, two]) socket.destroy();
  });

  it("all bodies together have a limit, and who comes above it is told to come again", async () => {
    await open({ limits: { maxBodiesBytes: 1_000 } });
    const half = connect(served.port, "127.0.0.1", () => half.write(`POST /mcp HTTP/1.1\r\n${HEAD}Content-Length: 2000\r\n\r\n${" ".repeat(800)}`));
    half.on("error", () => undefined);
    await expect.poll(async () => (await post(url, LEGACY, JSON.stringify(PING) + " ".repeat(300))).status).toBe(503);
    half.destroy();
    await expect.poll(async () => (await post(url, LEGACY, JSON.stringify(PING) + " ".repeat(300))).status).toBe(200);
  });

  it.each([
    ["two lengths", `POST /mcp HTTP/1.1\r\n${HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, 400],
    ["a length and chunks", `POST /mcp HTTP/1.1\r\n${HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ["chunks that are no chunks", `POST /mcp HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 400],
    ["another transfer encoding", `POST /mcp HTTP/1.1\r\n${HEAD}Transfer-Encoding: gzip\r\n\r\n`, 400],
    ["no host", "POST /mcp HTTP/1.1\r\n\r\n", 400],
    ["headers without end", `POST /mcp HTTP/1.1\r\n${HEAD}X: ${"a".repeat(20_000)}\r\n\r\n`, 431],
    ["a header with a line end alone", `POST /mcp HTTP/1.1\r\n${HEAD}X: a\rMcp-Name: b\r\n\r\n`, 400],
    ["no HTTP", "\u0016\u0003\u0001", 400],
  ])("%s: %i", async (_what, bytes, status) => {
    await open();
    expect(await raw(bytes)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect((await post(url, LEGACY, PING)).status).toBe(200);
  });

  it("whatever bytes come, it goes on", async () => {
    await open({ limits: { headersMs: 300, requestMs: 300 } });
    const good = `POST /mcp HTTP/1.1\r\n${HEAD}Content-Length: 40\r\n\r\n${JSON.stringify(PING)}`;
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.nat({ max: good.length }), async (noise, place) => {
        await raw(Buffer.concat([Buffer.from(good.slice(0, place)), noise, Buffer.from(good.slice(place))]), "HTTP/1.1");
        return (await post(url, LEGACY, PING)).status === 200;
      }),
      { numRuns: 60, seed: 3 },
    );
  });
});

describe("the end", () => {
  it("drains: takes nothing new, waits for what is under way, and closes", async () => {
    await open();
    const slow = post(url, LEGACY, { ...PING, method: "slow" });
    await expect.poll(() => posts.length).toBe(1);
    const drained = served.drain(5_000);
    await expect(post(url, LEGACY, PING)).rejects.toThrow("ECONNREFUSED");
    expect(JSON.parse(await (await slow).body)).toEqual({ name: "files" });
    await drained;
    expect(files.ended).toEqual(["drained", "closed"]);
  });

  it("waits no longer than it may", async () => {
    await open();
    const slow = post(url, LEGACY, { ...PING, method: "slow" }).catch(() => "cut off"); // or answered at the last moment
    await expect.poll(() => posts.length).toBe(1);
    const started = performance.now();
    await served.drain(20);
    expect(performance.now() - started).toBeLessThan(1_000);
    await slow;
  });

  it("an address that is taken is an error", async () => {
    await open();
    await expect(serveGateway({ host: "127.0.0.1", port: served.port, endpoints: [], identify: () => ({ kind: "refused", refusal: { status: 401, reason: "" } }), names: { hosts: [] }, onWarning: () => undefined })).rejects.toThrow("EADDRINUSE");
  });
});

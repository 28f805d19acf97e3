import { connect } from "node:net";
import type { Socket } from "node:net";
import { request } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { CREDENTIALS, recordResources } from "./fixture/recording-resources.ts";
import { BODIES } from "./fixture/samples.ts";
import { sendBytes, serveApp } from "./fixture/serve-app.ts";
import type { Answered, ServedApp } from "./fixture/serve-app.ts";

const KEY = CREDENTIALS["an agent's key of the owner"].headers;
const OWNER = CREDENTIALS["an owner"].headers;

describe("R34: hostile size and shape is refused, and nothing else is", () => {
  const recorded = recordResources();
  let app: ServedApp;
  let heapBefore = 0;
  beforeAll(async () => {
    app = await serveApp(recorded.resources, { limits: { requestTimeoutMs: 1500, headersTimeoutMs: 1000 } });
    heapBefore = process.memoryUsage().rss;
  });
  afterAll(() => app.close());
  afterEach(async () => {
    recorded.reached.length = 0;
    const alive = await app.send({ method: "POST", path: "/v1/approvals", headers: KEY, body: BODIES.ask });
    expect([alive.status, recorded.reached.length]).toEqual([201, 1]);
    expect(app.errors).toEqual([]);
  });

  const ask = (raw: string | Buffer): Promise<Answered> => app.send({ method: "POST", path: "/v1/approvals", headers: KEY, raw });

  it("a body of 100 MB is refused by its length, before it is read", async () => {
    recorded.reached.length = 0;
    const answer = await sendBytes(app.port, `POST /v1/approvals HTTP/1.1\r\nHost: 127.0.0.1:${app.port}\r\nAuthorization: Bearer csk_1\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n\r\n`, 3000);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('"code":"too_large"');
    expect(recorded.reached).toEqual([]);
  });

  it("100 MB in chunks are refused where the limit is crossed, and the memory stays bounded", async () => {
    const { status, sentBytes } = await sendChunks(app.port, 100);
    // Either the answer or the end of the connection comes first; what matters is that we stopped taking it in.
    expect([413, 0]).toContain(status);
    expect(sentBytes).toBeLessThan(100 * 1024 * 1024);
    expect(process.memoryUsage().rss - heapBefore).toBeLessThan(300 * 1024 * 1024);
  });

  it("a body is not even read for who may not use the route", async () => {
    const answer = await sendBytes(app.port, `POST /v1/approvals HTTP/1.1\r\nHost: 127.0.0.1:${app.port}\r\nContent-Type: application/json\r\nContent-Length: 6000000\r\n\r\n`, 3000);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  });

  it.each([
    ["lists 10^5 deep", () => `${"[".repeat(100_000)}${"]".repeat(100_000)}`, 400],
    ["objects 10^5 deep", () => `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`, 400],
    ["an unfinished 10^6 deep list", () => "[".repeat(1_000_000), 400],
    ["10^6 keys", () => `{${Array.from({ length: 1_000_000 }, (_, index) => `"k${index.toString(36)}":1`).join(",").slice(0, 6_000_000)}}`, 413],
    ["10^6 items", () => `[${"1,".repeat(1_000_000)}1]`, 413],
    ["one key twice", () => JSON.stringify(BODIES.ask).replace('"reason":"r"', '"reason":"r","reason":"s"'), 400],
    ["__proto__", () => JSON.stringify(BODIES.ask).replace('{"path":"/x"}', '{"__proto__":{"path":"/x"}}'), 400],
    ["a number that does not survive", () => JSON.stringify(BODIES.ask).replace('"/x"', "9007199254740993"), 400],
    ["a byte order mark", () => `\ufeff${JSON.stringify(BODIES.ask)}`, 400],
    ["no JSON", () => "call=write_file", 400],
    ["nothing", () => "", 400],
    ["a string of 5 MB where a name stands", () => JSON.stringify({ ...BODIES.ask, reason: "x".repeat(5_000_000) }), 400],
    ["a field of its own", () => JSON.stringify({ ...BODIES.ask, approved: true }), 400],
  ])("%s", async (_, make, status) => {
    recorded.reached.length = 0;
    const started = performance.now();
    expect((await ask(make())).status).toBe(status);
    expect(performance.now() - started).toBeLessThan(2000);
    expect(recorded.reached).toEqual([]);
  });

  it("bytes that are no UTF-8 are refused", async () => {
    expect((await ask(Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xc0]), Buffer.from('"}')]))).status).toBe(400);
  });

  it("arguments as deep as the guard allows come through", async () => {
    const deep = JSON.parse(`${'{"a":'.repeat(62)}1${"}".repeat(62)}`) as unknown;
    const body = structuredClone(BODIES.ask) as { call: { arguments: unknown } };
    body.call.arguments = { a: deep };
    expect((await ask(JSON.stringify(body))).status).toBe(201);
  });

  it("a body of one byte a second ends, and 50 of them hold up nobody", async () => {
    const head = `POST /v1/approvals HTTP/1.1\r\nHost: 127.0.0.1:${app.port}\r\nAuthorization: Bearer csk_1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n`;
    const slow = Array.from({ length: 50 }, () => drip(app.port, head));
    const during = await app.send({ method: "GET", path: "/healthz" });
    expect(during.status).toBe(200);
    const ends = await Promise.all(slow);
    expect(Math.max(...ends.map(({ ms }) => ms))).toBeLessThan(5000);
    expect(ends.every(({ text }) => text === "" || text.startsWith("HTTP/1.1 4"))).toBe(true);
  });

  it("a head of one byte a second ends", async () => {
    const { ms } = await drip(app.port, "GET /healthz HTTP/1.1\r\nX: ");
    expect(ms).toBeLessThan(5000);
  });

  it("floods of headers and long URLs are refused", async () => {
    const host = `Host: 127.0.0.1:${app.port}`;
    expect(await sendBytes(app.port, `GET /healthz HTTP/1.1\r\n${host}\r\n${"X: y\r\n".repeat(120)}\r\n`, 500)).toMatch(/^HTTP\/1\.1 413 /);
    expect(await sendBytes(app.port, `GET /healthz HTTP/1.1\r\n${host}\r\nX: ${"y".repeat(20_000)}\r\n\r\n`, 500)).toMatch(/^HTTP\/1\.1 431 /);
    expect(await sendBytes(app.port, `GET /healthz HTTP/1.1\r\n${host}\r\n${"X: y\r\n".repeat(100_000)}\r\n`, 500)).not.toMatch(/HTTP\/1\.1 2/);
    expect(await sendBytes(app.port, `GET /healthz?${"a".repeat(9000)} HTTP/1.1\r\n${host}\r\n\r\n`, 500)).toMatch(/^HTTP\/1\.1 413 /);
    expect(await sendBytes(app.port, `GET /healthz?a=1&a=2 HTTP/1.1\r\n${host}\r\n\r\n`, 500)).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("1,000 idle connections hold up nobody", async () => {
    const sockets = await Promise.all(Array.from({ length: 1000 }, () => open(app.port)));
    const started = performance.now();
    expect((await app.send({ method: "GET", path: "/v1/approvals", headers: OWNER })).status).toBe(200);
    expect(performance.now() - started).toBeLessThan(1000);
    await Promise.all(sockets.map(hangUp));
  });
});

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.on("error", reject);
  });
}

function hangUp(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
    socket.destroy();
  });
}

/** One byte ten times a second, until the other side hangs up. */
function drip(port: number, head: string): Promise<{ readonly text: string; readonly ms: number }> {
  return new Promise((resolve) => {
    const started = performance.now();
    let text = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(head));
    const timer = setInterval(() => socket.write(" "), 100);
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearInterval(timer);
      resolve({ text, ms: performance.now() - started });
    });
  });
}

/** A chunked body of so many MB, sent as fast as it is taken. */
function sendChunks(port: number, megabytes: number): Promise<{ readonly status: number; readonly sentBytes: number }> {
  return new Promise((resolve) => {
    const chunk = Buffer.alloc(64 * 1024, 0x20);
    let sentBytes = 0;
    let status = 0;
    const sent = request({ port, host: "127.0.0.1", method: "POST", path: "/v1/approvals", headers: { ...KEY, "content-type": "application/json" }, agent: false }, (response) => {
      status = response.statusCode ?? 0;
      response.resume();
    });
    const push = (): void => {
      while (!sent.destroyed && sentBytes < megabytes * 1024 * 1024) {
        sentBytes += chunk.byteLength;
        if (!sent.write(chunk)) return void sent.once("drain", push);
      }
      sent.end();
    };
    sent.on("error", () => undefined);
    sent.on("close", () => resolve({ status, sentBytes }));
    push();
  });
}

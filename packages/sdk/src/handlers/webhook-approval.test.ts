import { randomBytes, randomUUID } from "node:crypto";
import { getEventListeners, once } from "node:events";
import http, { createServer } from "node:http";
import type { IncomingHttpHeaders, Server, ServerResponse } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ApprovalAnswer } from "../approval/decision.ts";
import { fakeCall, fakeContext, fakeViolation } from "../testing/fake-call.ts";
import { webhookApproval } from "./webhook-approval.ts";
import type { WebhookApprovalEvent } from "./webhook-approval.ts";
import type { WebhookApprovalOptions } from "./webhook-options.ts";
import { createSigner } from "./webhook-signature.ts";

const secret = `whsec_${randomBytes(32).toString("base64")}`;
const CANARY = "c4n4ry-secret";

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly event: WebhookApprovalEvent;
}

let server: Server;
let origin: string;
let received: Received[];
let connections: number;
let caller: AbortController;
/** What the receiver does with a request; the number counts from 0. */
let respond: (request: Received, response: ServerResponse, count: number) => void;

beforeEach(async () => {
  received = [];
  connections = 0;
  caller = new AbortController();
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      // A poll has no body; its event is never looked at.
      const event = (body === "" ? undefined : JSON.parse(body)) as WebhookApprovalEvent;
      const one: Received = { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body, event };
      received.push(one);
      respond(one, response, received.length - 1);
    });
  });
  server.on("connection", () => connections++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A server that listens on TCP has an address with a port.
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  expect(getEventListeners(caller.signal, "abort")).toEqual([]);
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

interface Reply {
  readonly status?: number;
  readonly by?: string;
  readonly at?: Date;
  readonly id?: string;
  readonly headers?: Record<string, string | string[]>;
}

/** Answers with a body signed as Standard Webhooks says. */
function reply(response: ServerResponse, fields: object | string, { status = 200, by = secret, at = new Date(), id = `msg_${randomUUID()}`, headers }: Reply = {}): void {
  const body = typeof fields === "string" ? fields : JSON.stringify(fields);
  response.writeHead(status, { "content-type": "application/json", ...createSigner([by]).sign(id, at, body), ...headers }).end(body);
}

const call = fakeCall({ arguments: { path: "/etc/hosts", content: CANARY } });
const error = fakeViolation({ call });

async function ask(more: Partial<WebhookApprovalOptions> = {}): Promise<ApprovalAnswer> {
  const handler = webhookApproval({ url: `${origin}/hook?token=${CANARY}`, secret, allowPrivateNetwork: true, pollIntervalMs: 10, timeoutMs: 5000, ...more });
  return handler(error, fakeContext({ call, signal: caller.signal }));
}

const refused = (more: Partial<WebhookApprovalOptions> = {}): Promise<Error> =>
  ask(more).then(
    (answer) => {
      throw new Error(`it answered ${JSON.stringify(answer)}`);
    },
    (thrown: unknown) => {
      if (!(thrown instanceof Error)) throw new Error("what was thrown is no Error");
      return thrown;
    },
  );

describe("webhookApproval", () => {
  it("takes a signed yes for this call", async () => {
    respond = ({ event }, response) => reply(response, { approved: true, approver: "jane@company.com", reason: "ticket 7", digest: event.data.digest });
    expect(await ask()).toMatchObject({ approved: true, approver: "jane@company.com", reason: "ticket 7", channel: "webhook", timedOut: false });
    expect(received).toHaveLength(1);
  });

  it("takes a signed no just as well", async () => {
    respond = (_request, response) => reply(response, { approved: false, approver: "jane@company.com", digest: call.digest });
    expect(await ask()).toMatchObject({ approved: false, approver: "jane@company.com" });
  });

  it("sends the question, arguments and all, signed so that the receiver can check it", async () => {
    respond = (_request, response) => reply(response, { approved: false, digest: call.digest });
    await ask({ headers: { Authorization: "Bearer abc" } });
    const [request] = received;
    expect(request).toMatchObject({ method: "POST", url: `/hook?token=${CANARY}`, headers: { "content-type": "application/json", authorization: "Bearer abc" } });
    expect(request?.event).toEqual({
      type: "approval.requested",
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/u),
      data: {
        requestId: request?.headers["webhook-id"],
        digest: call.digest,
        policyId: "mcp:filesystem:write_file",
        server: "filesystem",
        tool: "write_file",
        arguments: { path: "/etc/hosts", content: CANARY },
        context: {},
        beside: {},
        reason: "File writes require approval",
        approvers: ["ops-team@company.com"],
        deadline: expect.stringMatching(/^\d{4}-.*Z$/u),
        agent: { name: "file-manager", id: "" },
        user: { id: "user-123" },
      },
    });
    const headers = Object.fromEntries(Object.entries(request?.headers ?? {}).map(([name, value]) => [name, [String(value)]]));
    expect(createSigner([secret]).verify(headers, request?.body ?? "")).toBe(request?.event.data.requestId);
  });

  it("sends what else a tool may act on: the caller's context, and what goes beside the arguments", async () => {
    const task = { ttl: 60_000 };
    const bound = fakeCall({ context: { "com.example/run-as": "root", "io.modelcontextprotocol/task": task }, era: { task } });
    respond = (_request, response) => reply(response, { approved: false, digest: bound.digest });
    const handler = webhookApproval({ url: origin, secret, allowPrivateNetwork: true });
    await handler(fakeViolation({ call: bound }), fakeContext({ call: bound, signal: caller.signal }));
    const data = received[0]?.event.data;
    expect(data?.context).toEqual({ "com.example/run-as": "root", "io.modelcontextprotocol/task": { ttl: 60_000 } });
    expect(data?.beside).toEqual({ task: { ttl: 60_000 } });
  });

  it("polls where the receiver says 202, with signed GETs, until someone has decided", async () => {
    respond = (_request, response, count) => {
      if (count === 0) response.writeHead(202, { location: "/requests/7?x=1" }).end();
      else if (count < 3) response.writeHead(202).end();
      else reply(response, { approved: true, approver: "bob", digest: call.digest });
    };
    expect(await ask()).toMatchObject({ approved: true, approver: "bob" });
    expect(received.map(({ method, url }) => `${method} ${url}`)).toEqual([`POST /hook?token=${CANARY}`, ...Array(3).fill("GET /requests/7?x=1")]);
    const poll = received[1];
    const headers = Object.fromEntries(Object.entries(poll?.headers ?? {}).map(([name, value]) => [name, [String(value)]]));
    expect(createSigner([secret]).verify(headers, "")).toMatch(/^msg_/u);
    expect(new Set(received.map(({ headers: sent }) => sent["webhook-id"])).size).toBe(4);
  });

  it("waits as long as Retry-After says", async () => {
    const times: number[] = [];
    respond = (_request, response, count) => {
      times.push(performance.now());
      if (count === 0) response.writeHead(202, { location: "/7", "retry-after": "1" }).end();
      else if (count === 1) response.writeHead(503, { "retry-after": "0" }).end();
      else reply(response, { approved: true, digest: call.digest });
    };
    expect(await ask()).toMatchObject({ approved: true });
    const [first = 0, second = 0, third = 0] = times;
    expect(second - first).toBeGreaterThanOrEqual(990);
    expect(third - second).toBeLessThan(900);
  });

  it("is a time-out where the receiver says so, even with approved true", async () => {
    respond = (_request, response) => reply(response, { approved: true, timedOut: true, digest: call.digest });
    expect(await ask()).toMatchObject({ approved: false, timedOut: true });
  });

  it.each<[string, (response: ServerResponse, request: Received) => void, string]>([
    ["an answer without a signature", (response) => response.end(JSON.stringify({ approved: true, digest: call.digest })), "not signed"],
    ["an answer signed with another secret", (response) => reply(response, { approved: true, digest: call.digest }, { by: `whsec_${randomBytes(32).toString("base64")}` }), "signature does not count"],
    ["an answer that is six minutes old", (response) => reply(response, { approved: true, digest: call.digest }, { at: new Date(Date.now() - 360_000) }), "too old"],
    ["an answer from the future", (response) => reply(response, { approved: true, digest: call.digest }, { at: new Date(Date.now() + 360_000) }), "too new"],
    ["two signatures", (response) => reply(response, { approved: true, digest: call.digest }, { headers: { "webhook-signature": ["v1,a", "v1,b"] } }), "more than one webhook-signature"],
    ["an answer for another call", (response) => reply(response, { approved: true, digest: "0".repeat(64) }), "another call"],
    ["an answer for no call", (response) => reply(response, { approved: true }), "another call"],
    ["an answer for another request", (response) => reply(response, { approved: true, digest: call.digest, requestId: "msg_other" }), "another request"],
    ["an approved that is a text", (response) => reply(response, { approved: "true", digest: call.digest }), "a string inside approved"],
    ["an answer without approved", (response) => reply(response, { digest: call.digest }), "an object without approved"],
    ["a list", (response) => reply(response, [{ approved: true, digest: call.digest }]), "not a JSON object"],
    ["broken JSON", (response) => reply(response, '{"approved":true,'), "not JSON"],
    ["our own question sent back", (response, { body, headers }) => response.writeHead(200, { "webhook-id": headers["webhook-id"], "webhook-timestamp": headers["webhook-timestamp"], "webhook-signature": headers["webhook-signature"] }).end(body), "another call"],
    ["another status", (response) => reply(response, { approved: true, digest: call.digest }, { status: 201 }), "status 201"],
    ["an error", (response) => reply(response, { approved: true, digest: call.digest }, { status: 500 }), "status 500"],
    ["a redirect", (response) => reply(response, { approved: true, digest: call.digest }, { status: 307, headers: { location: "/hook" } }), "redirect (307)"],
    ["a redirect elsewhere", (response) => response.writeHead(302, { location: "http://169.254.169.254/" }).end(), "redirect (302)"],
    ["a huge body", (response) => reply(response, { approved: true, digest: call.digest, reason: "x".repeat(64 * 1024) }), "more than 65536 bytes"],
    ["a compressed body", (response) => reply(response, { approved: true, digest: call.digest }, { headers: { "content-encoding": "gzip" } }), "content encoding"],
    ["a body that is not UTF-8", (response) => response.end(Buffer.from([0x7b, 0xff, 0x7d])), "not UTF-8"],
    ["a body that breaks off", (response) => response.writeHead(200, { "content-length": 100 }).write("{", () => response.destroy()), "could not be reached (ECONNRESET)"],
    ["no HTTP", (response) => response.socket?.end(`HTTP/9.9 ${CANARY}\r\n\r\n`), "could not be reached (HPE_"],
    ["202 without a place to poll", (response) => response.writeHead(202).end(), "without one Location"],
    ["202 with a place elsewhere", (response) => response.writeHead(202, { location: "https://evil.example/poll" }).end(), "another origin"],
    ["202 with a place on another port", (response) => response.writeHead(202, { location: "//127.0.0.1:1/poll" }).end(), "another origin"],
    ["202 with credentials in the place", (response) => response.writeHead(202, { location: origin.replace("//", "//u:p@") }).end(), "another origin"],
  ])("approves nothing on %s, and tells nothing of URL, secret and arguments", async (_name, answer, told) => {
    respond = (request, response) => answer(response, request);
    const thrown = await refused();
    expect(thrown.message).toMatch(/^webhookApproval: /u);
    expect(thrown.message).toContain(told);
    const everything = `${thrown.message} ${thrown.stack ?? ""} ${String(thrown.cause)}`;
    for (const hidden of [CANARY, secret.slice(6), "/etc/hosts"]) expect(everything).not.toContain(hidden);
    expect(received).toHaveLength(1);
  });

  it("takes no answer a second time", async () => {
    const at = new Date();
    respond = (_request, response) => reply(response, { approved: true, digest: call.digest }, { id: "msg_same", at });
    const handler = webhookApproval({ url: origin, secret, allowPrivateNetwork: true });
    const context = fakeContext({ call, signal: caller.signal });
    expect(await handler(error, context)).toMatchObject({ approved: true });
    await expect(handler(error, context)).rejects.toThrow("used before");
  });

  it("takes an answer under the new secret while the old one is replaced", async () => {
    const next = `whsec_${randomBytes(32).toString("base64")}`;
    respond = (_request, response) => reply(response, { approved: true, digest: call.digest }, { by: next });
    expect(await ask({ secret: [secret, next] })).toMatchObject({ approved: true });
  });

  it("gives up on a receiver that does not answer", async () => {
    respond = () => {};
    expect((await refused({ timeoutMs: 50 })).message).toMatch(/did not answer within 50 ms$/u);
  });

  it("gives up on a body that trickles", async () => {
    respond = (_request, response) => void response.writeHead(200).write("{");
    expect((await refused({ timeoutMs: 50 })).message).toContain("did not answer within 50 ms");
  });

  it.each([
    ["while the receiver hangs", () => {}],
    ["while it polls", (_request: Received, response: ServerResponse) => void response.writeHead(202, { location: "/7", "retry-after": "60" }).end()],
  ])("ends with the signal %s, and closes its connection", async (_name, hang) => {
    const asked = Promise.withResolvers<void>();
    respond = (request, response) => {
      hang(request, response);
      setTimeout(asked.resolve, 20);
    };
    const thrown = refused();
    await asked.promise;
    const reason = new Error("the window ended");
    caller.abort(reason);
    expect(await thrown).toBe(reason);
    server.close();
    await once(server, "close");
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });

  it("sends nothing where the question is gone already", async () => {
    caller.abort(new Error("gone"));
    expect((await refused()).message).toBe("gone");
    expect(connections).toBe(0);
  });

  it("says that a receiver cannot be reached", async () => {
    const port = new URL(origin).port;
    server.close();
    await once(server, "close");
    expect((await refused()).message).toBe(`webhookApproval: 127.0.0.1:${port} could not be reached (ECONNREFUSED)`);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
});

/** A resolver that gives these answers in turn, the last one for ever. */
function resolving(...answers: string[]): LookupFunction {
  return (_host, _options, callback) => {
    const address = (answers.length > 1 ? answers.shift() : answers[0]) ?? "";
    callback(null, [{ address, family: address.includes(":") ? 6 : 4 }]);
  };
}

describe("where webhookApproval may connect", () => {
  const named = (): string => origin.replace("http://127.0.0.1", "https://approver.example");

  it.each(["127.0.0.1", "10.0.0.5", "192.168.1.1", "169.254.169.254", "100.64.0.1", "::1", "fd00::1", "::ffff:127.0.0.1"])(
    "does not connect to a public name that resolves to %s",
    async (address) => {
      const thrown = await refused({ url: named(), allowPrivateNetwork: false, lookup: resolving(address) });
      expect(thrown.message).toMatch(/^webhookApproval: approver\.example is at a (?:private|loopback|reserved) address/u);
      expect(thrown.message).toContain("set allowPrivateNetwork: true");
      expect(connections).toBe(0);
    },
  );

  it("connects there where the operator allows it", async () => {
    // The receiver speaks no TLS, so the connection is all there is to see.
    const thrown = await refused({ url: named(), lookup: resolving("127.0.0.1") });
    expect(thrown.message).toContain("approver.example");
    expect(connections).toBe(1);
  });

  it.each(["169.254.169.254", "100.100.100.200", "fd00:ec2::254", "224.0.0.1", "0.0.0.0"])("never connects to %s, allowed or not", async (address) => {
    const thrown = await refused({ url: named(), lookup: resolving(address) });
    expect(thrown.message).toContain("reserved address");
    expect(connections).toBe(0);
  });

  it("judges the address again for every poll, so that a name cannot change its mind", async () => {
    respond = (_request, response) => response.writeHead(202, { location: "/7" }).end();
    const thrown = await refused({ url: origin.replace("127.0.0.1", "localhost"), lookup: resolving("127.0.0.1", "127.0.0.1", "10.0.0.5") });
    expect(thrown.message).toContain("localhost is at a private address");
    expect(received).toHaveLength(2);
  });

  it("ignores the proxy that a process is set to, which would connect in its place", async () => {
    respond = (_request, response) => reply(response, { approved: true, digest: call.digest });
    const before = http.globalAgent;
    // What NODE_USE_ENV_PROXY=1 does when a process starts.
    http.globalAgent = new http.Agent({ proxyEnv: { HTTP_PROXY: "http://127.0.0.1:1" } });
    try {
      expect(await ask()).toMatchObject({ approved: true });
    } finally {
      http.globalAgent = before;
    }
  });
});

describe("the options of webhookApproval", () => {
  const make = (options: object): (() => unknown) => () => webhookApproval({ url: "https://approver.example/hook", secret, ...options });

  it("takes https to a public name, and http to loopback only where it is allowed", () => {
    expect(make({})).not.toThrow();
    expect(make({ url: new URL("https://8.8.8.8/") })).not.toThrow();
    for (const url of ["http://localhost:1/", "http://127.0.0.9/", "http://[::1]/"]) expect(make({ url, allowPrivateNetwork: true })).not.toThrow();
  });

  it.each([
    ["no URL", { url: `not a URL ${CANARY}` }],
    ["a missing URL", { url: undefined }],
    ["http", { url: `http://approver.example/${CANARY}` }],
    ["http to loopback that is not allowed", { url: `http://127.0.0.1/${CANARY}` }],
    ["http inside, though private networks are allowed", { url: `http://10.0.0.5/${CANARY}`, allowPrivateNetwork: true }],
    ["http to a name that looks like loopback", { url: `http://localhost.evil.example/${CANARY}`, allowPrivateNetwork: true }],
    ["another scheme", { url: `file:///etc/${CANARY}` }],
    ["credentials in the URL", { url: `https://u:${CANARY}@approver.example/` }],
    ["a private address", { url: `https://192.168.1.1/${CANARY}` }],
    ["a loopback address in disguise", { url: `https://0x7f000001/${CANARY}` }],
    ["a metadata address, though private networks are allowed", { url: `https://169.254.169.254/${CANARY}`, allowPrivateNetwork: true }],
    ["no secret", { secret: undefined }],
    ["no secrets", { secret: [] }],
    ["a weak secret", { secret: "whsec_c2hvcnQ=" }],
    ["one weak secret of two", { secret: [secret, CANARY] }],
    ["a truthy permission", { allowPrivateNetwork: "false" }],
    ["no time at all", { timeoutMs: 0 }],
    ["a time that is none", { timeoutMs: "10s" }],
    ["polls without a pause", { pollIntervalMs: 0 }],
    ["a lookup that is none", { lookup: "dns" }],
    ["headers that are none", { headers: "a: b" }],
    ["a header of the signature", { headers: { "Webhook-Id": CANARY } }],
    ["a header that frames the message", { headers: { "Content-Length": "1" } }],
    ["a header with a line break", { headers: { "x-key": `${CANARY}\r\nx: y` } }],
    ["a header that is no text", { headers: { "x-key": 7 } }],
    ["a header without a name", { headers: { "x key": CANARY } }],
  ])("refuse %s when it is made, and quote nothing", (_name, options) => {
    let thrown: unknown;
    try {
      make(options)();
    } catch (caught) {
      thrown = caught;
    }
    expect(thrown).toBeInstanceOf(TypeError);
    const told = `${String(thrown)} ${thrown instanceof Error ? String(thrown.cause) : ""}`;
    expect(told).toContain("webhookApproval: ");
    expect(told).not.toContain(CANARY);
  });

  it("are copied: changing them later changes nothing", async () => {
    respond = (_request, response) => reply(response, { approved: true, digest: call.digest });
    const options = { url: new URL(origin), secret, allowPrivateNetwork: true, headers: { "x-team": "ops" } };
    const handler = webhookApproval(options);
    options.headers["x-team"] = "eve";
    options.url.pathname = "/eve";
    await handler(error, fakeContext({ call, signal: caller.signal }));
    expect(received[0]).toMatchObject({ url: "/", headers: { "x-team": "ops" } });
  });
});

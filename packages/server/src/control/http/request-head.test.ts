import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CREDENTIALS, CSRF, recordResources } from "./fixture/recording-resources.ts";
import { BODIES } from "./fixture/samples.ts";
import { sendBytes, serveApp } from "./fixture/serve-app.ts";
import type { ServedApp } from "./fixture/serve-app.ts";

const VOTE = "/v1/approvals/some-id/vote";
const HOSTS = ["127.0.0.1:PORT", "localhost:PORT", "LOCALHOST:PORT", "countersign.example", "evil.example", "evil.example:PORT", "127.0.0.1:1", "127.0.0.1", "127.0.0.1.nip.io:PORT", "0.0.0.0:PORT", "localhost:PORT.evil.example"];
const GOOD_HOSTS = new Set(HOSTS.slice(0, 4));
const ORIGINS = [undefined, "http://127.0.0.1:PORT", "https://countersign.example", "http://countersign.example", "http://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example:PORT"];
const GOOD_ORIGINS = new Set<string | undefined>(["http://127.0.0.1:PORT", "https://countersign.example"]);
const SITES = [undefined, "same-origin", "same-site", "cross-site", "none"];
const TYPES = ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"];

describe("R20: no page of another origin can decide or read", () => {
  const recorded = recordResources();
  let app: ServedApp;
  beforeAll(async () => {
    app = await serveApp(recorded.resources, { publicUrls: ["https://countersign.example"] });
  });
  afterAll(() => app.close());

  it("of all combinations of Host, Origin, Sec-Fetch-Site, Content-Type and cookie, a vote passes only from our own page", async () => {
    let tries = 0;
    let passed = 0;
    const unexpected: string[] = [];
    for (const host of HOSTS)
      for (const origin of ORIGINS)
        for (const site of SITES)
          for (const type of TYPES)
            for (const csrf of [undefined, CSRF]) {
              recorded.reached.length = 0;
              const headers: Record<string, string> = { host, "content-type": type, cookie: "countersign=ann" };
              if (origin !== undefined) headers["origin"] = origin;
              if (site !== undefined) headers["sec-fetch-site"] = site;
              if (csrf !== undefined) headers["x-csrf-token"] = csrf;
              const answer = await app.send({ method: "POST", path: VOTE, headers, body: BODIES.vote });
              const mayPass = GOOD_HOSTS.has(host) && GOOD_ORIGINS.has(origin) && (site === undefined || site === "same-origin") && type === "application/json" && csrf !== undefined;
              tries += 1;
              if (recorded.reached.length > 0) passed += 1;
              if (mayPass !== recorded.reached.length > 0 || mayPass !== answer.status < 400) unexpected.push(JSON.stringify([answer.status, headers]));
              for (const name of Object.keys(answer.headers)) if (name.startsWith("access-control-")) unexpected.push(`${name} ${JSON.stringify(headers)}`);
            }
    expect(unexpected).toEqual([]);
    expect(tries).toBe(3520);
    expect(passed).toBe(16);
  });

  it.each(["cross-site", "same-site"])("reading with a cookie from a page elsewhere (%s) is refused", async (site) => {
    for (const path of ["/v1/approvals", "/v1/me", "/v1/events", "/healthz"]) {
      expect((await app.send({ method: "GET", path, headers: { cookie: "countersign=olga", "sec-fetch-site": site, "sec-fetch-mode": "no-cors" } })).status).toBe(403);
    }
  });

  it("a rebinding host name reads nothing, not even without a credential", async () => {
    for (const path of ["/healthz", "/v1/openapi.json", "/v1/sign-in", "/nothing"]) {
      expect((await app.send({ method: "GET", path, headers: { host: "rebind.example:PORT" } })).status).toBe(403);
    }
  });

  it("only a navigation comes back from an OpenID provider", async () => {
    const path = "/v1/sign-in/oidc/callback?code=c&state=s";
    const from = { cookie: "countersign-attempt=x", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
    const answer = await app.send({ method: "GET", path, headers: from });
    expect([answer.status, answer.headers["location"]]).toEqual([303, `/#csrf=${CSRF}`]);
    expect((await app.send({ method: "GET", path, headers: { ...from, "sec-fetch-dest": "iframe" } })).status).toBe(403);
    expect((await app.send({ method: "GET", path, headers: { ...from, "sec-fetch-mode": "no-cors" } })).status).toBe(403);
  });

  it("every answer forbids framing, sniffing, keeping and scripts, whatever it answers", async () => {
    const answers = [
      await app.send({ method: "GET", path: "/healthz" }),
      await app.send({ method: "GET", path: "/v1/approvals" }),
      await app.send({ method: "GET", path: "/nothing/here" }),
      await app.send({ method: "POST", path: VOTE, headers: CREDENTIALS["an approver"].headers, body: BODIES.vote }),
      await app.send({ method: "GET", path: "/v1/events", headers: CREDENTIALS["an approver"].headers, headOnly: true }),
      await app.send({ method: "GET", path: "/healthz", headers: { host: "evil.example" } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 401, 404, 200, 200, 403]);
    for (const { headers } of answers) {
      expect(headers).toMatchObject({
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox",
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
      });
      expect(headers["strict-transport-security"]).toBeUndefined();
    }
    const secure = await app.send({ method: "GET", path: "/healthz", headers: { host: "countersign.example" } });
    expect(secure.headers["strict-transport-security"]).toBe("max-age=31536000; includeSubDomains");
  });

  it("a WebSocket from a page is no door", async () => {
    const answer = await sendBytes(app.port, `GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:${app.port}\r\nOrigin: http://evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n`, 300);
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  });

  describe("heads that two readers could read in two ways", () => {
    const host = (): string => `Host: 127.0.0.1:${app.port}`;
    const BODY = JSON.stringify(BODIES.ask);
    const ASK = `POST /v1/approvals HTTP/1.1`;
    const KEY = "Authorization: Bearer csk_1";
    const SMUGGLED = `0\r\n\r\nPOST /v1/approvals/some-id/cancel HTTP/1.1\r\nHost: x\r\n\r\n`;
    const cases: readonly (readonly [string, () => string])[] = [
      ["two hosts", () => `GET /healthz HTTP/1.1\r\n${host()}\r\nHost: evil.example\r\n\r\n`],
      ["no host", () => "GET /healthz HTTP/1.1\r\n\r\n"],
      ["HTTP/1.0 without a host", () => "GET /healthz HTTP/1.0\r\n\r\n"],
      ["a target with a host of its own", () => `GET http://evil.example/healthz HTTP/1.1\r\n${host()}\r\n\r\n`],
      ["a target with our host of its own", () => `GET http://127.0.0.1:${app.port}/healthz HTTP/1.1\r\n${host()}\r\n\r\n`],
      ["two origins", () => `${ASK}\r\n${host()}\r\n${KEY}\r\nOrigin: http://127.0.0.1:${app.port}\r\nOrigin: http://evil.example\r\nContent-Length: 0\r\n\r\n`],
      ["two authorizations", () => `${ASK}\r\n${host()}\r\n${KEY}\r\nAuthorization: Bearer csk_2\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`],
      ["two content types", () => `${ASK}\r\n${host()}\r\n${KEY}\r\nContent-Type: text/plain\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`],
      ["length and chunks", () => `${ASK}\r\n${host()}\r\n${KEY}\r\nContent-Type: application/json\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n${SMUGGLED}`],
      ["two lengths", () => `${ASK}\r\n${host()}\r\n${KEY}\r\nContent-Type: application/json\r\nContent-Length: 0\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`],
      ["a length with a sign", () => `${ASK}\r\n${host()}\r\n${KEY}\r\nContent-Type: application/json\r\nContent-Length: +5\r\n\r\nabcde`],
      ["an unknown transfer coding", () => `${ASK}\r\n${host()}\r\n${KEY}\r\nContent-Type: application/json\r\nTransfer-Encoding: xchunked\r\n\r\n${SMUGGLED}`],
      ["chunks in disguise", () => `${ASK}\r\n${host()}\r\n${KEY}\r\nContent-Type: application/json\r\nTransfer-Encoding : chunked\r\n\r\n${SMUGGLED}`],
      ["a folded header", () => `${ASK}\r\n${host()}\r\n${KEY}\r\nContent-Type: application/json\r\nX: a\r\n b\r\nTransfer-Encoding:\r\n chunked\r\n\r\n${SMUGGLED}`],
      ["a bare line feed", () => `GET /healthz HTTP/1.1\n${host()}\nX: y\n\n`],
      ["a NUL in a header", () => `GET /healthz HTTP/1.1\r\n${host()}\r\nX: a\0b\r\n\r\n`],
      ["a body under a content coding", () => `${ASK}\r\n${host()}\r\n${KEY}\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`],
      ["a connection elsewhere", () => `CONNECT evil.example:443 HTTP/1.1\r\n${host()}\r\n\r\n`],
      ["a path with a backslash", () => `GET /v1\\approvals HTTP/1.1\r\n${host()}\r\n\r\n`],
      ["a body on GET", () => `GET /healthz HTTP/1.1\r\n${host()}\r\nContent-Length: 5\r\n\r\nhello`],
      ["no HTTP at all", () => "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"],
    ];

    it.each(cases)("%s", async (name, bytes) => {
      recorded.reached.length = 0;
      const answer = await sendBytes(app.port, bytes(), 300);
      expect(answer).not.toMatch(/HTTP\/1\.1 [23]/);
      if (/^two |own$/.test(name)) expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(recorded.reached).toEqual([]);
      expect((await app.send({ method: "GET", path: "/healthz" })).status).toBe(200);
    });
  });
});

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CREDENTIALS, recordResources } from "./fixture/recording-resources.ts";
import { serveApp, sendBytes } from "./fixture/serve-app.ts";
import type { ServedApp } from "./fixture/serve-app.ts";
import { readInboxFiles } from "./inbox-files.ts";

const SHELL = "<!doctype html><title>shell</title>";
const SCRIPT = `export const answer = ${"4".repeat(2000)};`;
const recorded = recordResources();
let folder = "";
let app: ServedApp;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "countersign-pages-"));
  const built = join(folder, "built");
  mkdirSync(join(built, "assets"), { recursive: true });
  writeFileSync(join(built, "index.html"), SHELL);
  writeFileSync(join(built, "assets", "index-B2xQ_9-a.js"), SCRIPT);
  writeFileSync(join(built, "icon.svg"), "<svg/>");
  writeFileSync(join(built, "notes.md"), "of no type that is served");
  writeFileSync(join(folder, "secret.txt"), "outside");
  symlinkSync(join(folder, "secret.txt"), join(built, "link.txt"));
  app = await serveApp(recorded.resources, { files: readInboxFiles(built) });
});
afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true });
});

describe("pages of the inbox", () => {
  it.each(["/", "/sign-in", "/requests/AbC_-1.2:3", "/history", "/account"])("%s is the shell, for anyone, with the page's policy, asked for again each time", async (path) => {
    recorded.reached.length = 0;
    const { status, text, headers } = await app.send({ method: "GET", path });
    expect([status, text, headers["content-type"], headers["cache-control"]]).toEqual([200, SHELL, "text/html; charset=utf-8", "no-cache"]);
    expect(headers["content-security-policy"]).toMatch(/script-src 'self'; style-src 'self'/);
    expect(headers["content-security-policy"]).toMatch(/frame-ancestors 'none'; base-uri 'none'; form-action 'self'/);
    expect(headers["content-security-policy"]).not.toContain("unsafe");
    expect([headers["x-frame-options"], headers["x-content-type-options"], headers["cross-origin-resource-policy"]]).toEqual(["DENY", "nosniff", "same-origin"]);
    expect(headers["access-control-allow-origin"]).toBeUndefined();
    expect(recorded.reached).toEqual([]);
  });

  it("a path that is not in the list is no page, and neither is the shell's own file", async () => {
    for (const path of ["/index.html", "/requests", "/requests/", "/requests/a/b", "/history/x", "/admin", "/assets", "/assets/", "/notes.md", "/v1", "//", "/sign-in/"]) {
      expect([path, (await app.send({ method: "GET", path })).status]).toEqual([path, 404]);
    }
  });

  it("a browser that looks for a page which there is not gets the shell that says so, with 404; a program gets a problem, and so does whoever asks the API", async () => {
    const accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    const lost = await app.send({ method: "GET", path: "/requests", headers: { accept } });
    expect([lost.status, lost.text, lost.headers["content-type"]]).toEqual([404, SHELL, "text/html; charset=utf-8"]);
    expect(lost.headers["content-security-policy"]).toMatch(/script-src 'self'; style-src 'self'/);
    for (const [method, path, wanted] of [["GET", "/requests", "application/json"], ["GET", "/v1/nothing", accept], ["GET", "/assets/nothing.js", accept], ["POST", "/requests", accept]] as const) {
      const said = await app.send({ method, path, headers: { accept: wanted } });
      expect([path, said.status, said.headers["content-type"]]).toEqual([path, 404, "application/problem+json"]);
    }
  });

  it("no path leads out of the folder, and a link in it leads nowhere", async () => {
    for (const path of ["/../secret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/assets/..%5c..%5csecret.txt", "/link.txt", "/assets/index-B2xQ_9-a.js/../../../secret.txt", "/.%00/secret.txt"]) {
      const answer = await sendBytes(app.port, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${app.port}\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 40[04] /);
      expect(answer).not.toContain("outside");
    }
  });

  it("a file whose name carries its hash is kept for a year, the others are asked for again", async () => {
    expect((await app.send({ method: "GET", path: "/assets/index-B2xQ_9-a.js" })).headers).toMatchObject({ "content-type": "text/javascript; charset=utf-8", "cache-control": "public, max-age=31536000, immutable" });
    expect((await app.send({ method: "GET", path: "/icon.svg" })).headers).toMatchObject({ "content-type": "image/svg+xml", "cache-control": "no-cache" });
  });

  it("what the browser has already is answered with 304 and nothing", async () => {
    const { etag = "" } = (await app.send({ method: "GET", path: "/" })).headers;
    for (const known of [String(etag), `W/${String(etag)}`, `"other", ${String(etag)}`]) {
      const again = await app.send({ method: "GET", path: "/history", headers: { "if-none-match": known } });
      expect([again.status, again.text, again.headers["etag"]]).toEqual([304, "", etag]);
    }
    expect((await app.send({ method: "GET", path: "/", headers: { "if-none-match": '"other"' } })).status).toBe(200);
  });

  it("HEAD says what GET would, without it; nothing else is a method of a page", async () => {
    const head = await app.send({ method: "HEAD", path: "/" });
    expect([head.status, head.text, head.headers["content-length"]]).toEqual([200, "", String(SHELL.length)]);
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      const refused = await app.send({ method, path: "/", headers: { origin: "http://127.0.0.1:PORT" } });
      expect([refused.status, refused.headers["allow"]]).toEqual([405, "GET, HEAD, OPTIONS"]);
    }
  });

  it("text is sent compressed as the browser can read it, and says so", async () => {
    for (const [accept, unpack] of [["gzip, br", brotliDecompressSync], ["gzip", gunzipSync], ["br;q=0, gzip", gunzipSync]] as const) {
      const { bytes, encoding } = await fetchBytes("/assets/index-B2xQ_9-a.js", accept);
      expect(bytes.length).toBeLessThan(SCRIPT.length / 4);
      expect([unpack(bytes).toString(), encoding]).toEqual([SCRIPT, unpack === gunzipSync ? "gzip" : "br"]);
    }
    expect((await fetchBytes("/assets/index-B2xQ_9-a.js", "identity")).bytes.toString()).toBe(SCRIPT);
  });

  it("R20: another host name gets nothing, a frame or a script elsewhere gets nothing with a cookie, a link elsewhere may lead here", async () => {
    const cookie = { cookie: "__Host-countersign=css_x" };
    expect((await app.send({ method: "GET", path: "/", headers: { host: "evil.example" } })).status).toBe(403);
    const cross = { ...cookie, "sec-fetch-site": "cross-site" };
    expect((await app.send({ method: "GET", path: "/", headers: { ...cross, "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" } })).status).toBe(403);
    expect((await app.send({ method: "GET", path: "/assets/index-B2xQ_9-a.js", headers: { ...cross, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script" } })).status).toBe(403);
    expect((await app.send({ method: "GET", path: "/requests/abc", headers: { ...cross, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" } })).status).toBe(200);
  });

  it("R19: opening, prefetching and scanning a page reaches nothing, whoever does it", async () => {
    recorded.reached.length = 0;
    for (const path of ["/", "/sign-in", "/requests/some-id", "/requests/some-id?choice=approve", "/history"]) {
      for (const { headers } of Object.values(CREDENTIALS)) await app.send({ method: "GET", path, headers: { ...headers, "sec-purpose": "prefetch" } });
    }
    expect(recorded.reached).toEqual([]);
  });

  it("where the inbox is not built, its pages say what to do", async () => {
    const bare = await serveApp(recorded.resources);
    const { status, text } = await bare.send({ method: "GET", path: "/" });
    await bare.close();
    expect([status, text]).toEqual([404, expect.stringContaining("npm run build")]);
  });
});

function fetchBytes(path: string, accept: string): Promise<{ readonly bytes: Buffer; readonly encoding: string | undefined }> {
  return new Promise((resolve, reject) => {
    request({ port: app.port, host: "127.0.0.1", path, agent: false, headers: { "accept-encoding": accept } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ bytes: Buffer.concat(chunks), encoding: response.headers["content-encoding"] }));
    })
      .on("error", reject)
      .end();
  });
}

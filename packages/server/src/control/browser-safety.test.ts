import { createServer, request as forward } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import type { AskAnswer } from "@countersign/sdk/wire";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { askBodyOf, openEmbedded } from "./fixture/open-embedded.ts";
import type { Embedded, Somebody } from "./fixture/open-embedded.ts";
import { send } from "./http/fixture/serve-app.ts";

// Outside of this package's project, so its types cannot be imported.
const needs: { readonly findChromium: () => { readonly path: string | undefined; readonly missing: string } } = await import(new URL("../../../../test/needs.ts", import.meta.url).href);
const found = needs.findChromium();

const ATTACK = fileURLToPath(new URL("http/fixture/attack-page.js", import.meta.url));

let browser: Browser | undefined;
let context: BrowserContext;
let evil: Server;
let evilPort = 0;
/** The name in the address bar leads to the control plane now. */
let isRebound = false;
let control: Embedded;
let approver: Somebody;
let request: AskAnswer["request"];

beforeAll(async () => {
  if (found.path !== undefined) browser = await chromium.launch({ executablePath: found.path, args: ["--no-sandbox", "--host-resolver-rules=MAP *.example 127.0.0.1"] });
}, 60_000);
afterAll(() => browser?.close());

beforeEach(async () => {
  control = await openEmbedded();
  const owner = await control.owner();
  const invited = await control.as<{ url: string }>(owner, "POST", "/v1/people", { name: "Ann", email: "ann@example.com", roles: ["approver"] });
  approver = await control.signIn(invited.body.url);
  const key = await control.as<{ secret: string }>(owner, "POST", "/v1/keys", { name: "k", ownerId: null, expiresAt: null });
  request = (await control.as<AskAnswer>({ headers: { authorization: `Bearer ${key.body.secret}` } }, "POST", "/v1/approvals", askBodyOf({ path: "/secret-path" }))).body.request;
  isRebound = false;
  evil = createServer((incoming, response) => (isRebound ? rebound(incoming, response) : void response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><body>evil</body>")));
  await new Promise<void>((resolve) => evil.listen(0, "127.0.0.1", resolve));
  const address = evil.address();
  evilPort = address !== null && typeof address === "object" ? address.port : 0;
  if (browser === undefined) return;
  context = await browser.newContext();
  // The worst case: a browser that sends the cookie along from everywhere, so that nothing but the server stands in the way.
  const [name = "", value = ""] = String(approver.headers["cookie"]).split("=");
  expect(name).toBe("__Host-countersign");
  await context.addCookies([{ name, value, url: `https://localhost:${control.port}`, secure: true, httpOnly: true, sameSite: "None" }]);
});
afterEach(async () => {
  if (browser !== undefined) await context.close();
  evil.closeAllConnections();
  await new Promise((resolve) => evil.close(resolve));
  await control.close();
});

/** As if the name resolved to this machine from now on: every byte goes to the control plane as it came. */
function rebound(incoming: IncomingMessage, response: ServerResponse): void {
  const sent = forward({ port: control.port, host: "127.0.0.1", method: incoming.method, path: incoming.url, headers: incoming.headers, setHost: false, agent: false }, (answer) => {
    response.writeHead(answer.statusCode ?? 0, answer.headers);
    answer.pipe(response);
  });
  incoming.pipe(sent);
}

/** Requests that the control plane has refused so far, by the metric. */
async function refusedSoFar(): Promise<number> {
  const { text } = await send(control.port, { method: "GET", path: "/metrics", headers: control.operator.headers });
  return [...text.matchAll(/^countersign_http_requests_total\{.*status="403"\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
}

const voteBody = (): object => ({ choice: "approve", requestDigest: request.requestDigest, viewedDigest: null, reason: "", grant: null });

interface Attack {
  readonly base: string;
  readonly id: string;
  readonly vote: string;
}

/** Everything a page can send without being asked. Answers what it could read, which should be nothing. */
async function attack(page: Page): Promise<readonly string[]> {
  const aim: Attack = { base: `http://localhost:${control.port}`, id: request.id, vote: JSON.stringify(voteBody()) };
  await page.addScriptTag({ path: ATTACK });
  // The script answers a list of strings.
  return (await page.evaluate(`attackControlPlane(${JSON.stringify(aim)})`)) as readonly string[];
}

/** A document of our own origin, which the server does not have yet. */
async function openAt(url: string): Promise<Page> {
  const page = await context.newPage();
  await page.route(url, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><body>page</body>" }));
  await page.goto(url);
  return page;
}

async function expectUntouched(seq: number): Promise<void> {
  expect(control.plane.ledger.head.seq).toBe(seq);
  expect(control.plane.ledger.recall(request.id)?.data.state).toBe("pending");
}

describe("R20: a real browser, and a page of another origin in it", () => {
  it("our own page with the CSRF token decides: the cookie is there, the attacks below are real", async ({ skip }) => {
    skip(browser === undefined, found.missing);
    const page = await openAt(`http://localhost:${control.port}/own-page`);
    const said = await page.evaluate(
      async ({ path, body, csrf }) => {
        const without = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body });
        const with_ = await fetch(path, { method: "POST", headers: { "content-type": "application/json", "x-csrf-token": csrf }, body });
        return [without.status, with_.status];
      },
      { path: `/v1/approvals/${request.id}/vote`, body: JSON.stringify(voteBody()), csrf: String(approver.headers["x-csrf-token"]) },
    );
    expect(said).toEqual([403, 200]);
  });

  it.each([
    ["another site", () => `http://evil.example:${evilPort}/`],
    ["another port of this machine, which is the same site", () => `http://localhost:${evilPort}/`],
    ["another port under the other loopback name", () => `http://127.0.0.1:${evilPort}/`],
  ])("a page of %s decides nothing and reads nothing", async (_, url) => {
    // The skip is the first test's to explain.
    if (browser === undefined) return expect(found.path).toBeUndefined();
    const { seq } = control.plane.ledger.head;
    const page = await context.newPage();
    await page.goto(url());
    expect(await attack(page)).toEqual([]);
    expect(await refusedSoFar()).toBeGreaterThan(15); // the attacks did arrive
    await expectUntouched(seq);
  });

  it("a rebinding host name decides nothing and reads nothing, although it is the same origin to the browser", async ({ skip }) => {
    skip(browser === undefined, found.missing);
    const { seq } = control.plane.ledger.head;
    const page = await context.newPage();
    await page.goto(`http://rebind.example:${evilPort}/`);
    isRebound = true;
    const said = await page.evaluate(async (body) => {
      const statuses: number[] = [];
      for (const path of ["/healthz", "/v1/openapi.json", "/v1/sign-in", "/v1/approvals"]) statuses.push((await fetch(path)).status);
      for (const path of ["/v1/sign-in/password", "/v1/approvals"]) statuses.push((await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body })).status);
      return statuses;
    }, JSON.stringify(voteBody()));
    expect(said).toEqual([403, 403, 403, 403, 403, 403]);
    await expectUntouched(seq);
  });

  it("R19: a link to a vote, opened, prefetched and reloaded, decides nothing", async ({ skip }) => {
    skip(browser === undefined, found.missing);
    const { seq } = control.plane.ledger.head;
    const page = await context.newPage();
    for (const path of [`/v1/approvals/${request.id}/vote`, `/v1/approvals/${request.id}`, `/v1/approvals/${request.id}/vote?choice=approve`, `/requests/${request.id}`, `/requests/${request.id}?choice=approve#approve`, "/", "/v1/sign-in/oidc/callback?code=c&state=s"]) {
      await page.goto(`http://localhost:${control.port}${path}`);
      await page.reload();
    }
    expect(control.plane.ledger.recall(request.id)?.data.state).toBe("pending");
    const rows = await control.plane.store.readRecord({ tenant: "default", after: seq, limit: 100 });
    // That somebody came back from no provider is written down, and nothing else.
    expect(rows.filter(({ event }) => event !== "sign_in_refused").map(({ event }) => event)).toEqual([]);
  });
});

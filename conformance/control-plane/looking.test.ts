import { connect } from "node:net";
import { chromium } from "playwright-core";
import { ROUTES } from "@countersign/sdk/wire";
import type { RouteName } from "@countersign/sdk/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium } from "../../test/needs.ts";
import { openRange } from "./open-range.ts";
import type { OpenRange } from "./open-range.ts";
import type { Headers } from "./running-control-plane.ts";
import { ask, cookiesOf, fromOurPage, tokenOf, voteBody } from "./staff.ts";
import type { Asked } from "./staff.ts";
import { differences, openStoredState } from "./stored-state.ts";
import type { StoredState, Tables } from "./stored-state.ts";

const found = findChromium();

const LOOKERS: readonly Headers[] = [
  { "user-agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", accept: "*/*" },
  { "user-agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0 (SafeLinks)", accept: "text/html" },
  { "user-agent": "curl/8.5.0" },
  { "sec-purpose": "prefetch;prerender", "sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
];

let range: OpenRange;
let state: StoredState;
let request: Asked;
let link: string;
let emitted: readonly string[];
beforeAll(async () => {
  range = await openRange();
  state = openStoredState(range.plane.directory);
  request = await ask(range.staff, range.wallet.keys.asking);
  link = (await range.staff.must<{ url: string }>(range.staff.owner, "POST", `/v1/people/${range.wallet.people.aude.personId}/invitation`)).url;
  emitted = await collectUrls();
}, 60_000);
afterAll(async () => {
  state.close();
  await range.close();
});

/** Every URL of ours in anything that we ever say, and every path of the API's document with ids that are there. */
async function collectUrls(): Promise<readonly string[]> {
  const { plane, staff, wallet, provider } = range;
  const texts = [link, plane.url, plane.printed(), await heardOfEvents(wallet.keys.asking.headers)];
  for (const path of ["/v1/approvals", `/v1/approvals/${request.id}`, "/v1/record?limit=1000", "/v1/record/export", "/v1/people", "/v1/installation", "/v1/sign-in", "/v1/openapi.json"]) texts.push((await plane.send({ method: "GET", path, headers: staff.owner.headers })).text);
  texts.push((await plane.send({ method: "GET", path: `/v1/approvals/${request.id}/asked`, headers: wallet.keys.asking.headers })).text, (await plane.send({ method: "POST", path: "/v1/owner-link", headers: plane.operator })).text);
  const begun = await staff.as<{ url: string }>({ headers: fromOurPage(plane) }, "POST", "/v1/sign-in/oidc", { linkToken: null });
  const back = await provider.visit(begun.body.url, "oidc-user");
  const { pathname, search } = new URL(back);
  const came = await plane.send({ method: "GET", path: pathname + search, headers: { cookie: cookiesOf(begun.answer)[0] ?? "" } });
  texts.push(begun.body.url, back, new URL(String(came.headers["location"]), plane.url).href);
  const urls = texts.flatMap((text) => text.match(/https?:\/\/[^\s"\\<>]+/g) ?? []).filter((url) => URL.canParse(url) && new URL(url).port === String(plane.port));
  const token = tokenOf(link);
  // As somebody would write what is a fragment, by mistake.
  const mistaken = [`/sign-in?link=${token}`, `/sign-in/${token}`, `/v1/sign-in/link?token=${token}`, `/v1/sign-in/link/${token}`, `/v1/approvals/${request.id}/vote?choice=approve&requestDigest=${request.requestDigest}`];
  const ofRoutes = (Object.keys(ROUTES) as readonly RouteName[]).map((route) => ROUTES[route].path.replace("{id}", request.id).replace("{version}", "1")); // the keys of ROUTES are the names
  return [...new Set([...urls.map((url) => new URL(url)).map((url) => url.pathname + url.search), ...mistaken, ...ofRoutes])];
}

function heardOfEvents(headers: Headers): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(range.plane.port, "127.0.0.1", () => socket.write(`GET /v1/events HTTP/1.1\r\nHost: localhost:${range.plane.port}\r\nAuthorization: ${headers["authorization"]}\r\nLast-Event-ID: 1\r\n\r\n`));
    socket.on("data", (chunk) => {
      text += String(chunk);
      if (text.includes(request.id)) socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
}

/** By the metric. */
async function requestsSoFar(): Promise<number> {
  const { text } = await range.plane.send({ method: "GET", path: "/metrics", headers: range.plane.operator });
  return [...text.matchAll(/^countersign_http_requests_total\{.*\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** What looking may add: that somebody came back from no provider is written down. */
async function expectOnlyRefusals(before: Tables): Promise<void> {
  const lines = differences(before, await state.dump()).filter((line) => !/^[-+] record_head /.test(line) && !(line.startsWith("+ record ") && line.includes('"sign_in_refused"')));
  expect(lines).toEqual([]);
}

describe("R19: looking never decides", { timeout: 90_000 }, () => {
  it("every URL that was ever given out, looked at ten times in every way by scanners, unfurlers and prefetchers, changes nothing", async () => {
    const before = await state.dump();
    expect(emitted).toEqual(expect.arrayContaining(["/sign-in", "/", `/requests/${request.id}`, `/v1/approvals/${request.id}/vote`]));
    const looks = emitted.flatMap((path) => ["GET", "HEAD", "OPTIONS"].flatMap((method) => LOOKERS.flatMap((headers) => Array.from({ length: 10 }, () => ({ path, method, headers, headOnly: path.startsWith("/v1/events") })))));
    expect(looks.length).toBe(emitted.length * 120);
    for (let index = 0; index < looks.length; index += 25) await Promise.all(looks.slice(index, index + 25).map((look) => range.plane.send(look)));
    await expectOnlyRefusals(before);
  });

  it("nor with the credential of somebody who might decide", async () => {
    const before = await state.dump();
    const { staff, wallet, plane } = range;
    for (const { headers } of [wallet.people.ann, wallet.keys.asking, { headers: plane.operator }, staff.owner]) {
      for (const path of emitted) for (const method of ["GET", "HEAD", "OPTIONS"]) {
        const { status } = await range.plane.send({ method, path, headers: { ...headers, "x-http-method-override": "POST" }, headOnly: path.startsWith("/v1/events") });
        expect(status).not.toBe(429);
      }
    }
    await expectOnlyRefusals(before);
  });

  it("a browser that prefetches, prerenders and opens the links without running their script changes nothing", { tags: ["leaves-sockets", "leaves-processes"] }, async ({ skip }) => {
    skip(found.path === undefined, found.missing);
    const before = await state.dump();
    const asked = await requestsSoFar();
    const browser = await chromium.launch({ executablePath: found.path ?? "", args: ["--no-sandbox", "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"] });
    try {
      const { plane, wallet } = range;
      const context = await browser.newContext({ javaScriptEnabled: true });
      const [name = "", value = ""] = String(wallet.people.ann.headers["cookie"]).split("=");
      await context.addCookies([{ name, value, url: `https://localhost:${plane.port}`, secure: true, httpOnly: true, sameSite: "None" }]);
      const urls = [link, ...emitted.filter((path) => !path.startsWith("/v1/events")).map((path) => `${plane.url}${path}`)];
      const page = await context.newPage();
      const html = `<!doctype html>${urls.map((url) => `<link rel=prefetch href="${url}"><link rel=preload as=document href="${url}"><a href="${url}">x</a>`).join("")}
        <script type=speculationrules>${JSON.stringify({ prerender: [{ source: "list", urls: urls.slice(0, 10), eagerness: "immediate" }], prefetch: [{ source: "list", urls, eagerness: "immediate" }] })}</script>`;
      for (const at of [`http://localhost:${plane.port}/page-of-ours`, "http://mail.example/"]) {
        await page.route(at, (route) => route.fulfill({ contentType: "text/html", body: html }));
        await page.goto(at);
        await page.waitForTimeout(700);
      }
      for (const url of [link, `${plane.url}/requests/${request.id}`, `${plane.url}/v1/approvals/${request.id}/vote`]) {
        await page.goto(url);
        await page.reload();
      }
      await expect.poll(requestsSoFar).toBeGreaterThan(asked + emitted.length); // the browser did look
    } finally {
      await browser.close();
    }
    await expectOnlyRefusals(before);
  });

  it("after all that the request is still pending, the link still works, once, and the right vote still counts", async () => {
    const { staff, wallet, plane } = range;
    expect((await staff.must<{ state: string }>(wallet.keys.asking, "GET", `/v1/approvals/${request.id}/asked`)).state).toBe("pending");
    expect((await staff.signInBy(link)).personId).toBe(wallet.people.aude.personId);
    expect((await plane.send({ method: "POST", path: "/v1/sign-in/link", body: { token: tokenOf(link) } })).status).toBe(401);
    expect((await staff.must<{ state: string }>(wallet.people.ann, "POST", `/v1/approvals/${request.id}/vote`, voteBody(request))).state).toBe("approved");
  });
});

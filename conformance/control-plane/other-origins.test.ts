import { createServer } from "node:http";
import type { Server } from "node:http";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { ROUTES } from "@countersign/sdk/wire";
import type { Route } from "@countersign/sdk/wire";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { findChromium } from "../../test/needs.ts";
import { startControlPlane } from "./running-control-plane.ts";
import type { RunningControlPlane } from "./running-control-plane.ts";
import { ask, askBody, hireStaff, tokenOf, voteBody } from "./staff.ts";
import type { Asked, Key, SignedIn, Staff } from "./staff.ts";
import { differences, openStoredState } from "./stored-state.ts";
import type { StoredState } from "./stored-state.ts";

const found = findChromium();
const ATTACK = fileURLToPath(new URL("../../packages/server/src/control/http/fixture/attack-page.js", import.meta.url));
/** Newer browsers keep pages from the network of their own machine by themselves: here nothing but the server is to stand in the way. */
const ARGS = ["--no-sandbox", "--host-resolver-rules=MAP *.example 127.0.0.1", "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessSendPreflights"];
/** Of a text that is shown as HTML by mistake, in many ways. */
const SCRIPTS = ["<script>globalThis.ran=1</script>", "<img src=x onerror=globalThis.ran=1>", "</script><script>globalThis.ran=1</script>", "<svg/onload=globalThis.ran=1>", "javascript:globalThis.ran=1", "\"><iframe srcdoc='<script>parent.ran=1</script>'>", "<!--<script>globalThis.ran=1</script>-->", "{{constructor.constructor('globalThis.ran=1')()}}", "\u2028globalThis.ran=1", "<?xml version='1.0'?><x:script xmlns:x='http://www.w3.org/1999/xhtml'>globalThis.ran=1</x:script>"];

let plane: RunningControlPlane;
let staff: Staff;
let ann: SignedIn;
let key: Key;
let request: Asked;
let state: StoredState;
let browser: Browser | undefined;
let context: BrowserContext;
let evil: Server;
let evilPort = 0;
/** What the other program on this machine was sent. */
let stolen = "";

beforeAll(async () => {
  plane = await startControlPlane({ policy: "version: 1\ndefault: allow\npolicies: []\n" });
  staff = await hireStaff(plane);
  ann = await staff.join("Ann", ["approver"]);
  key = await staff.addKey("agent", null);
  request = await ask(staff, key);
  state = openStoredState(plane.directory);
  if (found.path !== undefined) browser = await chromium.launch({ executablePath: found.path, args: ARGS });
  evil = createServer((incoming, response) => {
    stolen = incoming.headers.cookie ?? stolen;
    response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><body>evil</body>");
  });
  await new Promise<void>((resolve) => evil.listen(0, "127.0.0.1", resolve));
  const address = evil.address();
  evilPort = address !== null && typeof address === "object" ? address.port : 0;
}, 60_000);
afterAll(async () => {
  state.close();
  await browser?.close();
  evil.closeAllConnections();
  await new Promise((resolve) => evil.close(resolve));
  await plane.remove();
});
beforeEach(async () => {
  if (browser !== undefined) context = await browser.newContext();
});
afterEach(async () => {
  if (browser !== undefined) await context.close();
});

/** A page of our own origin, which signs in as ours will: by the link, with what the answer says. */
async function signInInBrowser(): Promise<{ readonly page: Page; readonly csrf: string }> {
  const { url } = await staff.must<{ url: string }>(staff.owner, "POST", `/v1/people/${ann.personId}/invitation`);
  const page = await context.newPage();
  const own = `http://localhost:${plane.port}/page-of-ours`;
  await page.route(own, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><body>ours</body>" }));
  await page.goto(own);
  const csrf = await page.evaluate(async (body) => {
    const answer = await fetch("/v1/sign-in/link", { method: "POST", headers: { "content-type": "application/json" }, body });
    return ((await answer.json()) as { csrf: string }).csrf; // as the API's document says
  }, JSON.stringify({ token: tokenOf(url) }));
  return { page, csrf };
}

describe("R20: a real browser against a running control plane", { tags: ["leaves-sockets"], timeout: 90_000 }, () => {
  it("keeps the cookie as we want it kept: __Host-, for this host alone, HttpOnly, Secure, SameSite=Strict", async ({ skip }) => {
    skip(browser === undefined, found.missing);
    const { page } = await signInInBrowser();
    const cookies = await context.cookies();
    expect(cookies).toMatchObject([{ name: "__Host-countersign", domain: "localhost", path: "/", httpOnly: true, secure: true, sameSite: "Strict" }]);
    expect(await page.evaluate("document.cookie")).toBe("");
    const who = await page.evaluate(async () => (await fetch("/v1/me")).status);
    expect(who).toBe(200);
  });

  it.for([
    { whose: "another site", at: () => `http://evil.example:${evilPort}/` },
    { whose: "another port of localhost", at: () => `http://localhost:${evilPort}/` },
    { whose: "a rebinding name", at: () => `http://rebind.example:${plane.port}/` },
  ])("a page of $whose decides nothing, reads nothing and frames nothing: forms, fetches, sockets, frames and windows", async ({ at }, { skip }) => {
    skip(browser === undefined, found.missing);
    await signInInBrowser();
    const [before, refused] = [await state.dump(), await refusedSoFar()];
    const page = await context.newPage();
    const isRebound = new URL(at()).port === String(plane.port);
    // The name leads to us by itself; only the page that is open was the attacker's.
    if (isRebound) await page.route(at(), (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><body>evil</body>" }));
    await page.goto(at());
    await page.addScriptTag({ path: ATTACK });
    const base = isRebound ? new URL(at()).origin : plane.url.replace("127.0.0.1", "localhost");
    const read = (await page.evaluate(`attackControlPlane(${JSON.stringify({ base, id: request.id, vote: JSON.stringify(voteBody(request)) })})`)) as readonly string[]; // a list of strings
    // Of its own name a page may read the answer, which is that this is no name of ours.
    expect(read.filter((what) => !(isRebound && what.includes('"code":"origin"')))).toEqual([]);
    expect(await page.evaluate(windows, { base, path: `/v1/approvals/${request.id}` })).toEqual({ heard: 0, frames: "", opened: "" });
    expect(await refusedSoFar()).toBeGreaterThan(refused + 15); // the attacks did arrive
    expect(differences(before, await state.dump())).toEqual([]);
  });

  async function refusedSoFar(): Promise<number> {
    const { text } = await plane.send({ method: "GET", path: "/metrics", headers: plane.operator });
    return [...text.matchAll(/^countersign_http_requests_total\{.*status="403"\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  /** Runs in the page: opens and frames us, calls to us, and says what came back. */
  async function windows({ base, path }: { readonly base: string; readonly path: string }): Promise<{ heard: number; frames: string; opened: string }> {
    // The browser's names, which this program's types do not have.
    const page = globalThis as unknown as {
      open(url: string): { postMessage(data: string, to: string): void; document: { body: { innerText: string } } } | null;
      addEventListener(name: string, listener: () => void): void;
      document: { createElement(name: string): { src: string; contentDocument: { body: { innerText: string } } | null }; body: { append(node: object): void } };
    };
    let heard = 0;
    page.addEventListener("message", () => (heard += 1));
    const text = (read: () => string | undefined): string => {
      try {
        const said = read() ?? "";
        return said.includes('"code":"origin"') ? "" : said;
      } catch {
        return "";
      }
    };
    const frame = page.document.createElement("iframe");
    frame.src = base + path;
    page.document.body.append(frame);
    const opened = page.open(base + path);
    for (let call = 0; call < 10; call += 1) {
      opened?.postMessage(JSON.stringify({ type: "vote", choice: "approve" }), "*");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return { heard, frames: text(() => frame.contentDocument?.body.innerText), opened: text(() => opened?.document.body.innerText) };
  }

  it("a cookie that another program on this machine was sent reads as its person and changes nothing, on any route", async ({ skip }) => {
    skip(browser === undefined, found.missing);
    const { page } = await signInInBrowser();
    // Cookies know no ports.
    await page.goto(`http://localhost:${evilPort}/`);
    expect(stolen).toMatch(/^__Host-countersign=css_/);
    const before = await state.dump();
    const thief = { cookie: stolen, origin: `http://localhost:${plane.port}`, "sec-fetch-site": "same-origin" };
    expect((await plane.send({ method: "GET", path: "/v1/approvals", headers: thief })).status).toBe(200); // the limit, as SECURITY.md says
    const me = (await plane.send({ method: "GET", path: "/v1/me", headers: thief })).text;
    expect(me).not.toContain("csc_");
    for (const { method, path, access } of Object.values<Route>(ROUTES)) {
      if (method === "GET" || access.includes("anyone")) continue;
      const at = path.replace("{id}", request.id).replace("{version}", "1");
      for (const headers of [thief, { ...thief, "x-csrf-token": "" }, { ...thief, "x-csrf-token": stolen.split("=")[1] ?? "" }, { cookie: stolen }]) expect([path, (await plane.send({ method, path: at, headers, body: voteBody(request) })).status]).toEqual([path, expect.toSatisfy((status) => status === 403 || status === 400)]);
    }
    expect(differences(before, await state.dump())).toEqual([]);
  });

  it("no script of a stored text runs where an answer, a list, an export or a refusal is opened as a page", async ({ skip }) => {
    skip(browser === undefined, found.missing);
    const caller = (text: string) => ({ agent: { name: text, id: text }, user: { id: text }, session: { id: text } });
    const ids: string[] = [];
    for (const text of SCRIPTS) {
      const body = askBody({ path: text, [text]: text }, { policy: text }, { caller: caller(text), reason: text, narration: { description: text, definition: { title: text } } });
      const { request: made } = await staff.must<{ request: Asked }>(key, "POST", "/v1/approvals", body);
      ids.push(made.id);
      await staff.must(ann, "POST", `/v1/approvals/${made.id}/vote`, voteBody(made, { choice: "deny", reason: text }));
      await staff.must(staff.owner, "POST", "/v1/people", { name: text, email: null, roles: [] });
      await staff.addKey(text, null);
    }
    const [name = "", value = ""] = String(staff.owner.headers["cookie"]).split("=");
    await context.addCookies([{ name, value, url: `https://localhost:${plane.port}`, secure: true, httpOnly: true, sameSite: "Strict" }]);
    const page = await context.newPage();
    let dialogs = 0;
    page.on("dialog", (dialog) => {
      dialogs += 1;
      dialog.dismiss().catch(() => undefined); // it goes with its page
    });
    const refusals = SCRIPTS.slice(0, 4).flatMap((text) => [`/v1/${encodeURIComponent(text)}`, `/v1/approvals/${encodeURIComponent(text)}`, `/v1/approvals?state=${encodeURIComponent(text)}`]);
    let shown = 0;
    for (const path of ["/v1/approvals", "/v1/people", "/v1/keys", "/v1/record?limit=500", "/v1/grants", "/metrics", "/v1/openapi.json", ...ids.map((id) => `/v1/approvals/${id}`), ...refusals]) {
      const answer = await page.goto(`http://localhost:${plane.port}${path}`);
      expect(answer?.headers()).toMatchObject({ "x-content-type-options": "nosniff", "content-security-policy": expect.stringContaining("sandbox") });
      expect([path, await page.evaluate("globalThis.ran"), await page.evaluate("document.scripts.length + document.images.length + frames.length")]).toEqual([path, undefined, 0]);
      if ((await page.content()).includes("globalThis.ran=1")) shown += 1;
    }
    // Who is refused at the OpenID provider's way back is led to the sign-in page, with a word of ours.
    for (const text of SCRIPTS.slice(0, 4)) {
      const answer = await page.goto(`http://localhost:${plane.port}/v1/sign-in/oidc/callback?error=${encodeURIComponent(text)}&state=${encodeURIComponent(text)}`);
      expect(answer?.headers()).toMatchObject({ "x-content-type-options": "nosniff", "content-security-policy": expect.stringContaining("require-trusted-types-for 'script'") });
      expect([new URL(page.url()).pathname, await page.evaluate("globalThis.ran"), (await page.content()).includes("globalThis.ran=1")]).toEqual(["/sign-in", undefined, false]);
    }
    expect(dialogs).toBe(0);
    expect(shown).toBeGreaterThan(ids.length); // the texts were there
  });
});

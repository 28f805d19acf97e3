import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { chromium } from "playwright-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { ATTEMPT_COOKIE, readCookie, writeCookie } from "../../auth/cookie.ts";
import type { Cookie } from "../../auth/cookie.ts";
import { ANONYMOUS } from "../../auth/identity.ts";
import { linkOf, must, openInstallation, VISITOR } from "../people/fixture/installation.ts";
import type { Installation } from "../people/fixture/installation.ts";
import type { Answer } from "../refusal.ts";
import type { Begun, SignedIn } from "./sign-ins.ts";

// Outside of this package's project, so its types cannot be imported.
const needs: { readonly findChromium: () => { readonly path: string | undefined; readonly missing: string } } = await import(new URL("../../../../../test/needs.ts", import.meta.url).href);
const found = needs.findChromium();
const DIGEST = "ab".repeat(32);
let browser: Browser | undefined;
let server: Server;
let at: Installation;
let port = 0;
/** What each request said in its header `cookie`. */
const cookiesSeen: string[] = [];

beforeAll(async () => {
  if (found.path !== undefined) browser = await chromium.launch({ executablePath: found.path, args: ["--no-sandbox"] });
}, 60_000);
afterAll(() => browser?.close());
beforeEach(async () => {
  cookiesSeen.length = 0;
  server = await listen((request, response) => void serve(request, response).catch(() => response.destroy())); // its page may go away in the middle
  port = portOf(server);
  at = await openInstallation({ origin: () => `http://localhost:${port}` });
});
afterEach(async () => {
  await at.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function listen(handle: RequestListener): Promise<Server> {
  const made = createServer(handle);
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  return made;
}

function portOf(of: Server): number {
  const address = of.address();
  return address !== null && typeof address === "object" ? address.port : 0;
}

/** Just enough of HTTP around the functions: what is under test is the browser with them. */
async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { cookie } = request.headers;
  cookiesSeen.push(cookie ?? "");
  const attempt = readCookie(cookie, ATTEMPT_COOKIE).value;
  const { identity } = await at.signIns.identify({ authorization: undefined, cookie, csrf: undefined });
  let text = "";
  for await (const chunk of request) text += String(chunk);
  const body: unknown = text === "" ? null : JSON.parse(text);
  const answer = (said: object, ...cookies: readonly Cookie[]) => response.writeHead(200, { "content-type": "application/json", "set-cookie": cookies.map(writeCookie) }).end(JSON.stringify(said));
  const begun = (said: Answer<Begun<object>>) => answer(must(said).options, must(said).cookie);
  const signed = (said: Answer<SignedIn>) => (said.ok ? answer({ ok: true }, said.cookie) : answer(said));
  switch (request.url) {
    case "/link":
      return void signed(await at.signIns.byLink(VISITOR, ANONYMOUS, String(body)));
    case "/registration":
      return void begun(await at.signIns.passkeyRegistrationOptions(identity));
    case "/register":
      return void answer(await at.signIns.addPasskey(identity, attempt, "virtual", body));
    case "/options":
      return void begun(await at.signIns.passkeyOptions(identity, typeof body === "string" ? body : null));
    case "/passkey":
      return void signed(await at.signIns.byPasskey(VISITOR, identity, attempt, body));
    case "/who":
      return void answer(identity);
    default:
      return void response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>test</title>");
  }
}

async function openPage(host: string): Promise<Page> {
  if (browser === undefined) throw new Error("no browser");
  const page = await (await browser.newContext()).newPage();
  await page.goto(`http://${host}:${port}/`);
  return page;
}

/** Of text: what runs in the page knows the browser's names, and this file does not. */
const inPage = (page: Page, expression: string): Promise<Record<string, unknown>> => page.evaluate(`(async () => ${expression})()`);
const post = (page: Page, path: string, body: unknown = null) =>
  inPage(page, `(await fetch(${JSON.stringify(path)}, { method: "POST", body: ${JSON.stringify(body === null ? "" : JSON.stringify(body))} })).json()`);
const ownerLink = async () => linkOf(must(await at.people.makeOwnerLink({ kind: "operator" })).url);

it.for(["localhost", "127.0.0.1"])("keeps the __Host- cookie of http://%s, and hands it to every other port of that host", { tags: ["leaves-sockets"] }, async (host, { skip }) => {
  skip(found.path === undefined, found.missing);
  const page = await openPage(host);
  expect(await post(page, "/link", await ownerLink())).toEqual({ ok: true });
  expect(await post(page, "/who")).toMatchObject({ kind: "person", via: "link" });
  expect(await page.evaluate("document.cookie")).toBe("");
  // Cookies know no ports: a program on this machine that the person opens gets the cookie. It does not get the CSRF token.
  let stolen = "";
  const neighbour = await listen((request, response) => {
    stolen = request.headers.cookie ?? stolen;
    response.end("hello");
  });
  await page.goto(`http://${host}:${portOf(neighbour)}/`);
  expect(stolen).toMatch(/^__Host-countersign=css_/);
  await page.context().close();
  neighbour.closeAllConnections();
  await new Promise((resolve) => neighbour.close(resolve));
  const { csrf, identity } = await at.signIns.identify({ authorization: undefined, cookie: stolen, csrf: undefined });
  expect([csrf, identity.kind]).toEqual(["absent", "person"]);
  expect((await at.signIns.identify({ authorization: `Bearer ${stolen.split("=")[1]}`, cookie: undefined, csrf: undefined })).identity).toBe(ANONYMOUS);
});

it("registers, signs in and signs one request with a passkey of a real browser", { tags: ["leaves-sockets"] }, async ({ skip }) => {
  skip(found.path === undefined, found.missing);
  const page = await openPage("localhost");
  const tools = await page.context().newCDPSession(page);
  await tools.send("WebAuthn.enable");
  await tools.send("WebAuthn.addVirtualAuthenticator", { options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
  await post(page, "/link", await ownerLink());
  const made = await post(page, "/register", await create(page, await post(page, "/registration")));
  expect(made).toMatchObject({ ok: true });
  await page.context().clearCookies();
  expect(await post(page, "/who")).toEqual({ kind: "anonymous" });
  expect(await post(page, "/passkey", await get(page, await post(page, "/options")))).toEqual({ ok: true });
  expect(await post(page, "/who")).toMatchObject({ kind: "person", via: "passkey", assurance: "passkey", signedDigest: null });
  expect(await post(page, "/passkey", await get(page, await post(page, "/options", DIGEST)))).toEqual({ ok: true });
  expect(await post(page, "/who")).toMatchObject({ kind: "person", assurance: "passkey", signedDigest: DIGEST });
  await page.context().close();
});

const create = (page: Page, options: object) => inPage(page, `(await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(${JSON.stringify(options)}) })).toJSON()`);
const get = (page: Page, options: object) => inPage(page, `(await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(${JSON.stringify(options)}) })).toJSON()`);

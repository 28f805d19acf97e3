// Signing in through an OpenID provider: a real browser goes to a real provider and comes back.
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { freePort } from "../free-port.ts";
import { startControlPlane } from "../control-plane/running-control-plane.ts";
import type { RunningControlPlane } from "../control-plane/running-control-plane.ts";
import { startProvider } from "../control-plane/test-tools.ts";
import type { Provider } from "../control-plane/test-tools.ts";
import { launchChrome } from "./inbox-stage.ts";
import type { Chrome } from "./inbox-stage.ts";

const ACCOUNTS = {
  odo: { name: "Odo Berg", email: "odo@example.org", email_verified: true },
  eve: { name: "Eve", email: "eve@elsewhere.example", email_verified: true },
};
let chrome: Chrome;
let provider: Provider;
let plane: RunningControlPlane;
let origin: string;
let page: Page;

beforeAll(async () => {
  chrome = await launchChrome();
}, 60_000);
afterAll(() => chrome.close());
beforeEach(async ({ skip }) => {
  skip(chrome.missing !== undefined, chrome.missing ?? "");
  const port = await freePort();
  origin = `http://localhost:${port}`;
  const started = await startProvider(`${origin}/v1/sign-in/oidc/callback`, ACCOUNTS);
  provider = started.provider;
  plane = await startControlPlane({ policy: "version: 1\ndefault: allow\npolicies: []\n", port, env: { ...started.env, COUNTERSIGN_OIDC_NAME: "Example Org" } });
  page = await chrome.page();
});
afterEach(async () => {
  if (chrome.missing !== undefined) return;
  await page.context().close();
  await plane.remove();
  await provider.close();
});

it("the sign-in offers it, the browser goes there and comes back signed in, nothing secret stays in the address, and signing out ends it here", async () => {
  const places: string[] = [];
  page.on("framenavigated", (frame) => places.push(frame.url()));
  page.on("request", (request) => request.isNavigationRequest() && places.push(request.url()));
  const complaints: string[] = [];
  page.on("console", (message) => message.type() === "error" && !message.text().includes("401") && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  provider.expect("odo");
  await page.goto(`${origin}/`);
  await page.getByRole("heading", { name: "Sign in to Countersign" }).waitFor();
  await page.getByRole("button", { name: "Continue with Example Org" }).click();
  await page.getByRole("heading", { name: "Waiting", exact: true }).waitFor();
  expect(places.filter((place) => place.startsWith(`${provider.issuer}/auth?`))).not.toEqual([]);
  expect(page.url()).toBe(`${origin}/`);
  await page.getByText("Odo Berg").waitFor();
  await page.getByText("Nothing is waiting").waitFor();

  await page.reload();
  await page.getByText("Odo Berg").waitFor();
  await page.goto(`${origin}/account`);
  await page.getByRole("heading", { name: "Where you are signed in" }).waitFor();
  await page.getByText("odo@example.org").waitFor();

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in to Countersign" }).waitFor();
  await page.goto(`${origin}/account`);
  await page.getByRole("button", { name: "Continue with Example Org" }).waitFor();
  expect((await page.context().cookies(origin)).map(({ name }) => name).filter((name) => name !== "__Host-countersign-attempt")).toEqual([]);
  expect(complaints).toEqual([]);
});

it("another page that sends the browser here with a token of its own puts nothing in the place of the one that counts", async () => {
  provider.expect("odo");
  await page.goto(`${origin}/`);
  await page.getByRole("button", { name: "Continue with Example Org" }).click();
  await page.getByText("Odo Berg").waitFor();
  const kept = await page.evaluate(() => localStorage.getItem("countersign.csrf"));
  await page.goto("about:blank");
  await page.goto(`${origin}/#csrf=csc_madeUp`);
  await page.getByText("Odo Berg").waitFor();
  expect([page.url(), await page.evaluate(() => localStorage.getItem("countersign.csrf"))]).toEqual([`${origin}/`, kept]);
  await page.goto(`${origin}/account`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in to Countersign" }).waitFor();
  expect((await page.context().cookies(origin)).map(({ name }) => name)).not.toContain("__Host-countersign");
});

it("somebody of another organisation comes back to the sign-in, which says that they do not get in", async () => {
  provider.expect("eve");
  await page.goto(`${origin}/`);
  await page.getByRole("button", { name: "Continue with Example Org" }).click();
  await page.getByText("You were not let in").waitFor();
  expect(new URL(page.url()).pathname).toBe("/sign-in");
  await page.getByRole("button", { name: "Continue with Example Org" }).waitFor();
});

/**
 * The inbox as people use it: a real control plane with the built pages, a real Chromium, people who sign in by their links, and agents that
 * ask. Used by every suite of this folder. Needs `npm run build`, as all black-box suites do.
 */
import { hash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson } from "@countersign/sdk/call";
import type { JsonObject } from "@countersign/sdk";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { findChromium } from "../../test/needs.ts";
import { startControlPlane } from "./started-control-plane.ts";
import type { StartedControlPlane } from "./started-control-plane.ts";
import { askBody } from "../control-plane/staff.ts";
import type { Asked } from "../control-plane/staff.ts";

/** Quiet, and without anything that would speak to the network by itself. */
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

const POLICY = `
version: 1
default: allow
policies:
  - name: file-writes
    match: mcp:filesystem:write_file
    action: block
    reason: File writes require approval
    approval: { timeoutMinutes: 5, grants: [session, 30m] }
  - name: two-people
    match: mcp:postgres:*
    action: block
    reason: Statements that change production need two people
    approval: { quorum: 2, timeoutMinutes: 5 }
  - name: notes
    match: mcp:notes:*
    action: block
    reason: Notes go to the whole company
    approval: { edits: true, timeoutMinutes: 5, grants: [session] }
  - name: no-drafts
    match: mcp:notes:*
    when: 'has(args.path) && args.path == "/forbidden"'
    action: block
    reason: Nobody writes there
    approval: never
  - name: shared-notes
    match: mcp:shared:*
    action: block
    reason: Two people read it first
    approval: { edits: true, quorum: 2, timeoutMinutes: 5 }
  - name: money
    match: mcp:payments:*
    action: block
    reason: Money leaves the company
    approval: { assurance: passkey, requireReason: true, edits: true, timeoutMinutes: 5 }
`;

export interface Question {
  readonly server?: string;
  readonly tool?: string;
  readonly agent?: string;
  readonly context?: JsonObject;
  /** Input schema of the tool, as its server lists it; its definition is bound then. */
  readonly schema?: JsonObject;
  readonly narration?: { readonly description: string; readonly definition: JsonObject | null };
  /** What the agent's process says, where that differs from the policy's reason. */
  readonly reason?: string;
  /** Until silence is a no, for calls that no policy gives a time. */
  readonly timeoutMs?: number;
}

export interface InboxStage {
  readonly plane: StartedControlPlane;
  /** The origin as people open it. */
  readonly url: string;
  /** A question of this agent's key; the same key and call again joins. */
  ask(secret: string, args: JsonObject, question?: Question): Promise<Asked>;
  invite(name: string, roles: readonly string[]): Promise<string>;
  ownerLink(): Promise<string>;
  /** A page of somebody who has just signed in by this link. */
  signIn(link: string, options?: BrowserContextOptions): Promise<Page>;
  /** Console errors, page errors and violations of the page's policy so far. */
  readonly complaints: string[];
  close(): Promise<void>;
}

export interface Chrome {
  readonly missing: string | undefined;
  stage(): Promise<InboxStage>;
  /** A page in a context of its own, where no stage is set. */
  page(): Promise<Page>;
  close(): Promise<void>;
}

/** One browser for a file of tests. `missing`: why there is none, for `skip`. */
export async function launchChrome(): Promise<Chrome> {
  const found = findChromium();
  const browser = found.path === undefined ? undefined : await chromium.launch({ executablePath: found.path, args: FLAGS });
  return {
    missing: browser === undefined ? found.missing : undefined,
    stage: () => openStage(browser),
    page: async () => newPage(browser, {}),
    close: async () => browser?.close(),
  };
}

export interface InboxUnderTest {
  readonly chrome: Chrome;
  /** Anew for each test. */
  readonly stage: InboxStage;
  /** Of an agent that acts for the owner. */
  readonly key: string;
}

/** A browser for the file, a stage for each test; what the browser complained of fails the test. Skips where there is no browser. */
export function useInbox(): InboxUnderTest {
  let chrome: Chrome;
  let stage: InboxStage;
  let key = "";
  beforeAll(async () => {
    chrome = await launchChrome();
  }, 60_000);
  afterAll(() => chrome.close());
  beforeEach(async ({ skip }) => {
    skip(chrome.missing !== undefined, chrome.missing ?? "");
    stage = await chrome.stage();
    key = await stage.plane.makeKey("agent");
  });
  afterEach(async () => {
    if (chrome.missing !== undefined) return;
    await stage.close();
    expect(stage.complaints).toEqual([]);
  });
  return {
    get chrome() {
      return chrome;
    },
    get stage() {
      return stage;
    },
    get key() {
      return key;
    },
  };
}

async function openStage(browser: Browser | undefined): Promise<InboxStage> {
  if (browser === undefined) throw new TypeError("skip the test: there is no browser");
  const plane = await startControlPlane();
  await plane.activate(POLICY);
  const complaints: string[] = [];
  const { origin: url } = plane;
  return {
    plane,
    url,
    complaints,
    ask: (secret, args, question = {}) => ask(plane.url, secret, args, question),
    invite: async (name, roles) => (await plane.owner.send<{ url: string }>("POST", "/v1/people", { name, email: `${name.toLowerCase()}@example.com`, roles })).url,
    async ownerLink() {
      // As `countersign open` does it.
      const secret = (await readFile(join(plane.directory, "operator.secret"), "utf8")).trim();
      const answer = await fetch(`${plane.url}/v1/owner-link`, { method: "POST", headers: { authorization: `Bearer ${secret}` } });
      return ((await answer.json()) as { url: string }).url; // as the API's document says
    },
    async signIn(link, options = {}) {
      const page = await newPage(browser, options);
      listen(page, complaints);
      await page.goto(link);
      await page.getByRole("button", { name: "Sign in with this link" }).click();
      await page.getByRole("heading", { name: "Waiting", exact: true }).waitFor();
      return page;
    },
    async close() {
      await Promise.all(browser.contexts().map(closeContext));
      await plane.close();
    },
  };
}

/** With what the page asks just then, which fakes of its routes would else fail to answer. */
async function closeContext(context: BrowserContext): Promise<void> {
  await Promise.all(context.pages().map((page) => page.unrouteAll({ behavior: "ignoreErrors" })));
  await context.close();
}

async function newPage(browser: Browser | undefined, options: BrowserContextOptions): Promise<Page> {
  if (browser === undefined) throw new TypeError("skip the test: there is no browser");
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(8000);
  return context.newPage();
}

function listen(page: Page, complaints: string[]): void {
  // That nobody is signed in yet is what the first question is for.
  page.on("console", (message) => message.type() === "error" && !message.text().includes("401") && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => undefined); // it goes with its page
  });
}

let calls = 0;

async function ask(url: string, secret: string, args: JsonObject, question: Question): Promise<Asked> {
  const { server = "filesystem", tool = "write_file", agent = "file-manager", context = {}, reason = "", schema, timeoutMs } = question;
  const listed = schema === undefined ? null : { name: tool, inputSchema: schema };
  const definition = listed === null ? null : hash("sha256", `countersign/definition/v1\0${canonicalJson(listed)}`, "hex");
  const narration = question.narration ?? (listed === null ? undefined : { description: "", definition: listed });
  const bound = { server: { name: server, identity: null }, tool, definition, arguments: args, context };
  calls += 1;
  const body = askBody(args, {}, {
    call: { ...bound, callId: `call-${calls}`, server: { ...bound.server, transport: "stdio" }, digest: hash("sha256", `countersign/call/v1\0${canonicalJson(bound)}`, "hex") },
    caller: { agent: { name: agent, id: "" }, user: { id: "user-123" }, session: { id: "s1" } },
    reason,
    policies: [],
    requirements: [],
    ...(narration === undefined ? {} : { narration }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  const answer = await fetch(`${url}/v1/approvals`, { method: "POST", headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" }, body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`asking answered ${answer.status}: ${text}`);
  return (JSON.parse(text) as { request: Asked }).request; // as the API's document says
}

/** The state of a request as the control plane has it. */
export async function stateOf(stage: InboxStage, id: string): Promise<string> {
  return (await stage.plane.owner.send<{ state: string }>("GET", `/v1/approvals/${id}`)).state;
}

export async function openRequest(page: Page, stage: InboxStage, id: string): Promise<void> {
  await page.goto(`${stage.url}/requests/${id}`);
  await page.getByRole("heading", { name: "What runs" }).waitFor();
}

// From the first start to the first approval, and a denial whose reason reaches the agent: the program as an operator starts it, the SDK as
// the agent, the real filesystem server, and a person in a browser.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { configureSession, init, PolicyViolationError, shutdown } from "@countersign/sdk";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startControlPlane } from "../control-plane/running-control-plane.ts";
import type { RunningControlPlane } from "../control-plane/running-control-plane.ts";
import { launchChrome } from "./inbox-stage.ts";
import type { Chrome } from "./inbox-stage.ts";

const SERVER = fileURLToPath(new URL("../../node_modules/@modelcontextprotocol/server-filesystem/dist/index.js", import.meta.url));
const POLICY = `
version: 1
default: allow
policies:
  - name: file-writes
    match: mcp:filesystem:write_file
    action: block
    reason: File writes require approval
`;

let chrome: Chrome;
let plane: RunningControlPlane;
let page: Page;
let client: Client;
let folder = "";

/** As `countersign open` prints it. */
async function ownerLink(): Promise<string> {
  const { text } = await plane.send({ method: "POST", path: "/v1/owner-link", headers: plane.operator });
  return (JSON.parse(text) as { url: string }).url;
}

/** Keys have no screen yet: the owner makes one as the page would, with what the page keeps. */
async function makeKey(): Promise<string> {
  return page.evaluate(async () => {
    const headers = { "content-type": "application/json", "x-csrf-token": localStorage.getItem("countersign.csrf") ?? "" };
    const me = (await (await fetch("/v1/me")).json()) as { person: { id: string } };
    const made = await fetch("/v1/keys", { method: "POST", headers, body: JSON.stringify({ name: "writer", ownerId: me.person.id, expiresAt: null }) });
    return ((await made.json()) as { secret: string }).secret;
  });
}

beforeAll(async () => {
  chrome = await launchChrome();
  if (chrome.missing !== undefined) return;
  folder = mkdtempSync(join(tmpdir(), "countersign-agent-"));
  plane = await startControlPlane({ policy: POLICY });
  page = await chrome.page();
  await page.goto(await ownerLink());
  await page.getByRole("button", { name: "Sign in with this link" }).click();
  await page.getByText("Nothing is waiting").waitFor();
  init({ controlPlane: { url: plane.url, apiKey: await makeKey() }, record: "memory" });
  client = new Client({ name: "writer", version: "1.0.0" });
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [SERVER, folder], stderr: "ignore" }));
  configureSession(client, { serverName: "filesystem", governanceConfig: { agentName: "file-manager" } });
}, 60_000);

afterAll(async () => {
  if (chrome.missing === undefined) {
    await client.close();
    await shutdown();
    await chrome.close();
    await plane.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);

describe("an agent, and a person in the inbox", () => {
  it("from the first start to the first approval: the link signs the owner in once, the call waits, yes runs exactly it", async ({ skip }) => {
    skip(chrome.missing !== undefined, chrome.missing ?? "");
    const path = join(folder, "hello.txt");
    const running = client.callTool({ name: "write_file", arguments: { path, content: "Hello from a governed agent!" } });
    await page.getByRole("link", { name: /write_file/ }).click();
    await page.getByText('"Hello from a governed agent!"').waitFor();
    expect(existsSync(path)).toBe(false);
    await page.getByRole("button", { name: "Approve" }).click();
    expect((await running).isError).not.toBe(true);
    expect(readFileSync(path, "utf8")).toBe("Hello from a governed agent!");
    await page.getByText("The call ran.").waitFor();
    await page.getByText(/^The call ran\s*(after|$)/).waitFor();
  });

  it("a denial's reason arrives at the agent, and the file is not there", async ({ skip }) => {
    skip(chrome.missing !== undefined, chrome.missing ?? "");
    const path = join(folder, "secret.txt");
    await page.getByRole("link", { name: "Waiting", exact: true }).first().click();
    const running = client.callTool({ name: "write_file", arguments: { path, content: "x" } }).catch((error: unknown) => error);
    await page.getByRole("link", { name: /write_file/ }).click();
    await page.getByRole("button", { name: "Deny…" }).click();
    await page.getByLabel("Reason").fill("Write below /srv instead.");
    await page.getByRole("button", { name: "Deny", exact: true }).click();
    const refused = await running;
    expect(refused).toBeInstanceOf(PolicyViolationError);
    expect(refused).toMatchObject({ code: "approval_denied", approval: { approved: false, reason: "Write below /srv instead." } });
    expect(existsSync(path)).toBe(false);
  });

  it("a link that was used signs nobody in, and says what to do", async ({ skip }) => {
    skip(chrome.missing !== undefined, chrome.missing ?? "");
    const link = await ownerLink();
    const other = await chrome.page();
    for (const last of [false, true]) {
      await other.goto("about:blank");
      await other.goto(link);
      // Opening it spends nothing: only the button does.
      await other.getByRole("button", { name: "Sign in with this link" }).click();
      await other.getByText(last ? "This link does not work any more" : "Nothing is waiting").first().waitFor();
      expect(new URL(other.url()).hash).toBe("");
      if (!last) await other.getByRole("button", { name: "Sign out" }).click();
    }
  });
});

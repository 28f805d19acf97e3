/** A small company in its inbox: people, agents with their own questions, some of them answered already, and one agent that really writes a file. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hash } from "node:crypto";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { configureSession, init, shutdown, type JsonObject } from "@countersign/sdk";
import { canonicalJson } from "@countersign/sdk/call";
import { chromium } from "playwright-core";
import type { BrowserContextOptions, Page } from "playwright-core";
import { startControlPlane } from "../../control-plane/running-control-plane.ts";
import { askBody, hireStaff, voteBody } from "../../control-plane/staff.ts";
import type { Asked, SignedIn } from "../../control-plane/staff.ts";

const SERVER = fileURLToPath(new URL("../../../node_modules/@modelcontextprotocol/server-filesystem/dist/index.js", import.meta.url));
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

const POLICY = `version: 1
default: allow
policies:
  - name: file-writes
    match: mcp:filesystem:write_file
    action: block
    reason: File writes require approval
    approval: { timeoutMinutes: 15, grants: [session, 30m], edits: true }
  - name: production-data
    match: mcp:postgres:*
    action: block
    reason: Statements that change production need two people
    approval: { quorum: 2, timeoutMinutes: 30 }
  - name: money
    match: mcp:payments:*
    action: block
    reason: Money leaves the company
    approval: { requireReason: true, timeoutMinutes: 10 }
  - name: mail
    match: mcp:mail:send_message
    action: block
    reason: Mail to customers is read by a person first
    approval: { timeoutMinutes: 60 }
`;

const NOTES = `# Release 2.4.0

## Added
- Refunds can be split between cards.

## Fixed
- A retry no longer charges twice when the bank answers late.
`;

const AGENTS = { files: "release-bot", data: "data-steward", money: "billing-agent", mail: "support-agent" };

export interface Office {
  readonly url: string;
  /** Questions that wait, and some that were answered. */
  fill(): Promise<{ readonly edit: string; readonly money: string }>;
  /** A page of this person, signed in. */
  visit(who: "owner", options: BrowserContextOptions): Promise<Page>;
  /** A real agent writes a file through the real filesystem server, if it is let. */
  agentWrites(): Promise<void>;
  close(): Promise<void>;
}

export async function openOffice(executablePath: string): Promise<Office> {
  const plane = await startControlPlane({ policy: POLICY });
  const staff = await hireStaff(plane);
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  const url = `http://localhost:${plane.port}`;
  await staff.must(staff.owner, "PATCH", `/v1/people/${staff.owner.personId}`, { name: "Ada Marin" });
  const keys = {
    files: await staff.addKey(AGENTS.files, null),
    data: await staff.addKey(AGENTS.data, null),
    money: await staff.addKey(AGENTS.money, null),
    mail: await staff.addKey(AGENTS.mail, null),
  };
  let calls = 0;
  const ask = async (who: keyof typeof keys, server: string, tool: string, args: JsonObject, description = ""): Promise<Asked> => {
    calls += 1;
    const bound = { server: { name: server, identity: null }, tool, definition: null, arguments: args, context: {} };
    const call = { ...bound, callId: `call-${calls}`, server: { ...bound.server, transport: "stdio" }, digest: hash("sha256", `countersign/call/v1\0${canonicalJson(bound)}`, "hex") };
    const body = askBody(args, {}, { call, caller: { agent: { name: AGENTS[who], id: "" }, user: { id: "" }, session: { id: "s1" } }, reason: "", policies: [], requirements: [], narration: { description, definition: null } });
    return (await staff.must<{ request: Asked }>(keys[who], "POST", "/v1/approvals", body)).request;
  };
  const vote = (who: SignedIn, asked: Asked, change: object) => staff.must(who, "POST", `/v1/approvals/${asked.id}/vote`, voteBody(asked, { reason: "", ...change }));
  const folder = mkdtempSync(join(tmpdir(), "project-"));
  let client: Client | undefined;

  return {
    url,
    async fill() {
      const ben = await staff.join("Ben", ["approver"]);
      const cleo = await staff.join("Cleo", ["approver", "auditor"]);
      const done = await ask("files", "filesystem", "write_file", { path: "/srv/site/CHANGELOG.md", content: NOTES.replace("2.4.0", "2.3.9") });
      await vote(ben, done, {});
      const refused = await ask("mail", "mail", "send_message", { to: "all-customers@example.com", subject: "We are closing", body: "…" });
      await vote(cleo, refused, { choice: "deny", reason: "Wrong list: this goes to all customers." });
      await ask("mail", "mail", "send_message", { to: "dana@example.com", subject: "Your refund", body: "Hello Dana,\n\nyour refund of 42.00 EUR is on its way.\n\nKind regards\nSupport" }, "The customer asked twice, please hurry.");
      const table = await ask("data", "postgres", "query", { sql: "UPDATE customers\n   SET plan = 'legacy'\n WHERE signed_up < '2021-01-01'\n   AND plan IS NULL;" });
      await vote(ben, table, {});
      const money = await ask("money", "payments", "transfer_funds", { amount: "1250.00", currency: "EUR", to: "DE02 1203 0000 0000 2020 51", reference: "Invoice 2026-1107" }, "Pays the invoice that is due today.");
      const edit = await ask("files", "filesystem", "write_file", { path: "/srv/site/CHANGELOG.md", content: NOTES }, "Writes the release notes.");
      return { edit: edit.id, money: money.id };
    },
    async visit(_who, options) {
      const context = await browser.newContext(options);
      context.setDefaultTimeout(10_000);
      const page = await context.newPage();
      await page.goto((await staff.must<{ url: string }>({ headers: plane.operator }, "POST", "/v1/owner-link")).url);
      await page.getByRole("button", { name: "Sign in with this link" }).click();
      await page.getByRole("heading", { name: "Waiting", exact: true }).waitFor();
      return page;
    },
    async agentWrites() {
      init({ controlPlane: { url: plane.url, apiKey: keys.files.secret }, record: "memory" });
      client = new Client({ name: AGENTS.files, version: "1.0.0" });
      await client.connect(new StdioClientTransport({ command: process.execPath, args: [SERVER, folder], stderr: "ignore" }));
      configureSession(client, { serverName: "filesystem", governanceConfig: { agentName: AGENTS.files } });
      await client.callTool({ name: "write_file", arguments: { path: join(folder, "release-notes.md"), content: NOTES } });
    },
    async close() {
      await client?.close();
      await shutdown();
      await browser.close();
      await plane.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

// Insights: the figures on the page are those of what happened, counted here by what was done.
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Asked } from "../control-plane/staff.ts";
import { faultsOf, LOOKS } from "./find-faults.ts";
import type { Found } from "./find-faults.ts";
import { useInbox } from "./inbox-stage.ts";

const at = useInbox();
const D = "ab".repeat(32);

const vote = ({ id, requestDigest }: Asked, choice: "approve" | "deny"): Promise<unknown> =>
  at.stage.plane.owner.send("POST", `/v1/approvals/${id}/vote`, { choice, requestDigest, viewedDigest: null, reason: "because", grant: null });

async function asAgent(path: string, body: object): Promise<void> {
  const answer = await fetch(`${at.stage.plane.url}${path}`, { method: "POST", headers: { authorization: `Bearer ${at.key}`, "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
}

/** As an agent's process ships what it decided by itself. */
function decision(callId: string, change: object = {}): object {
  return { type: "decision", callId, at: Date.now(), policyId: "mcp:filesystem:read_file", server: "filesystem", tool: "read_file", principal: "", agent: "file-manager", user: "", session: "s", digest: D, definition: null, action: "allow", reason: "", policies: [], decisive: [], findings: [], ...change };
}

async function openInsights(page: Page): Promise<void> {
  await page.goto(`${at.stage.url}/insights`);
  await page.locator(".tiles").waitFor();
}

/** The first figure of a tile. */
const tile = (page: Page, name: string): Promise<string | null> => page.locator(".tile", { has: page.getByText(name, { exact: true }) }).locator(".tile-value").textContent();

/** A table of the page as text: for each line the cells. */
async function table(page: Page, name: string): Promise<readonly (readonly string[])[]> {
  const rows = page.getByRole("group", { name, exact: true }).locator("tbody tr");
  await rows.first().waitFor();
  return Promise.all((await rows.all()).map(async (row) => (await row.locator("th, td").allTextContents()).map((cell) => cell.trim())));
}

describe("insights", () => {
  it("figures, tables and charts say what happened, and nothing else", async () => {
    const writes = [await at.stage.ask(at.key, { path: "/1" }), await at.stage.ask(at.key, { path: "/2" }), await at.stage.ask(at.key, { path: "/3" })] as const;
    const sql = [await at.stage.ask(at.key, { sql: "a" }, { server: "postgres", tool: "execute" }), await at.stage.ask(at.key, { sql: "b" }, { server: "postgres", tool: "execute" })] as const;
    await vote(writes[0], "approve");
    await vote(writes[1], "approve");
    await vote(writes[2], "deny");
    await vote(sql[0], "approve"); // of two: it stays open
    await asAgent(`/v1/approvals/${sql[1].id}/cancel`, { reason: "" });
    await asAgent("/v1/record", { process: "p", batch: 1, entries: [decision("c1"), decision("c2"), decision("c3"), decision("c4", { action: "block", code: "policy_block" }), decision("c5", { action: "block" })] });
    const page = await at.stage.signIn(await at.stage.ownerLink());
    await openInsights(page);
    expect([await tile(page, "Calls"), await tile(page, "Held"), await tile(page, "Approval rate"), await tile(page, "Expired")]).toEqual(["9", "5", "67\u00a0%", "0"]);
    await page.getByText("3 ran unasked, 1 refused").waitFor();
    await page.getByText("2 approved, 1 denied by people").waitFor();
    await page.getByText("1 open, 1 withdrawn").waitFor();
    const firstFive = async (name: string) => (await table(page, name)).map((cells) => cells.slice(0, 6));
    expect(await firstFive("Tools")).toEqual([["read_file on filesystem", "4", "1", "0", "0", "0"], ["write_file on filesystem", "3", "0", "3", "2", "1"], ["execute on postgres", "2", "0", "2", "0", "0"]]);
    expect(await firstFive("Policies that held calls")).toEqual([["file-writes", "3", "2", "1", "0", "67\u00a0%"], ["two-people", "2", "0", "0", "0", "–"]]);
    expect(await firstFive("Agents")).toEqual([["agent file-manager", "9", "1", "5", "2", "1"]]);
    expect((await table(page, "Busiest approvers")).map((cells) => cells.slice(0, 3))).toEqual([["Owner", "3", "1"]]);
    // The chart, drawn and as a table.
    await page.locator("figure canvas").first().waitFor();
    await page.getByRole("figure", { name: "Held calls, and what became of them" }).getByRole("button", { name: "As a table" }).click();
    const held = await table(page, "Held calls, and what became of them");
    expect(held.length).toBe(7);
    expect(held[0]?.slice(1)).toEqual(["2", "1", "0", "0", "1", "1"]);
    expect(held.slice(1).flatMap((cells) => cells.slice(1)).every((cell) => cell === "0")).toBe(true);
  });

  it("a chart is gone along with the arrow keys, and says each step in words", async () => {
    await vote(await at.stage.ask(at.key, { path: "/1" }), "deny");
    const page = await at.stage.signIn(await at.stage.ownerLink());
    await openInsights(page);
    const chart = page.getByRole("slider", { name: /^Held calls/ });
    await page.locator("figure canvas").first().waitFor();
    await chart.focus();
    await page.keyboard.press("End");
    expect(await chart.getAttribute("aria-valuetext")).toMatch(/approved 0, denied 1, expired 0, by a grant 0, withdrawn 0, open 0$/);
    expect(await page.locator(".chart-legend").first().textContent()).toContain("Denied1");
    await page.keyboard.press("ArrowLeft");
    expect(await chart.getAttribute("aria-valuetext")).toMatch(/denied 0/);
    expect(await chart.getAttribute("aria-valuenow")).toBe("5");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement?.getAttribute('role')")).not.toBe("slider");
  });

  it("whoever approves guarded calls in less time than reading takes is named, with what that means", async () => {
    await at.stage.plane.activate("version: 1\ndefault: allow\npolicies:\n  - name: guarded\n    match: mcp:filesystem:*\n    action: block\n    approval: { requireReason: true }\n");
    for (let index = 0; index < 5; index += 1) await vote(await at.stage.ask(at.key, { path: `/${index}` }), "approve");
    const page = await at.stage.signIn(await at.stage.ownerLink());
    await openInsights(page);
    await page.getByText(/Owner approved 5 of 5 weighty calls in less time than reading them takes/).waitFor();
    await page.getByText("What “too quick” means").click();
    await page.getByText("When somebody began to read is not recorded.").waitFor();
  });

  it("each sees what they may read otherwise: an approver no calls that nobody was asked about, a policy editor no votes", async () => {
    await vote(await at.stage.ask(at.key, { path: "/1" }), "deny");
    await asAgent("/v1/record", { process: "p", batch: 1, entries: [decision("c1")] });
    const seen = async (name: string, role: string) => {
      const page = await at.stage.signIn(await at.stage.invite(name, [role]));
      await openInsights(page);
      await page.getByRole("group", { name: "Tools" }).waitFor();
      return [await page.getByText("All calls").count(), await page.getByRole("heading", { name: "Busiest approvers" }).count(), (await table(page, "Tools")).length];
    };
    expect(await seen("Una", "auditor")).toEqual([1, 1, 2]);
    expect(await seen("Ann", "approver")).toEqual([0, 1, 1]);
    expect(await seen("Ella", "policy_editor")).toEqual([0, 0, 1]);
    at.stage.complaints.length = 0; // the browser's own words about the list of requests, which is not a policy editor's
  });

  it.each(LOOKS)("axe finds nothing, drawn and as tables, in $colorScheme, $viewport.width pixels wide", async (look) => {
    await vote(await at.stage.ask(at.key, { path: "/1" }), "approve");
    const found: Found[] = [];
    const page = await at.stage.signIn(await at.stage.ownerLink(), look);
    await openInsights(page);
    await page.locator("figure canvas").nth(2).waitFor();
    await page.getByText("What “too quick” means").click();
    found.push(...(await faultsOf(page)));
    for (const button of await page.getByRole("button", { name: "As a table" }).all()) await button.click();
    found.push(...(await faultsOf(page)));
    expect(found).toEqual([]);
  });

  it("nothing happened: that is said, and no chart is drawn", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    await page.goto(`${at.stage.url}/insights`);
    await page.getByText("No calls in this time").waitFor();
    expect(await page.locator("canvas").count()).toBe(0);
  });
});

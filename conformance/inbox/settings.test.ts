// Settings: an owner makes people, groups and keys, and sees what is unsafe; everybody else reads what they may.
import { chmodSync } from "node:fs";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { faultsOf, LOOKS } from "./find-faults.ts";
import type { Found } from "./find-faults.ts";
import { openRequest, stateOf, useInbox } from "./inbox-stage.ts";

const at = useInbox();

async function openSettings(page: Page): Promise<void> {
  await page.goto(`${at.stage.url}/settings`);
  await page.getByRole("heading", { name: "Settings", exact: true }).waitFor();
}

async function ownerInSettings(): Promise<Page> {
  const page = await at.stage.signIn(await at.stage.ownerLink());
  await openSettings(page);
  return page;
}

/** As a person does it: the link is read off the page that shows it once. */
async function invite(page: Page, name: string, role?: string): Promise<string> {
  await page.getByRole("button", { name: "Invite a person" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("E-mail address").fill(`${name.toLowerCase()}@example.com`);
  if (role !== undefined) {
    await dialog.getByLabel("Approver").uncheck();
    await dialog.getByLabel(role).check();
  }
  await dialog.getByRole("button", { name: "Make the invitation" }).click();
  const link = await dialog.getByLabel("One-time link").inputValue();
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  return link;
}

const lineOf = (page: Page, name: string) => page.getByRole("listitem", { name, exact: true });

describe("settings", () => {
  it("an owner invites an approver, who signs in by the link and completes a quorum", async () => {
    const owner = await ownerInSettings();
    const bob = await at.stage.signIn(await at.stage.invite("Bob", ["approver"]));
    const link = await invite(owner, "Ann");
    expect(link).toMatch(/^http:\/\/localhost:\d+\/sign-in#link=[\w-]{20,}$/);
    await lineOf(owner, "Ann").getByText("approver").waitFor();
    const ann = await at.stage.signIn(link);
    const asked = await at.stage.ask(at.key, { sql: "delete from sessions" }, { server: "postgres", tool: "execute" });
    for (const page of [bob, ann]) {
      await openRequest(page, at.stage, asked.id);
      await page.getByRole("button", { name: "Approve" }).click();
    }
    await ann.getByText("The agent may run exactly this call, once.").waitFor();
    expect(await stateOf(at.stage, asked.id)).toBe("approved");
  });

  it("the link can be copied, and is shown this once", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink(), { permissions: ["clipboard-read", "clipboard-write"] });
    await openSettings(page);
    await page.getByRole("button", { name: "Invite a person" }).click();
    await page.getByLabel("Name").fill("Ann");
    await page.getByRole("button", { name: "Make the invitation" }).click();
    await page.getByRole("button", { name: "Copy" }).click();
    await page.getByText("Copied.").waitFor();
    const link = await page.getByLabel("One-time link").inputValue();
    expect(await page.evaluate("navigator.clipboard.readText()")).toBe(link);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await page.content()).not.toContain(link.split("#link=")[1]);
    // A new one takes the place of the old one.
    await page.getByRole("button", { name: "New link for Ann" }).click();
    await page.getByRole("button", { name: "Make the link" }).click();
    const newer = await page.getByLabel("One-time link").inputValue();
    expect(newer).not.toBe(link);
    const refused = await fetch(`${at.stage.plane.url}/v1/sign-in/link`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token: link.split("#link=")[1] }) });
    expect(refused.status).toBe(401);
    await at.stage.signIn(newer);
  });

  it("a key is made, its secret shown once, and refused from the moment it is revoked", async () => {
    const page = await ownerInSettings();
    await page.getByRole("button", { name: "Make a key" }).click();
    await page.getByLabel("Name").fill("ci-runner");
    await page.getByRole("button", { name: "Make the key" }).click();
    const secret = await page.getByLabel("Secret").inputValue();
    await page.getByRole("button", { name: "Done" }).click();
    expect((await at.stage.ask(secret, { path: "/tmp/a" })).state).toBe("pending");
    expect(await page.content()).not.toContain(secret);
    await page.getByRole("button", { name: "Revoke ci-runner" }).click();
    await page.getByRole("dialog").getByText("refused from their next request on").waitFor();
    expect((await at.stage.ask(secret, { path: "/tmp/b" })).state).toBe("pending"); // asked, and nothing done yet
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByText("One key that works no more").click();
    await lineOf(page, "ci-runner").getByText("Revoked").waitFor();
    await expect(at.stage.ask(secret, { path: "/tmp/c" })).rejects.toThrow("401");
  });

  it("a group, and a group in it: a policy that names it reaches those inside, and nobody else", async () => {
    const page = await ownerInSettings();
    const ann = await at.stage.signIn(await invite(page, "Ann"));
    const bob = await at.stage.signIn(await invite(page, "Bob"));
    for (const [name, member] of [["payments", /^Ann/], ["money", /^group:payments/]] as const) {
      await page.getByRole("button", { name: "Add a group" }).click();
      await page.getByRole("dialog").getByLabel("Name", { exact: true }).fill(name);
      await page.getByRole("dialog").getByLabel(member).check();
      await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
    }
    await lineOf(page, "money").getByText("group:payments").waitFor();
    await at.stage.plane.activate("version: 1\ndefault: allow\npolicies:\n  - name: money\n    match: mcp:payments:*\n    action: block\n    approval: { approvers: ['group:money'] }\n");
    const asked = await at.stage.ask(at.key, { amount: 5 }, { server: "payments", tool: "transfer" });
    await openRequest(bob, at.stage, asked.id);
    expect(await bob.getByRole("button", { name: "Approve" }).getAttribute("aria-disabled").catch(() => "true")).toBe("true");
    await openRequest(ann, at.stage, asked.id);
    await ann.getByRole("button", { name: "Approve" }).click();
    await ann.getByText("The agent may run exactly this call, once.").waitFor();
    expect(await stateOf(at.stage, asked.id)).toBe("approved");
  });

  it("a person who is disabled is signed out where they look, and comes back by a new link once enabled", async () => {
    const page = await ownerInSettings();
    const ann = await at.stage.signIn(await invite(page, "Ann"));
    await page.getByRole("button", { name: "Disable Ann" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
    await lineOf(page, "Ann").getByText("Disabled").waitFor();
    await ann.goto(`${at.stage.url}/history`);
    await ann.getByRole("heading", { name: "Sign in to Countersign" }).waitFor();
    await page.getByRole("button", { name: "Enable Ann" }).click();
    await page.getByRole("button", { name: "New link for Ann" }).click();
    await page.getByRole("button", { name: "Make the link" }).click();
    await at.stage.signIn(await page.getByLabel("One-time link").inputValue());
    // The last owner cannot take the role from themselves.
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByRole("button", { name: "Edit Owner" }).click();
    await page.getByRole("dialog").getByLabel(/^Owner/).uncheck();
    await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    await page.getByRole("dialog").getByRole("alert").waitFor();
    expect(await page.getByRole("button", { name: "Disable Owner" }).count()).toBe(0);
    at.stage.complaints.length = 0; // the browser's own words about what was refused
  });

  it("what doctor says is shown, its files included, with what to do; health says how it stands", async () => {
    const page = await ownerInSettings();
    await page.getByText("same_user").waitFor();
    expect(await page.getByText("keys_without_owner").count()).toBe(0);
    await at.stage.plane.owner.send("POST", "/v1/keys", { name: "nobody's", ownerId: null, expiresAt: null });
    chmodSync(at.stage.plane.directory, 0o755);
    await page.reload();
    await page.getByText("One agent key is bound to nobody").waitFor();
    await page.getByText(`Other users of this machine can look into ${at.stage.plane.directory}.`).waitFor();
    await page.getByText(`Run: chmod 700 ${at.stage.plane.directory}`).waitFor();
    // The most dangerous first.
    const codes = await page.locator("#doctor li code").allTextContents();
    expect(codes[0]).toBe("open_directory");
    const health = page.locator("#health");
    await health.getByText("Ready", { exact: true }).waitFor();
    const { head, version, policy } = await at.stage.plane.owner.send<{ head: { hash: string }; version: string; policy: { version: number } }>("GET", "/v1/installation");
    expect(await health.textContent()).toContain(version);
    expect(await health.textContent()).toContain(`version ${policy.version}`);
    await expect.poll(async () => (await health.textContent())?.includes(head.hash.slice(0, 16))).toBe(true);
  });

  it("one-person mode is ended and allowed again, each after it was explained", async () => {
    const page = await ownerInSettings();
    const mode = page.locator("#one-person-mode");
    for (const [button, verb, then] of [["End one-person mode", "End it", "Off"], ["Allow it again", "Allow it", "On"]] as const) {
      await mode.getByRole("button", { name: button }).click();
      await page.getByRole("dialog").getByRole("button", { name: verb }).click();
      await mode.getByText(then, { exact: true }).waitFor();
    }
  });

  it("arguments are erased only after the word was typed, and the story of the request stays", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    const asked = await at.stage.ask(at.key, { path: "/tmp/secret-name" });
    await at.stage.plane.owner.send("POST", `/v1/approvals/${asked.id}/vote`, { choice: "deny", requestDigest: asked.requestDigest, viewedDigest: null, reason: "no", grant: null });
    await openSettings(page);
    await page.getByLabel("Id of the request").fill(asked.id);
    await page.locator("#erase").getByLabel("Reason").fill("asked for by its owner");
    await page.getByRole("button", { name: "Erase…" }).click();
    const erase = page.getByRole("dialog").getByRole("button", { name: "Erase" });
    expect(await erase.getAttribute("aria-disabled")).toBe("true");
    await page.getByLabel("Type erase to go on").fill("erase");
    await erase.click();
    await page.getByText("The arguments of the request are erased.").waitFor();
    const { argumentsText, state } = await at.stage.plane.owner.send<{ argumentsText: string | null; state: string }>("GET", `/v1/approvals/${asked.id}`);
    expect([argumentsText, state]).toEqual([null, "denied"]);
  });

  it("an approver delegates and takes it back; whoever is no owner changes nothing else", async () => {
    const owner = await ownerInSettings();
    await invite(owner, "Ann");
    const bob = await at.stage.signIn(await invite(owner, "Bob"));
    await openSettings(bob);
    for (const name of ["Invite a person", "Add a group", "Make a key", "Allow it again"]) expect([name, await bob.getByRole("button", { name }).count()]).toEqual([name, 0]);
    for (const id of ["#doctor", "#erase", "#keys"]) expect([id, await bob.locator(id).count()]).toEqual([id, 0]);
    await lineOf(bob, "Ann").waitFor();
    await bob.getByLabel("Who answers for you").selectOption({ label: "Ann" });
    await bob.getByRole("button", { name: "Delegate" }).click();
    await bob.getByText("You → Ann").waitFor();
    await bob.locator("#delegations").getByRole("button", { name: "End" }).click();
    await bob.getByText("You → Ann").waitFor({ state: "detached" });
    const una = await at.stage.signIn(await invite(owner, "Una", "Auditor"));
    await openSettings(una);
    await lineOf(una, "agent").waitFor();
    expect(await una.getByRole("button", { name: /Revoke/ }).count()).toBe(0);
  });

  it.each(LOOKS)("axe finds nothing, in $colorScheme, $viewport.width pixels wide", async (look) => {
    await at.stage.plane.owner.send("POST", "/v1/groups", { name: "empty", members: [] });
    const found: Found[] = [];
    const page = await at.stage.signIn(await at.stage.ownerLink(), look);
    await openSettings(page);
    await page.getByText("same_user").waitFor();
    found.push(...(await faultsOf(page)));
    for (const name of ["Invite a person", "Edit empty", "Make a key", "Revoke agent"]) {
      await page.getByRole("button", { name }).click();
      await page.getByRole("dialog").waitFor();
      found.push(...(await faultsOf(page)));
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    }
    expect(found).toEqual([]);
  });
});

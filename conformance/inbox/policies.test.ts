// The policies in the inbox: written, checked, tried, saved, put in force, rolled back; two editors; people who only look; everybody.
import type { Page } from "playwright-core";
import { beforeEach, describe, expect, it } from "vitest";
import { faultsOf, LOOKS } from "./find-faults.ts";
import type { Found } from "./find-faults.ts";
import { useInbox } from "./inbox-stage.ts";

const at = useInbox();
const HOSTILE = `"><script>window.ran = 1</script><img src=x onerror="window.ran = 1">\u202E`;

/** Rows as an agent's process ships them: three reads that ran, a write that somebody denied, a call without its arguments. */
async function ship(): Promise<void> {
  const D = "ab".repeat(32);
  const decision = (n: number, tool: string, args: object | undefined, more: object = {}): object => ({
    type: "decision", callId: callId(n), at: Date.now() - (10 - n) * 60_000, policyId: `mcp:filesystem:${tool}`, server: "filesystem", tool, principal: "", agent: `file-manager ${HOSTILE}`, user: "u", session: "s",
    digest: D, definition: null, action: "allow", reason: "", policies: [], decisive: [], findings: [], ...(args === undefined ? {} : { argumentsText: JSON.stringify(args) }), ...more,
  });
  const entries = [
    decision(1, "read_file", { path: "/etc/passwd" }),
    decision(2, "read_file", { path: "/srv/a" }),
    decision(3, "read_file", { path: "/srv/b", note: HOSTILE }),
    decision(4, "write_file", { path: "/srv/c" }, { action: "block", decisive: ["file-writes"], policies: ["file-writes"], reason: HOSTILE }),
    { type: "approval", callId: callId(4), at: Date.now(), requestId: "request-of-the-write", requestDigest: D, digest: D, status: "denied", approver: "ann@example.com", elapsedMs: 1000 },
    decision(5, "read_file", undefined),
  ];
  const said = await fetch(`${at.stage.plane.url}/v1/record`, { method: "POST", headers: { authorization: `Bearer ${at.key}`, "content-type": "application/json" }, body: JSON.stringify({ process: "p", batch: 1, entries }) });
  expect(said.status).toBe(200);
}
const callId = (n: number): string => `0198c2de-1c4f-7a31-9b0e-00000000000${n}`;

async function open(page: Page, path = "/policies"): Promise<void> {
  await page.goto(`${at.stage.url}${path}`);
  await page.locator("main h1, main h2").first().waitFor();
}

async function beginDraft(page: Page): Promise<void> {
  const begin = page.getByRole("button", { name: "New draft" });
  await expect.poll(() => begin.getAttribute("aria-disabled")).toBe("false");
  await begin.click();
}

/** The draft from the version in force, with the cursor at its end. */
async function openDraft(page: Page): Promise<void> {
  await open(page);
  await beginDraft(page);
  await page.locator("[data-ready=true]").waitFor();
  await page.getByRole("textbox", { name: "Policy document" }).click();
  await page.keyboard.press("Control+End");
}

/** As it is typed; suggestions are not taken. */
async function type(page: Page, text: string): Promise<void> {
  for (const [index, line] of text.split("\n").entries()) {
    if (index > 0) {
      await page.keyboard.press("Escape");
      await page.keyboard.press("Enter");
    }
    await page.keyboard.insertText(line);
  }
  await page.keyboard.press("Escape");
}

/** What the check of the draft says; where it says something else, the failure tells what. */
async function standsAs(page: Page, words: string): Promise<void> {
  const said = expect.poll(async () => page.locator(".problems").innerText(), { timeout: 20_000 }).toBe(words);
  await said.catch(async (cause: unknown) => {
    throw new Error(`the draft does not stand as it should:\n${await page.getByRole("textbox", { name: "Policy document" }).innerText()}`, { cause });
  });
}

const inForce = async (): Promise<number | undefined> => {
  const { versions } = await at.stage.plane.owner.send<{ versions: readonly { version: number; active: boolean }[] }>("GET", "/v1/policies");
  return versions.find(({ active }) => active)?.version;
};
const save = async (text: string): Promise<number> => (await at.stage.plane.owner.send<{ version: number }>("POST", "/v1/policies", { text, comment: "by the other one" })).version;
const activate = async (version: number, expectVersion: number): Promise<unknown> => at.stage.plane.owner.send("POST", `/v1/policies/${version}/activate`, { expect: expectVersion, comment: "" });

describe("a policy editor in the inbox", () => {
  it("writes with suggestions, sees a mark where it is wrong, mends it, saves it, sees what changes, puts it in force, and rolls back", async () => {
    const page = await at.stage.signIn(await at.stage.invite("Ella", ["policy_editor"]));
    await openDraft(page);
    await type(page, "  - name: reads\nmatch: mcp:filesystem:read_file\n");
    await page.keyboard.type("act", { delay: 40 });
    const suggested = page.getByRole("option", { name: /action/ });
    await suggested.waitFor();
    await page.waitForTimeout(150); // what has only just opened is not taken by a key that was meant for the text
    await page.keyboard.press("Enter");
    await page.getByRole("option", { name: "throttle" }).waitFor(); // the values that the schema has
    await page.keyboard.press("Escape");
    await page.keyboard.insertText("blok");
    await page.getByText("1 problem: it cannot be saved like this.").waitFor();
    await page.locator(".cm-lintRange-error").waitFor();
    expect(await page.getByRole("button", { name: /Save as a new version/ }).getAttribute("aria-disabled")).toBe("true");
    await page.getByRole("button", { name: /Did you mean block/ }).click(); // leads to the place
    await page.keyboard.press("End");
    for (let n = 0; n < 4; n += 1) await page.keyboard.press("Backspace");
    await type(page, "block");
    await standsAs(page, "7 policies, no problems.");
    expect(await page.locator(".cm-lintRange-error").count()).toBe(0);
    await page.keyboard.press("Control+s");
    await page.getByRole("dialog", { name: "Save as a new version" }).waitFor();
    await page.getByLabel(/Comment/).fill("Reads wait too");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("heading", { name: /Version 3/ }).waitFor();
    expect(await inForce()).toBe(2); // saved is not in force
    await page.getByRole("button", { name: "Put in force…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("It takes the place of version 2: 3 lines added, none removed.").waitFor();
    await dialog.getByText("- name: reads").waitFor();
    await dialog.getByRole("button", { name: "Put version 3 in force" }).click();
    await page.getByText("Version 3 is in force").waitFor();
    expect(await inForce()).toBe(3);
    await page.getByRole("link", { name: "Policies" }).first().click();
    await page.getByText("Reads wait too").waitFor();
    await page.getByRole("link", { name: /Version 2/ }).click();
    await page.getByRole("button", { name: "Roll back to it…" }).click();
    await dialog.getByText("This rolls back to an older version.").waitFor();
    await dialog.getByRole("button", { name: "Roll back to version 2" }).click();
    await page.getByText("Version 2 is in force").waitFor();
    expect(await inForce()).toBe(2);
  });

  it("two editors: who saves second is told, and who puts in force second looks again at what changes before anything is done", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    await openDraft(page);
    await type(page, "  - { name: mine, match: 'mcp:a:*', action: warn }");
    const others = await save("version: 1\ndefault: allow\npolicies:\n  - { name: theirs, match: 'mcp:b:*', action: warn }\n");
    await activate(others, 2);
    await page.getByText("Version 3 came into force since").waitFor();
    await standsAs(page, "7 policies, no problems.");
    await page.getByRole("button", { name: /Save as a new version/ }).click();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("button", { name: "Put in force…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("It takes the place of version 3").waitFor();
    // The other one is faster once more; nothing tells this page of it before it acts.
    await page.route("**/v1/policies", (route) => (route.request().method() === "GET" ? route.abort() : route.continue()));
    await activate(2, 3);
    await page.unroute("**/v1/policies");
    const button = dialog.getByRole("button", { name: "Put version 4 in force" });
    if (await dialog.getByText("It takes the place of version 3").isVisible()) {
      await button.click();
      await dialog.getByText("Another version was put in force meanwhile").waitFor();
      expect(await inForce()).toBe(2); // nothing was done
    }
    await dialog.getByText("It takes the place of version 2").waitFor();
    await button.click();
    await page.getByText("Version 4 is in force").waitFor();
    expect(await inForce()).toBe(4);
    at.stage.complaints.length = 0; // the browser's own words about what was aborted and refused
  });

  it("what one editor saves stands in the other's list at once, and in the draft of whoever writes one", async () => {
    const ann = await at.stage.signIn(await at.stage.invite("Ann", ["policy_editor"]));
    const bob = await at.stage.signIn(await at.stage.invite("Bob", ["approver"]));
    await openDraft(ann);
    await open(bob);
    const version = await save("version: 1\ndefault: block\npolicies: []\n");
    await bob.getByRole("link", { name: new RegExp(`Version ${version}`) }).waitFor();
    await ann.getByText(`Version ${version} was saved since`).waitFor();
  });

  it("a draft is not begun before it is known from what: never from the example where a version is in force", async () => {
    const page = await at.stage.signIn(await at.stage.invite("Ella", ["policy_editor"]));
    const held = Promise.withResolvers<void>();
    await page.route("**/v1/policies", (route) => held.promise.then(() => route.continue()));
    await open(page);
    const begin = page.getByRole("button", { name: "New draft" });
    await begin.waitFor();
    expect(await begin.getAttribute("aria-disabled")).toBe("true");
    await begin.click({ force: true });
    expect(new URL(page.url()).pathname).toBe("/policies");
    held.resolve();
    await beginDraft(page);
    await standsAs(page, "6 policies, no problems.");
  });

  it("a draft outlives a look elsewhere, and is thrown away only when that is said", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    await openDraft(page);
    await type(page, "  # not done yet");
    await page.getByRole("link", { name: "History" }).click();
    await page.getByRole("heading", { name: "History" }).waitFor();
    await page.keyboard.press("p");
    await page.getByText("You have a draft that began from version 2").waitFor();
    await page.getByRole("link", { name: /Version 1/ }).click();
    await page.getByRole("button", { name: "Edit from here" }).click();
    await page.getByRole("dialog", { name: "There is a draft already" }).getByRole("button", { name: "Go on with the draft" }).click();
    await page.getByText("# not done yet").waitFor();
    await page.getByRole("button", { name: "Discard" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Discard" }).click();
    await page.getByRole("heading", { name: "Policies", exact: true }).waitFor();
    expect(await page.getByText("You have a draft").count()).toBe(0);
  });

  it("keys that are typed into the editor are text, and do nothing else", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    await openDraft(page);
    await page.keyboard.type("# what? happens");
    await page.getByText("# what? happens").waitFor();
    expect(new URL(page.url()).pathname).toBe("/policies/draft");
    expect(await page.getByRole("dialog").count()).toBe(0);
    await page.keyboard.insertText("allow\u202Ekcolb\u200B");
    await page.getByText("\\u{202E}kcolb").waitFor(); // what nobody sees is seen
    expect(await page.locator(".cm-specialChar").allInnerTexts()).toEqual(["\\u{202E}", "\\u{200B}"]);
  });

  it("the call of a request is one click from its story, and stays the one that is looked at", async () => {
    const asked = await at.stage.ask(at.key, { path: "/srv/x" });
    const page = await at.stage.signIn(await at.stage.ownerLink());
    await page.goto(`${at.stage.url}/requests/${asked.id}`);
    await page.getByRole("link", { name: "Try a policy on it" }).click();
    await page.getByRole("button", { name: "Begin from version 2" }).click();
    const panel = page.getByRole("region", { name: "Try the draft" });
    await panel.getByText("It runs only after a yes.").waitFor();
    await panel.getByText("File writes require approval").waitFor();
    await page.goBack();
    await page.goForward();
    await panel.getByText("File writes require approval").waitFor();
  });
});

describe("a draft on recorded calls", () => {
  beforeEach(async ({ skip }) => {
    skip(at.chrome.missing !== undefined, at.chrome.missing ?? "");
    await ship();
  });

  it("explains one call live: which policy decides, what its condition said of which argument, and what is in force", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    await openDraft(page);
    await page.getByLabel("Find a recorded call").fill(callId(1));
    await page.getByRole("button", { name: "Take the call with this id" }).click();
    const panel = page.getByRole("region", { name: "Try the draft" });
    await panel.getByText("None takes part; the default decides.").waitFor();
    await page.getByRole("textbox", { name: "Policy document" }).click();
    await page.keyboard.press("Control+End");
    await type(page, "  - name: system\nmatch: mcp:filesystem:read_file\nwhen: 'within(args.path, \"/etc\")'\naction: block\nreason: System files wait");
    await panel.getByText("It runs only after a yes.").waitFor();
    await panel.getByText("System files wait").waitFor();
    const system = panel.getByRole("listitem").filter({ hasText: "decides" });
    expect(await system.innerText()).toMatch(/system.*block.*decides[\s\S]*within\(args\.path, "\/etc"\).*true[\s\S]*args\.path[\s\S]*"\/etc\/passwd"/);
    await page.keyboard.press("Control+Home");
    await system.getByRole("button", { name: /^line \d+ of the text/ }).click(); // leads to the policy in the editor
    expect(await page.locator(".cm-activeLine").innerText()).toContain("name: system");
    await panel.getByRole("button", { name: "Another call" }).click();
    await panel.getByRole("button", { name: /read_file/ }).nth(1).click();
    await panel.getByText("its condition is not true for this call").waitFor();
  });

  it("replays the last days as a picture, with the calls behind each move and those that cannot be judged", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    await openDraft(page);
    const editor = page.getByRole("textbox", { name: "Policy document" });
    await editor.click();
    await page.keyboard.press("Control+a");
    await page.keyboard.press("Delete");
    await page.keyboard.insertText("version: 1\ndefault: allow\npolicies:\n  - name: system\n    match: mcp:filesystem:read_file\n    when: 'within(args.path, \"/etc\")'\n    action: block\n");
    await standsAs(page, "1 policy, no problems.");
    await page.getByRole("tab", { name: "On the last days" }).click();
    await page.getByRole("button", { name: "Replay" }).click();
    await page.getByText("1 call could not be judged").waitFor();
    const rows = await page.getByRole("row").allInnerTexts();
    expect(rows.map((row) => row.replaceAll(/\s+/g, " ").trim()).slice(1)).toEqual(["allow 3 3 same", "block 1 1 same"]);
    const moves = page.locator("details.move");
    expect(await moves.count()).toBe(2);
    // What would run that did not comes first, and says that people had denied it.
    expect((await moves.first().innerText()).replaceAll(/\s+/g, " ")).toMatch(/block → .*allow 1 call people had denied 1/);
    await moves.first().locator("summary").click();
    expect(await moves.first().getByRole("link", { name: "its request" }).getAttribute("href")).toBe("/requests/request-of-the-write");
    await moves.nth(1).locator("summary").click();
    await moves.nth(1).getByRole("button", { name: "Explain" }).click();
    await page.getByText("It runs only after a yes.").waitFor();
    expect(await page.evaluate("window.ran")).toBeUndefined();
    expect(await page.locator("main script, main iframe, main [onerror]").count()).toBe(0);
  });

  it("somebody who may not read arguments of recorded calls learns nothing of them, and is told why", async () => {
    const page = await at.stage.signIn(await at.stage.invite("Ella", ["policy_editor"]));
    await openDraft(page);
    await type(page, "  - { name: system, match: 'mcp:filesystem:read_file', when: 'within(args.path, \"/etc\")', action: block }");
    await standsAs(page, "7 policies, no problems.");
    await page.getByRole("button", { name: /read_file/ }).last().click();
    await page.getByText(/your roles do not let you read those of recorded calls/).waitFor();
    expect(await page.getByText("passwd").count()).toBe(0);
    await page.getByRole("tab", { name: "On the last days" }).click();
    await page.getByRole("button", { name: "Replay" }).click();
    await page.getByText("4 calls could not be judged").waitFor();
  });

  it.each(LOOKS)("axe finds nothing on any of its screens, in $colorScheme, $viewport.width px wide", async (looks) => {
    await save(`version: 1\ndefault: allow\npolicies:\n  - { name: reads, match: "mcp:filesystem:read_file", action: block }\n`);
    const found: Found[] = [];
    const look = async (page: Page, what: string): Promise<void> => {
      for (const one of await faultsOf(page)) found.push({ ...one, id: `${what}: ${one.id}` });
    };
    const page = await at.stage.signIn(await at.stage.ownerLink(), looks);
    await open(page);
    await page.getByText("by the other one").waitFor();
    await look(page, "list");
    await page.getByRole("link", { name: /Version 3/ }).click();
    await page.locator("[data-ready=true]").waitFor();
    await page.getByRole("button", { name: /write_file/ }).waitFor();
    await look(page, "version");
    await page.getByRole("tab", { name: /Against version 2/ }).click();
    await page.getByRole("group", { name: /What differs/ }).waitFor();
    await look(page, "changes");
    await page.getByRole("button", { name: "Put in force…" }).click();
    await page.getByText("It takes the place").waitFor();
    await look(page, "dialog");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Edit from here" }).click();
    await page.locator("[data-ready=true]").waitFor();
    await page.getByRole("textbox", { name: "Policy document" }).click();
    await page.keyboard.press("Control+End");
    await type(page, "    colour: red");
    await page.getByText(/cannot be saved/).waitFor();
    await look(page, "draft with a problem");
    await page.keyboard.press("Control+z");
    await standsAs(page, "1 policy, no problems.");
    await page.getByRole("button", { name: /read_file/ }).first().click();
    await page.getByText("It runs only after a yes.").waitFor();
    await look(page, "explanation");
    await page.getByRole("tab", { name: "On the last days" }).click();
    await page.getByRole("button", { name: "Replay" }).click();
    await page.locator("details.move").first().locator("summary").click();
    await look(page, "replay");
    expect(found).toEqual([]);
  });
});

describe("people who are no policy editors", () => {
  it("an auditor looks, explains and replays, and changes nothing; an approver looks; others are told why not", async () => {
    const auditor = await at.stage.signIn(await at.stage.invite("Aude", ["auditor"]));
    await open(auditor, "/policies/2");
    await auditor.locator("[data-ready=true]").waitFor();
    await auditor.getByRole("region", { name: "Try version 2" }).waitFor();
    expect(await auditor.getByRole("button", { name: /Edit|Put in force|Roll back/ }).count()).toBe(0);
    await auditor.getByRole("textbox", { name: "Text of version 2" }).click();
    await auditor.keyboard.type("overwritten");
    expect(await auditor.getByText("overwritten").count()).toBe(0);
    await open(auditor, "/policies/draft"); // an address is no right
    await auditor.getByText("Read only: your roles do not include policy editor.").waitFor();
    const approver = await at.stage.signIn(await at.stage.invite("Ann", ["approver"]));
    await open(approver, "/policies/1");
    await approver.locator("[data-ready=true]").waitFor();
    expect(await approver.getByRole("region", { name: /^Try/ }).count()).toBe(0);
    expect(await approver.getByRole("button", { name: /Edit|Put in force|Roll back/ }).count()).toBe(0);
  });
});

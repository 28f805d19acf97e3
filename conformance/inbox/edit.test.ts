// Approve with other arguments, in a real browser: written, seen whole, sent; the story shows both requests.
import { describe, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { openRequest, stateOf, useInbox } from "./inbox-stage.ts";
import type { Asked } from "../control-plane/staff.ts";

const SCHEMA = { type: "object", properties: { path: { type: "string" }, content: { type: "string" }, copies: { type: "integer", minimum: 1 }, draft: { type: "boolean" } }, required: ["path", "content"], additionalProperties: false };
const NOTE = { path: "/notes/all.md", content: "Dear all,\nthe server moves on Friday.\nBest regards", copies: 2 };

const at = useInbox();

const ask = (server = "notes", args: Parameters<typeof at.stage.ask>[1] = NOTE): Promise<Asked> => at.stage.ask(at.key, args, { server, tool: "publish", schema: SCHEMA });

interface Detail {
  readonly id: string;
  readonly state: string;
  readonly argumentsText: string;
  readonly supersededBy: string | null;
  readonly edit: { readonly of: string; readonly changed: readonly string[] } | null;
  readonly votes: readonly { readonly assurance: string; readonly reason: string }[];
}
const read = (id: string): Promise<Detail> => at.stage.plane.owner.send<Detail>("GET", `/v1/approvals/${id}`);

async function openEditor(page: Page, id: string): Promise<void> {
  await openRequest(page, at.stage, id);
  await page.getByRole("button", { name: "Edit…" }).click();
  await page.getByRole("dialog", { name: "Approve with other arguments" }).waitFor();
}

describe("approve with edits in the inbox", () => {
  it("what was written is seen whole and against what was asked for, then runs instead; both requests tell of each other, and the record holds the diff", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    const asked = await ask();
    await openEditor(page, asked.id);
    const review = page.getByRole("button", { name: "Review" });
    expect(await review.getAttribute("aria-disabled")).toBe("true");
    await page.getByRole("dialog").getByLabel("content").fill("Dear all,\nthe server moves on Monday.\nBest regards");
    await page.getByRole("button", { name: "Leave out copies" }).click();
    await review.click();
    const dialog = page.getByRole("dialog", { name: "What will run instead" });
    await dialog.getByText("2 arguments changed").waitFor();
    expect(await dialog.locator(".diff-old").allInnerTexts()).toEqual([expect.stringContaining("moves on Friday") as string, expect.stringContaining("2") as string]);
    expect(await dialog.locator(".diff-new").allInnerTexts()).toEqual([expect.stringContaining("moves on Monday") as string]);
    await dialog.getByRole("button", { name: "Approve this instead" }).click();
    await page.getByRole("region", { name: "What an approver changed" }).waitFor();
    await page.getByText("The agent may run exactly this call, once.").waitFor();
    const old = await read(asked.id);
    const successor = await read(old.supersededBy ?? "");
    expect([old.state, successor.state, successor.edit]).toEqual(["superseded", "approved", { of: asked.id, personId: at.stage.plane.owner.personId, changed: ["/content", "/copies"] }]);
    expect(JSON.parse(successor.argumentsText)).toEqual({ path: NOTE.path, content: "Dear all,\nthe server moves on Monday.\nBest regards" });
    expect(new URL(page.url()).pathname).toBe(`/requests/${successor.id}`);
    // And back: the call as it was, with the way to what became of it, and the record's own words.
    await page.getByRole("link", { name: "another call" }).click();
    await page.getByText("Arguments changed by Owner").waitFor();
    await page.getByText("content, copies").waitFor();
    await page.getByRole("link", { name: "The changed call" }).click();
    await page.getByText("The agent may run exactly this call, once.").waitFor();
  });

  it("what the tool does not take is said at its field, and what the policy forbids is said with its reason; the call still waits", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    const asked = await ask();
    await openEditor(page, asked.id);
    await page.getByRole("dialog").getByLabel("copies").fill("none");
    await page.getByRole("button", { name: "Review" }).click();
    await page.getByText("is not JSON: a text stands in double quotes").waitFor();
    await page.getByRole("dialog").getByLabel("copies").fill("0");
    await page.getByText("must be at least 1").waitFor();
    expect(await page.getByRole("dialog").getByLabel("copies").getAttribute("aria-invalid")).toBe("true");
    await page.getByRole("dialog").getByLabel("copies").fill("1");
    await page.getByRole("dialog").getByLabel("path").fill("/forbidden");
    await page.getByRole("button", { name: "Review" }).click();
    await page.getByRole("button", { name: "Approve this instead" }).click();
    await page.getByText("Nobody writes there").waitFor();
    expect(await stateOf(at.stage, asked.id)).toBe("pending");
    at.stage.complaints.length = 0; // the browser's own words about the refusal
  });

  it("a long text has to be seen to its end before it is approved, and the page cannot claim another one", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    const asked = await ask();
    await openEditor(page, asked.id);
    await page.getByRole("dialog").getByLabel("content").fill(`${Array.from({ length: 300 }, (_, index) => `line ${index}`).join("\n")}\nrm -rf /`);
    await page.getByRole("button", { name: "Review" }).click();
    const approve = page.getByRole("button", { name: "Approve this instead" });
    expect(await approve.getAttribute("aria-disabled")).toBe("true");
    await page.getByText("Show “content” to its end first.").waitFor();
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await expect.poll(() => approve.getAttribute("aria-disabled")).toBe("false");
    await page.getByRole("dialog").getByText("rm -rf /").last().waitFor();
    // Somebody who changes the request on its way out of the page: the digest is of what was shown.
    await page.route("**/edit", (route) => route.continue({ postData: (route.request().postData() ?? "").replace("rm -rf /", "rm -rf .") }));
    await approve.click();
    await page.getByText("Not approved").waitFor();
    expect(await stateOf(at.stage, asked.id)).toBe("pending");
    at.stage.complaints.length = 0;
  });

  it("two people: the second sees what the first changed, and is asked about that", async () => {
    const ann = await at.stage.signIn(await at.stage.invite("Ann", ["approver"]));
    const bob = await at.stage.signIn(await at.stage.invite("Bob", ["approver"]));
    const asked = await ask("shared");
    await openRequest(bob, at.stage, asked.id);
    await openEditor(ann, asked.id);
    await ann.getByRole("dialog").getByLabel("path").fill("/notes/team.md");
    await ann.getByRole("button", { name: "Review" }).click();
    await ann.getByRole("button", { name: "Approve this instead" }).click();
    await ann.getByText("You approved").waitFor();
    // Bob looked at the call as it was: his page tells it, and leads on.
    await bob.getByText("It did not run under this one").waitFor();
    await bob.getByRole("link", { name: "The changed call" }).click();
    await bob.getByRole("region", { name: "What an approver changed" }).getByText("Ann changed path").waitFor();
    await bob.getByRole("button", { name: "Approve", exact: true }).click();
    await bob.getByText("The agent may run exactly this call, once.").waitFor();
  });

  it("a passkey signs the very call that was changed, with the reason that was typed before it came to that", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("WebAuthn.enable");
    await devtools.send("WebAuthn.addVirtualAuthenticator", { options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
    await page.goto(`${at.stage.url}/account`);
    await page.getByRole("button", { name: "Add a passkey" }).click();
    await page.getByText("The passkey was added.").waitFor();
    const asked = await at.stage.ask(at.key, { amount: 1250, to: "DE89" }, { server: "payments", tool: "transfer", schema: { type: "object", properties: { amount: { type: "number", maximum: 5000 }, to: { type: "string" } } } });
    await openRequest(page, at.stage, asked.id);
    await page.getByLabel("Reason (asked for)").fill("a digit too many"); // before it comes to other arguments
    await page.getByRole("button", { name: "Edit…" }).click();
    await page.getByRole("dialog").getByLabel("amount").fill("125");
    await page.getByRole("button", { name: "Review" }).click();
    expect(await page.getByRole("dialog").getByLabel("Reason (asked for)").inputValue()).toBe("a digit too many");
    await page.getByRole("button", { name: "Approve this with passkey" }).click();
    await page.getByText("The agent may run exactly this call, once.").waitFor();
    const successor = await read((await read(asked.id)).supersededBy ?? "");
    expect([successor.argumentsText, successor.votes]).toEqual(['{"amount":125,"to":"DE89"}', [expect.objectContaining({ assurance: "passkey", reason: "a digit too many" })]]);
  });

  it("is not offered where the policy does not allow it, or nobody knows what the tool takes", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    for (const asked of [await at.stage.ask(at.key, { path: "/a" }), await at.stage.ask(at.key, { path: "/a" }, { server: "notes", tool: "publish" })]) {
      await openRequest(page, at.stage, asked.id);
      await page.getByRole("button", { name: "Approve" }).waitFor();
      expect(await page.getByRole("button", { name: "Edit…" }).count()).toBe(0);
    }
  });

  it("by the keyboard alone, on a small screen", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink(), { viewport: { width: 390, height: 844 } });
    const asked = await ask();
    await openRequest(page, at.stage, asked.id);
    await page.getByRole("button", { name: "Edit…" }).waitFor();
    await page.keyboard.press("e");
    await page.getByRole("dialog").waitFor();
    await page.getByRole("dialog").getByLabel("content").focus();
    await page.keyboard.press("Control+A");
    await page.keyboard.type("Hello");
    await page.keyboard.press("Control+Enter");
    await page.getByText("1 argument changed").waitFor();
    const approve = page.getByRole("button", { name: "Approve this instead" });
    await approve.focus();
    await expect.poll(() => approve.getAttribute("aria-disabled")).toBe("false");
    await page.keyboard.press("Enter");
    await page.getByText("The agent may run exactly this call, once.").waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(390);
  });
});

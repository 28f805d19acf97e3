// Everybody can use it: keyboard alone, a phone's screen, a screen reader (axe, WCAG 2.2 AA), light and dark, nothing wider than the screen.
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { axe, faultsOf, isWithinScreen } from "./find-faults.ts";
import type { Found } from "./find-faults.ts";
import { openRequest, stateOf, useInbox } from "./inbox-stage.ts";

const DEFINITION = { name: "write_file", title: "Write a file", description: "Create a file.\nOr overwrite it.", inputSchema: { type: "object" } };
const LONG = Array.from({ length: 120 }, (_, index) => `line ${index}`).join("\n");

const at = useInbox();

/** Gathers what axe finds; a page that is wider than the screen fails at once. */
function lookout(): { readonly found: readonly Found[]; readonly look: (page: Page) => Promise<void> } {
  const found: Found[] = [];
  return {
    found,
    async look(page) {
      found.push(...(await faultsOf(page)));
    },
  };
}

describe("the inbox for everybody", () => {
  it("what looks for faults finds one that is there", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    await page.evaluate("document.querySelector('h1').style.color = '#ddd'; document.querySelector('nav a').removeAttribute('href'); document.querySelector('nav img').removeAttribute('alt')");
    expect((await axe(page)).map(({ id }) => id)).toEqual(expect.arrayContaining(["color-contrast", "image-alt"]));
  });

  it.each(["light", "dark"] as const)("axe finds nothing on any screen, on a desktop and a phone, in %s", async (colorScheme) => {
    const past = await at.stage.ask(at.key, { path: "/tmp/past" });
    await at.stage.plane.owner.send("POST", `/v1/approvals/${past.id}/vote`, { choice: "deny", requestDigest: past.requestDigest, viewedDigest: null, reason: "no", grant: null });
    const asked = await at.stage.ask(at.key, { path: "/tmp/\u202Ea", content: LONG, url: "https://example.com/a?b=c", command: "rm -rf /", deep: { list: [1, true, null, {}] } }, { narration: { description: "I need it.", definition: DEFINITION }, context: { origin: "test" } });
    await at.stage.ask(at.key, { sql: "delete from a" }, { server: "postgres", tool: "execute" });
    const { found, look } = lookout();
    for (const viewport of [{ width: 1280, height: 800 }, { width: 320, height: 640 }]) {
      const page = await at.stage.signIn(await at.stage.ownerLink(), { colorScheme, viewport });
      await page.getByRole("link", { name: /execute/ }).waitFor();
      await page.getByRole("checkbox", { name: /Select/ }).first().check();
      await look(page);
      await openRequest(page, at.stage, asked.id);
      await page.getByText("Other calls of this tool").waitFor();
      await look(page);
      await page.getByRole("button", { name: "Deny…" }).click();
      await page.getByRole("dialog").waitFor();
      await look(page);
      await openRequest(page, at.stage, past.id);
      await page.getByText("It did not run.").waitFor();
      await look(page);
      await page.goto(`${at.stage.url}/history`);
      await page.getByRole("link", { name: /Denied/ }).waitFor();
      await look(page);
      await page.goto(`${at.stage.url}/account`);
      await page.getByText("This one").waitFor();
      await look(page);
      await page.goto(`${at.stage.url}/sign-in`);
      await page.getByLabel("Password").waitFor();
      await look(page);
    }
    expect(found).toEqual([]);
  });

  it.each(["light", "dark"] as const)("axe finds nothing where arguments are changed and where several calls are approved, in %s", async (colorScheme) => {
    const schema = { type: "object", properties: { path: { type: "string" }, content: { type: "string" }, copies: { type: "integer", minimum: 1 } }, required: ["path"] };
    const { found, look } = lookout();
    for (const viewport of [{ width: 1280, height: 800 }, { width: 320, height: 640 }]) {
      const page = await at.stage.signIn(await at.stage.ownerLink(), { colorScheme, viewport });
      const asked = await at.stage.ask(at.key, { path: `/notes/${viewport.width}`, content: LONG }, { server: "notes", tool: "publish", schema });
      await at.stage.ask(at.key, { path: `/tmp/${viewport.width}` });
      await page.goto(`${at.stage.url}/`);
      await page.getByRole("link", { name: /publish/ }).waitFor();
      for (const box of await page.getByRole("checkbox", { name: /Select/ }).all()) await box.check();
      await page.getByRole("button", { name: "Approve…" }).click();
      await page.getByRole("dialog").getByText("line 0", { exact: true }).waitFor();
      await look(page);
      await openRequest(page, at.stage, asked.id);
      await page.getByRole("button", { name: "Edit…" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("button", { name: /copies/ }).click();
      await dialog.getByLabel("copies").fill("0");
      await dialog.getByRole("button", { name: "Review" }).click();
      await dialog.getByText("must be at least 1").waitFor();
      await look(page);
      await dialog.getByLabel("copies").fill("2");
      await dialog.getByRole("button", { name: "Review" }).click();
      await dialog.getByText("1 argument changed").waitFor();
      await look(page);
      for (const show of await dialog.getByRole("button", { name: "Show", exact: true }).all()) await show.click();
      await dialog.getByRole("button", { name: "Approve this instead" }).click();
      await page.getByRole("region", { name: "What an approver changed" }).waitFor();
      await look(page);
    }
    expect(found).toEqual([]);
  });

  it("keyboard only: down the list, open, read to the end, deny with a reason, back, approve the next", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    const first = await at.stage.ask(at.key, { path: "/tmp/a" });
    await page.getByRole("link", { name: /write_file/ }).waitFor();
    const second = await at.stage.ask(at.key, { path: "/tmp/b", content: LONG });
    await page.getByText("2 calls waiting").waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByText('"/tmp/a"').waitFor();
    await page.keyboard.press("d");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("not now: a and d are letters here");
    await page.keyboard.press("Control+Enter");
    await page.getByText("It did not run.").waitFor();
    expect(await stateOf(at.stage, first.id)).toBe("denied");
    await page.keyboard.press("u");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByText('"/tmp/b"').waitFor();
    await page.keyboard.press("a");
    expect(await stateOf(at.stage, second.id)).toBe("pending"); // it was not read to its end
    for (let tabs = 0; tabs < 40 && (await page.evaluate("document.activeElement.textContent")) !== "Show the rest"; tabs += 1) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.keyboard.press("s");
    await page.getByText(/ first\.$/).waitFor({ state: "detached" });
    await page.keyboard.press("a");
    await page.getByText("The agent may run exactly this call, once.").waitFor();
    expect(await stateOf(at.stage, second.id)).toBe("approved");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });

  it("a phone: the list, one call, and a yes with a thumb; nothing is wider than the screen", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink(), { viewport: { width: 320, height: 568 }, hasTouch: true, isMobile: true });
    const asked = await at.stage.ask(at.key, { path: `/srv/${"deep/".repeat(30)}file`, content: LONG.slice(0, 200), tags: ["a", "b", "c", "d", "e", "f"] });
    await page.getByRole("link", { name: /write_file/ }).tap();
    const approve = page.getByRole("button", { name: "Approve" });
    const left = page.getByText(/ first\.$/);
    await left.waitFor();
    expect(await isWithinScreen(page)).toBe(true);
    expect(await approve.getAttribute("aria-disabled")).toBe("true");
    await page.getByRole("button", { name: "Show", exact: true }).tap();
    await page.getByRole("button", { name: "Show", exact: true }).tap();
    await left.waitFor({ state: "detached" });
    const box = await approve.boundingBox();
    expect(box?.height).toBeGreaterThanOrEqual(44);
    await approve.tap();
    await page.getByText("The agent may run exactly this call, once.").waitFor();
    expect(await stateOf(at.stage, asked.id)).toBe("approved");
  });

  // The bar of buttons is fixed: what sticks out of it makes no page wider.
  it.each([
    ["a passkey and a reason are asked for", "payments", "transfer", /^Approve with passkey/],
    ["the arguments may be changed", "notes", "publish", /^Approve/],
  ])("a phone: every button is on the screen where %s", async (_what, server, tool, name) => {
    const page = await at.stage.signIn(await at.stage.ownerLink(), { viewport: { width: 320, height: 568 }, hasTouch: true, isMobile: true });
    const schema = { type: "object", properties: { path: { type: "string" } } };
    await openRequest(page, at.stage, (await at.stage.ask(at.key, { path: "/a" }, { server, tool, schema })).id);
    await page.getByRole("button", { name }).waitFor();
    for (const button of await page.locator(".decide-bar button").all()) {
      const { x, width } = (await button.boundingBox()) ?? { x: -1, width: 0 };
      expect([await button.innerText(), x >= 0, x + width <= 320]).toEqual([await button.innerText(), true, true]);
    }
  });

  it("the theme can be chosen, and stays chosen", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink(), { colorScheme: "light" });
    const ground = (): Promise<string> => page.evaluate("getComputedStyle(document.body).backgroundColor");
    expect(await ground()).toBe("rgb(246, 246, 244)");
    await page.getByRole("button", { name: /Theme: system/ }).click();
    await page.getByRole("button", { name: /Theme: light/ }).click();
    expect(await ground()).toBe("rgb(19, 20, 22)");
    await page.reload();
    await page.getByRole("button", { name: /Theme: dark/ }).waitFor();
    expect(await ground()).toBe("rgb(19, 20, 22)");
  });
});

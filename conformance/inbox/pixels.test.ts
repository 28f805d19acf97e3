// R2 as pixels: 500 values that try to hide what they hold, each as a request of its own, beside a twin of the same length with another payload.
// Where the two could be approved they do not look the same; until then the page and the control plane say no. In `npm test` a seeded sample.
import { randomInt } from "node:crypto";
import type { JsonObject } from "@countersign/sdk";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Asked } from "../control-plane/staff.ts";
import { HOSTILE_COUNT, HOSTILE_VALUES } from "./hostile-values.ts";
import type { HostileValue } from "./hostile-values.ts";
import { openRequest, useInbox } from "./inbox-stage.ts";

const isWhole = process.env["COUNTERSIGN_CONFORMANCE"] === "1" || process.env["COUNTERSIGN_LONG"] === "1";
const seed = Number(process.env["COUNTERSIGN_SEED"] ?? randomInt(2 ** 31));
const SAMPLE = 30;
const PAYLOADS = ["rm -rf /home", "ls -lt /home"] as const;
/** Higher than this, the end of the view is compared, where the payload is. */
const HIGHEST = 12_000;
/** Longer calls are approved only with the digest of their view. */
const FREE = 4_096;

const at = useInbox();

/** Mulberry32, as the other suites draw. */
function drawer(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function sampleOf(count: number): readonly HostileValue[] {
  const random = drawer(seed);
  return HOSTILE_VALUES.map((value) => ({ value, rank: random() })).toSorted((one, other) => one.rank - other.rank).slice(0, count).map(({ value }) => value);
}

const approve = (page: Page) => page.getByRole("button", { name: "Approve", exact: true });
const isOff = async (page: Page): Promise<boolean> => (await approve(page).getAttribute("aria-disabled")) === "true";

const vote = (asked: Asked, viewedDigest: string | null): Promise<string> =>
  at.stage.plane.owner.send("POST", `/v1/approvals/${asked.id}/vote`, { choice: "approve", requestDigest: asked.requestDigest, viewedDigest, reason: "", grant: null }).then(() => "approved", (error: unknown) => (String(error).includes("not_viewed") ? "not_viewed" : String(error)));

interface Looked {
  readonly pixels: Buffer;
  /** The page would not approve before more was shown. */
  readonly hadToShow: boolean;
}

/** Opens the call, does what the page asks for until it may be approved, and takes the picture of what is shown then. */
async function look(page: Page, args: JsonObject): Promise<Looked> {
  const asked = await at.stage.ask(at.key, args);
  await openRequest(page, at.stage, asked.id);
  await approve(page).waitFor();
  const isLong = JSON.stringify(args).length > FREE + 2;
  if (isLong) expect([await vote(asked, null), await vote(asked, "0".repeat(64))]).toEqual(["not_viewed", "not_viewed"]);
  await page.waitForTimeout(60);
  const hadToShow = await isOff(page);
  for (let steps = 0; steps < 6 && (await isOff(page)); steps += 1) {
    await page.keyboard.press("s");
    await page.waitForTimeout(120);
  }
  await expect.poll(() => isOff(page), { timeout: 8_000 }).toBe(false);
  const pixels = await picture(page);
  await at.stage.plane.owner.send("POST", `/v1/approvals/${asked.id}/vote`, { choice: "deny", requestDigest: asked.requestDigest, viewedDigest: null, reason: "", grant: null });
  return { pixels, hadToShow };
}

async function picture(page: Page): Promise<Buffer> {
  const tree = page.locator("[data-place=arguments] .tree");
  const box = await tree.boundingBox();
  if (box === null) throw new Error("nothing is shown");
  if (box.height <= HIGHEST) return tree.screenshot();
  const rest = page.locator("[data-place=arguments] [data-end=rest]");
  await rest.scrollIntoViewIfNeeded();
  let before: Buffer | undefined;
  for (let tries = 0; ; tries += 1) {
    await page.waitForTimeout(150);
    const end = await rest.boundingBox();
    if (end === null) throw new Error("its end is not shown");
    const top = Math.max(0, end.y - 420);
    const now = await page.screenshot({ clip: { x: box.x, y: top, width: box.width, height: Math.max(1, end.y - top) } });
    if (before?.equals(now) === true || tries === 20) return now; // it has come to rest
    before = now;
  }
}

describe("R2: what would run is there as pixels, or cannot be approved", () => {
  it("there are 500 values, each by a name of its own", () => {
    expect([HOSTILE_VALUES.length, new Set(HOSTILE_VALUES.map(({ name }) => name)).size]).toEqual([HOSTILE_COUNT, HOSTILE_COUNT]);
    for (const { around } of HOSTILE_VALUES) expect(JSON.stringify(around(PAYLOADS[0])).length - JSON.stringify(around(PAYLOADS[1])).length).toBe(0);
  });

  const values = isWhole ? HOSTILE_VALUES : sampleOf(SAMPLE);
  it(`two payloads of one length never look the same inside ${values.length} of ${HOSTILE_COUNT} hostile values (seed ${seed})`, { timeout: isWhole ? 3_600_000 : 180_000 }, async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    const alike: string[] = [];
    let hadToShow = 0;
    for (const { name, around } of values) {
      const [one, other] = [await look(page, around(PAYLOADS[0])), await look(page, around(PAYLOADS[1]))];
      if (one.pixels.equals(other.pixels)) alike.push(name);
      if (one.hadToShow) hadToShow += 1;
    }
    console.info(`R2: ${values.length} of ${HOSTILE_COUNT} hostile values as pixels, ${hadToShow} not approved before more was shown, ${alike.length} alike; seed ${seed}`);
    expect(alike).toEqual([]);
    expect(await page.evaluate("window.ran")).toBeUndefined();
  });

  it("the same value twice does look the same, so that a difference means something", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    for (const name of ["200 blank lines first", "a megabyte in one line, the payload last", "tags alone"]) {
      const value = HOSTILE_VALUES.find((one) => one.name === name);
      if (value === undefined) throw new Error(`there is no ${name}`);
      const [one, other] = [await look(page, value.around(PAYLOADS[0])), await look(page, value.around(PAYLOADS[0]))];
      expect([name, one.pixels.equals(other.pixels)]).toEqual([name, true]);
    }
  });
});

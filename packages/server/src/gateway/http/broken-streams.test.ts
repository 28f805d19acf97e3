/** R11 and R25 over HTTP, both eras: streams that break around an approval, and the same call sent again. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PolicyDocument } from "@countersign/sdk";
import { fairAsk, type FairAsk } from "../fixture/fair-ask.ts";
import { askStateless, beginSession, PATIENT, textOf, type Answer, type Exchange, type SessionPeer } from "./fixture/http-peer.ts";
import { startHttpStage, type HttpStage } from "./fixture/http-stage.ts";

const HELD: PolicyDocument = { version: 1, default: "allow", policies: [{ name: "held", match: ["mcp:files:write", "mcp:files:slow"], action: "block", reason: "Is looked at" }] };
const OFFSETS = 20;
const STEP_MS = 5;
/** Of the steps. */
const APPROVED_AT = 10;

let at: HttpStage;
let ask: FairAsk;
let session: SessionPeer;
let count = 0;
async function begin(holdMs: number): Promise<void> {
  ask = fairAsk();
  at = await startHttpStage({ policies: HELD, ask, holdMs, rounds: 0, openAfterMs: { session: 250, exchange: 30 } });
  session = await beginSession(at.url);
}
beforeEach(() => begin(400));
afterEach(() => at.close());

const noted = (what: string): number => at.witness().filter((line) => line.startsWith(what)).length;
const textIn = ({ isStream, events, json }: Answer): string => textOf(isStream ? events.findLast(({ message }) => message?.["result"] !== undefined)?.message : json);

const ERAS = {
  session: (name: string, text: string): Exchange => session.call((count += 1), name, { text }),
  stateless: (name: string, text: string): Exchange => askStateless(at.url, (count += 1), "tools/call", { name, arguments: { text } }),
} as const;

describe.each(["session", "stateless"] as const)("%s", (era) => {
  const call = ERAS[era];

  it("R11, R25: a stream cut at any time around the approval leaves nobody waiting, and nothing runs twice or for nobody", async () => {
    let [back, cancelled] = [0, 0];
    for (let offset = 0; offset < OFFSETS; offset += 1) {
      const text = `${era} ${offset}.`;
      const before = ask.states.length;
      const first = call("write", text);
      for (let step = 0; step < OFFSETS; step += 1) {
        if (step === offset) first.cut();
        if (step === APPROVED_AT) ask.approve();
        await sleep(STEP_MS);
      }
      const seen = await first.ended;
      const state = ask.states[before] ?? "never asked";
      if (state === "cancelled") cancelled += 1;
      // Whoever was not there to hear a yes has nothing run for it.
      if (offset < APPROVED_AT - 3) expect([offset, noted(`write ${text}`)]).toEqual([offset, 0]);
      if (state !== "executing") expect([offset, state, noted(`write ${text}`)]).toEqual([offset, state, state === "completed" ? 1 : 0]);
      const last = seen.events.findLast(({ id }) => id !== undefined)?.id;
      const resumed = era === "session" && last !== undefined ? textIn(await session.listen(last).ended) : "";
      if (resumed !== "") back += 1;
      const said = resumed === "" ? textIn(seen) : resumed;
      const again = said === "" ? textIn(await call("write", text).ended) : said;
      expect([offset, again]).toEqual([offset, expect.stringMatching(/^wrote |waits for a person's approval|does not run/)]);
      expect([offset, noted(`write ${text}`)]).toEqual([offset, expect.toSatisfy((ran: number) => ran <= 1)]);
    }
    // One that was cancelled while it ran is being executed until the server says how it ended.
    expect(ask.states.filter((state) => state === "completed" || state === "executing").length).toBe(noted("write"));
    // Cuts came before, while and after, or the test says nothing.
    expect(noted("write")).toBeGreaterThan(OFFSETS / 4);
    expect(era === "session" ? back : cancelled).toBeGreaterThan(0);
    if (era === "session") expect(cancelled).toBe(0);
  });

  it("a gateway that ends leaves the question standing, and says to call again", async () => {
    const held = call("write", `${era} ending`);
    await held.begun;
    await expect.poll(() => ask.states, PATIENT).toEqual(["pending"]);
    await at.drain();
    expect(textIn(await held.ended)).toContain("waits for a person's approval");
    expect([ask.states, noted("write")]).toEqual([["pending"], 0]);
  });

  it.each([1, 2, 3, 4, 5])("R25: the same call sent %i times again while it is pending, approved, executing and completed runs once", async (times) => {
    // All are asked, and answered, before the first is told to call again, also where the machine stops for a moment.
    await at.close();
    await begin(1_500);
    const text = `${era} again ${times}`;
    const repeat = (): Exchange[] => Array.from({ length: times }, () => call("slow", text));
    const pending = [call("slow", text), ...repeat()];
    for (const { begun } of pending) expect((await begun).isStream).toBe(true);
    expect(ask.approve()).toBe(1);
    const approved = repeat();
    await expect.poll(() => noted(`slow ${text}`), PATIENT).toBe(1);
    const executing = repeat();
    const answered = await Promise.all([...pending, ...approved, ...executing].map(async ({ ended }) => textIn(await ended)));
    expect(answered.filter((one) => one === `${text} late`)).toHaveLength(1);
    // Everybody else is told that it did not run for them.
    expect(answered.filter((one) => one !== `${text} late` && !one.includes("does not run"))).toEqual([]);
    const completed = await Promise.all(repeat().map(async ({ ended }) => textIn(await ended)));
    expect(completed.filter((one) => !one.includes("waits for a person's approval"))).toEqual([]);
    expect([noted(`slow ${text}`), ask.states]).toEqual([1, ["completed", "pending"]]);
  });
});

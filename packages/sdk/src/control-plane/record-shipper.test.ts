import { describe, expect, it } from "vitest";
import type { RecordEntry } from "../record/entry.ts";
import type { RecordBody } from "../wire/bundle.ts";
import { failure } from "../wire/wire-exchange.ts";
import { RecordShipper } from "./record-shipper.ts";

const entry = (n: number): RecordEntry => ({ type: "outcome", callId: `c${n}`, at: n, outcome: "completed", elapsedMs: 1 });

function world(answers: ("take" | "lose" | "away" | "refuse")[], maxQueued = 10_000) {
  const taken: RecordBody["entries"] = [];
  const batches: number[] = [];
  const warnings: string[] = [];
  let last = 0;
  let always: "take" | "away" = "take";
  const ship = async ({ batch, entries }: RecordBody) => {
    const answer = answers.shift() ?? always;
    if (answer === "away") return failure("unreachable");
    if (answer === "refuse") return failure("bad_request", { status: 400 });
    batches.push(batch);
    if (batch === last + 1) {
      last = batch;
      taken.push(...entries);
    }
    return answer === "lose" ? failure("unreachable") : { ok: true as const, status: 200, value: { batch, head: { seq: taken.length, hash: "" } } };
  };
  const shipper = new RecordShipper({ client: { ship }, process: "p", now: () => 0, onWarning: (message) => warnings.push(message), flushMs: 10, maxQueued });
  return { shipper, taken, batches, warnings, away: () => void (always = "away"), back: () => void (always = "take") };
}

describe("shipping the record", () => {
  it("a batch whose answer was lost goes again under its number, and is taken once, in order", async () => {
    const { shipper, taken, batches } = world(["lose", "away", "lose", "take"]);
    for (let n = 0; n < 1_200; n++) shipper.offer(entry(n));
    await shipper.close(2_000);
    expect(taken.map(({ callId }) => callId)).toEqual(Array.from({ length: 1_200 }, (_, n) => `c${n}`));
    expect(batches.slice(0, 3)).toEqual([1, 1, 1]);
  });

  it("a full queue leaves out, counts, and tells the gap once there is room", async () => {
    const { shipper, taken, warnings, away, back } = world([], 100);
    away();
    for (let n = 0; n < 130; n++) shipper.offer(entry(n));
    expect(shipper.status()).toEqual({ queued: 100, leftOut: 30 });
    expect(warnings).toHaveLength(1);
    back();
    await expect.poll(() => shipper.status().queued, { timeout: 5_000 }).toBe(0);
    shipper.offer(entry(200));
    await shipper.close(2_000);
    expect(taken).toHaveLength(102);
    expect(taken[100]).toMatchObject({ type: "event", event: "gap", detail: { leftOut: 30 } });
  });

  it("a batch that is refused for good does not hold up those behind it", async () => {
    const { shipper, taken, warnings } = world(["refuse"]);
    shipper.offer(entry(1));
    await expect.poll(() => warnings.length).toBe(1);
    shipper.offer(entry(2));
    await shipper.close(2_000);
    expect(taken.map(({ type }) => type)).toEqual(["event", "outcome"]);
  });

  it("an entry that the control plane does not take takes none of those beside it along, and is told as a gap", async () => {
    const taken: RecordBody["entries"] = [];
    const warnings: string[] = [];
    const numbers: number[] = [];
    const ship = async ({ batch, entries }: RecordBody) => {
      if (entries.some(({ callId }) => callId === "c7" || callId === "c300")) return failure("bad_request", { status: 400 });
      numbers.push(batch);
      taken.push(...entries);
      return { ok: true as const, status: 200, value: { batch, head: { seq: taken.length, hash: "" } } };
    };
    const shipper = new RecordShipper({ client: { ship }, process: "p", now: () => 0, onWarning: (message) => warnings.push(message), flushMs: 10 });
    for (let n = 0; n < 700; n++) shipper.offer(entry(n));
    await shipper.close(2_000);
    expect(taken.filter(({ type }) => type === "outcome").map(({ callId }) => callId)).toEqual(Array.from({ length: 700 }, (_, n) => `c${n}`).filter((id) => id !== "c7" && id !== "c300"));
    expect(taken.filter(({ type }) => type === "event").map(({ detail }) => detail)).toEqual([{ reason: "control_plane_unavailable", leftOut: 1 }, { reason: "control_plane_unavailable", leftOut: 1 }]);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    expect(warnings).toHaveLength(2);
    expect(shipper.status()).toEqual({ queued: 0, leftOut: 2 });
  });

  it("the end does not wait for a control plane that is away, and says what is missing there", async () => {
    const { shipper, warnings, away } = world([]);
    away();
    shipper.offer(entry(1));
    const started = performance.now();
    await shipper.close(300);
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(warnings.at(-1)).toContain("1 entries of the record did not reach the control plane");
  });
});

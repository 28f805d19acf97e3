import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ApprovalContext, ApprovalHandler } from "../approval/decision.ts";
import { fakeContext, fakeViolation } from "../testing/fake-call.ts";
import { escalate } from "./escalate.ts";
import type { EscalationLevel } from "./escalate.ts";

const error = fakeViolation();

/** A level that notes when it was asked, and answers when told to. */
function level() {
  const started = Date.now();
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const askedAt: number[] = [];
  const signals: AbortSignal[] = [];
  const handler: ApprovalHandler = (_error, { signal }) => {
    askedAt.push(Date.now() - started);
    signals.push(signal);
    return promise;
  };
  return { handler, answer: resolve, fail: reject, askedAt, signals };
}

let caller: AbortController;
let context: ApprovalContext;

beforeEach(() => {
  vi.useFakeTimers();
  caller = new AbortController();
  context = fakeContext({ signal: caller.signal });
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  expect(getEventListeners(caller.signal, "abort")).toEqual([]);
  vi.useRealTimers();
});

describe("escalate", () => {
  it("asks each level when its time has come and not before", async () => {
    const [one, two, three] = [level(), level(), level()];
    const decision = escalate([{ after: "0", handler: one.handler }, { after: "30s", handler: two.handler }, { after: "2m", handler: three.handler }])(error, context);
    expect([one.askedAt, two.askedAt]).toEqual([[0], []]);
    await vi.advanceTimersByTimeAsync(29_999);
    expect(two.askedAt).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(two.askedAt).toEqual([30_000]);
    await vi.advanceTimersByTimeAsync(90_000);
    expect(three.askedAt).toEqual([120_000]);
    three.answer(true);
    expect(await decision).toMatchObject({ approved: true });
  });

  it("asks no further level once someone has answered", async () => {
    const [one, two] = [level(), level()];
    const decision = escalate([{ after: 0, handler: one.handler }, { after: "1h", handler: two.handler }])(error, context);
    await vi.advanceTimersByTimeAsync(1000);
    one.answer(false);
    expect(await decision).toMatchObject({ approved: false });
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(two.askedAt).toEqual([]);
  });

  it("keeps asking the earlier levels, and aborts those that lose", async () => {
    const [one, two] = [level(), level()];
    const decision = escalate([{ after: "0", handler: one.handler }, { after: 500, handler: two.handler }])(error, context);
    await vi.advanceTimersByTimeAsync(500);
    expect(one.signals[0]?.aborted).toBe(false);
    one.answer(true);
    expect(await decision).toMatchObject({ approved: true });
    expect(two.signals[0]?.aborted).toBe(true);
  });

  it("waits for the later level where an earlier one fails, and throws only when all have", async () => {
    const [one, two] = [level(), level()];
    const decision = Promise.resolve(escalate([{ after: "0", handler: one.handler }, { after: "1m", handler: two.handler }])(error, context));
    const caught = decision.catch((thrown: unknown) => thrown);
    one.fail(new Error("offline"));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(two.askedAt).toEqual([60_000]);
    two.fail(new RangeError("also offline"));
    expect(await caught).toMatchObject({
      name: "AggregateError",
      message: "escalate: no handler gave an answer: handler 1 threw Error; handler 2 threw RangeError",
    });
  });

  it("ends with the caller, also before the first level has been asked", async () => {
    const one = level();
    const decision = Promise.resolve(escalate([{ after: "2m", handler: one.handler }])(error, context));
    const caught = decision.catch((thrown: unknown) => thrown);
    await vi.advanceTimersByTimeAsync(1000);
    const reason = new Error("gone");
    caller.abort(reason);
    expect(await caught).toBe(reason);
    expect(one.askedAt).toEqual([]);
  });

  it("starts nothing where the caller is gone already", async () => {
    caller.abort(new Error("gone"));
    const [one, two] = [level(), level()];
    await expect(escalate([{ after: "0", handler: one.handler }, { after: "1s", handler: two.handler }])(error, context)).rejects.toThrow("gone");
    expect(one.askedAt).toEqual([]);
  });

  it("keeps times that Node's timers cannot hold", async () => {
    const late = level();
    const decision = escalate([{ after: "1000h", handler: late.handler }])(error, context);
    await vi.advanceTimersByTimeAsync(1000 * 3_600_000 - 1);
    expect(late.askedAt).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    late.answer(true);
    expect(await decision).toMatchObject({ approved: true });
  });

  it.each([["0", 0], ["250ms", 250], ["30s", 30_000], ["2m", 120_000], ["1h", 3_600_000], [1500, 1500]])("reads after: %j as %d ms", async (after, ms) => {
    const one = level();
    const decision = escalate([{ after, handler: one.handler }])(error, context);
    await vi.advanceTimersByTimeAsync(ms);
    expect(one.askedAt).toEqual([ms]);
    one.answer(true);
    await decision;
  });

  it.each(["30", "", "soon", "-1s", "1.5s", "1 s", "2d", "1s ", -1, Number.NaN, Infinity, null, undefined, 5n])("refuses after: %s when it is made", (after) => {
    // The point of the test is values that the types forbid.
    const levels = [{ after, handler: () => true }] as unknown as EscalationLevel[];
    expect(() => escalate(levels)).toThrow(TypeError);
  });

  it.each([undefined, [], {}, [null], [{ after: "0" }], [{ after: "0", handler: "ask" }]])("refuses the levels %j when it is made", (levels) => {
    expect(() => escalate(levels as unknown as EscalationLevel[])).toThrow(TypeError); // as above
  });
});

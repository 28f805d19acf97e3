import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApprovalDecision } from "../approval/decision.ts";
import type { ApprovalContext, ApprovalHandler } from "../approval/decision.ts";
import { handlerTimeoutMs } from "../approval/handler-timeout.ts";
import { fakeContext, fakeViolation } from "../testing/fake-call.ts";
import { withTimeout } from "./with-timeout.ts";

const silent: ApprovalHandler = () => new Promise(() => {});
const MINUTE_MS = 60_000;

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

describe("withTimeout", () => {
  it("answers a time-out when the window ends, and aborts the handler", async () => {
    let signal: AbortSignal | undefined;
    const decision = withTimeout((_error, own) => ((signal = own.signal), new Promise(() => {})), { minutes: 2 })(fakeViolation(), context);
    await vi.advanceTimersByTimeAsync(2 * MINUTE_MS - 1);
    expect(signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await decision).toMatchObject({ approved: false, timedOut: true });
    expect(signal?.aborted).toBe(true);
  });

  it("lets no yes count that comes after the window", async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const decision = withTimeout(() => promise, { ms: 100 })(fakeViolation(), context);
    await vi.advanceTimersByTimeAsync(100);
    resolve(true);
    expect(await decision).toMatchObject({ approved: false, timedOut: true });
  });

  it("passes on an answer within the window as it was given", async () => {
    const answer = new ApprovalDecision({ approved: true, approver: "jane" });
    expect(await withTimeout(async () => answer, { ms: 100 })(fakeViolation(), context)).toMatchObject({ approved: true, approver: "jane" });
  });

  it("passes on what the handler threw", async () => {
    const cause = new Error("offline");
    await expect(withTimeout(async () => Promise.reject(cause), { ms: 100 })(fakeViolation(), context)).rejects.toBe(cause);
  });

  it("approves nothing on an answer that is none", async () => {
    // A handler in JavaScript may answer anything.
    const truthy = (() => "yes") as unknown as ApprovalHandler;
    await expect(withTimeout(truthy, { ms: 100 })(fakeViolation(), context)).rejects.toThrow("answered a string");
  });

  it("ends with the caller", async () => {
    const decision = withTimeout(silent, { minutes: 10 })(fakeViolation(), context);
    caller.abort(new Error("gone"));
    await expect(decision).rejects.toThrow("gone");
  });

  it("asks nobody where the caller is gone already", async () => {
    caller.abort(new Error("gone"));
    const handler = vi.fn(() => true);
    await expect(withTimeout(handler, { minutes: 10 })(fakeViolation(), context)).rejects.toThrow("gone");
    expect(handler).not.toHaveBeenCalled();
  });

  it("tells the handler its own deadline where that is the earlier one", async () => {
    const deadlines: number[] = [];
    const note: ApprovalHandler = (_error, { deadline }) => deadlines.push(deadline.getTime()) > 0;
    await withTimeout(note, { minutes: 1 })(fakeViolation(), context);
    await withTimeout(note, { minutes: 60 })(fakeViolation(), context);
    expect(deadlines).toEqual([Date.now() + MINUTE_MS, context.deadline.getTime()]);
  });

  it("gives way to the time-out of the policy, which guard enforces, where it stands alone", async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const decision = withTimeout(() => promise, { minutes: 1 })(fakeViolation({ timeoutMinutes: 30 }), context);
    await vi.advanceTimersByTimeAsync(20 * MINUTE_MS);
    resolve(true);
    expect(await decision).toBe(true);
  });

  it("keeps windows that Node's timers cannot hold", async () => {
    const decision = Promise.resolve(withTimeout(silent, { minutes: 60 * 24 * 40 })(fakeViolation(), context));
    let settled = false;
    void decision.finally(() => (settled = true));
    await vi.advanceTimersByTimeAsync(MINUTE_MS * 60 * 24 * 40 - 1);
    expect(settled).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await decision).toMatchObject({ timedOut: true });
  });

  it.each([undefined, null, 5, {}, { minutes: 0 }, { minutes: -1 }, { minutes: "5" }, { ms: Number.NaN }, { ms: Infinity }, { minutes: 1, ms: 1 }])(
    "refuses the window %j when it is made",
    (window) => {
      // The point of the test is values that the types forbid.
      expect(() => withTimeout(silent, window as unknown as { ms: number })).toThrow(TypeError);
    },
  );

  it("refuses what is no handler when it is made", () => {
    expect(() => withTimeout("ask" as unknown as ApprovalHandler, { ms: 1 })).toThrow(TypeError); // as above
  });
});

describe("handlerTimeoutMs", () => {
  it("reads the window a handler was given", () => {
    expect(handlerTimeoutMs(withTimeout(silent, { minutes: 10 }))).toBe(10 * MINUTE_MS);
    expect(handlerTimeoutMs(withTimeout(silent, { ms: 250 }))).toBe(250);
  });

  it("knows of none where none was given, and does not change the handler that was wrapped", () => {
    withTimeout(silent, { minutes: 10 });
    expect(handlerTimeoutMs(silent)).toBeUndefined();
  });

  it("takes no window that is none", () => {
    const stamped = Object.assign(() => true, { [Symbol.for("countersign.handlerTimeoutMs")]: "10" });
    expect(handlerTimeoutMs(stamped)).toBeUndefined();
  });
});

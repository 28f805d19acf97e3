import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApprovalDecision } from "../approval/decision.ts";
import type { ApprovalContext, ApprovalHandler } from "../approval/decision.ts";
import { fakeCall, fakeContext, fakeViolation } from "../testing/fake-call.ts";
import { allOf, firstOf } from "./combine.ts";
import { withTimeout } from "./with-timeout.ts";

const error = fakeViolation();
const yes = (approver: string, more: object = {}): ApprovalDecision => new ApprovalDecision({ approved: true, approver, ...more });
const no = (approver: string): ApprovalDecision => new ApprovalDecision({ approved: false, approver });

/** A handler that answers when the test says so, and shows what it was given. */
function controlled() {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const contexts: ApprovalContext[] = [];
  // A handler in JavaScript may answer anything; that is what some tests are about.
  const handler = ((_error: unknown, context: ApprovalContext) => (contexts.push(context), promise)) as unknown as ApprovalHandler;
  const signal = (): AbortSignal => {
    const [context] = contexts;
    if (context === undefined) throw new Error("the handler was not asked");
    return context.signal;
  };
  return { handler, answer: resolve, fail: reject, contexts, signal };
}

const answers = (value: unknown): ApprovalHandler => (() => value) as unknown as ApprovalHandler; // as above
const throws = (cause: unknown): ApprovalHandler => () => {
  throw cause;
};
const silent: ApprovalHandler = () => new Promise(() => {});

let caller: AbortController;
let context: ApprovalContext;

beforeEach(() => {
  caller = new AbortController();
  context = fakeContext({ signal: caller.signal });
});
afterEach(() => {
  expect(getEventListeners(caller.signal, "abort")).toEqual([]);
});

describe("firstOf", () => {
  it("asks all at once and takes the first yes, whoever gives it", async () => {
    const [one, two] = [controlled(), controlled()];
    const decision = firstOf(one.handler, two.handler)(error, context);
    expect([one.contexts.length, two.contexts.length]).toEqual([1, 1]);
    two.answer(yes("jane"));
    expect(await decision).toMatchObject({ approved: true, approver: "jane" });
  });

  it("takes the first no just as well", async () => {
    const [one, two] = [controlled(), controlled()];
    const decision = firstOf(one.handler, two.handler)(error, context);
    one.answer(no("jane"));
    two.answer(yes("bob"));
    expect(await decision).toMatchObject({ approved: false, approver: "jane" });
  });

  it("aborts the others, and only them", async () => {
    const [one, two, three] = [controlled(), controlled(), controlled()];
    const decision = firstOf(one.handler, two.handler, three.handler)(error, context);
    two.answer(yes("jane"));
    await decision;
    expect([one.signal().aborted, two.signal().aborted, three.signal().aborted]).toEqual([true, false, true]);
    expect(caller.signal.aborted).toBe(false);
  });

  it.each([
    ["throws", throws(new Error("offline"))],
    ["rejects", async () => Promise.reject(new Error("offline"))],
    ["answers nothing", answers(undefined)],
    ["answers a truthy text", answers("yes")],
    ["answers an approved that is a promise", answers({ approved: Promise.resolve(true) })],
    ["times out", answers({ approved: true, timedOut: true })],
  ])("waits for the others where one %s", async (_name, useless) => {
    const other = controlled();
    const decision = firstOf(useless, other.handler)(error, context);
    setTimeout(() => other.answer(yes("jane")), 5);
    expect(await decision).toMatchObject({ approved: true, approver: "jane" });
  });

  it("throws where all fail, with every cause in order and none of their messages in its own", async () => {
    const offline = new RangeError("c4n4ry");
    const caught: unknown = await Promise.resolve(firstOf(throws(offline), answers("true"), answers({ timedOut: true, approved: false }))(error, context)).catch((thrown: unknown) => thrown);
    expect(caught).toBeInstanceOf(AggregateError);
    expect(caught).toMatchObject({
      message: "firstOf: no handler gave an answer: handler 1 threw RangeError; handler 2 answered a string; handler 3 timed out",
      errors: [offline, { name: "TypeError", message: "firstOf: handler 2 answered a string; only true, false and an ApprovalDecision count" }],
    });
  });

  it("is a time-out where every handler timed out", async () => {
    const late = answers(new ApprovalDecision({ approved: false, timedOut: true }));
    expect(await firstOf(late, late)(error, context)).toMatchObject({ approved: false, timedOut: true });
  });

  it("ends with the caller, whatever its handlers do, and aborts them all", async () => {
    const [one, two] = [controlled(), controlled()];
    const decision = firstOf(one.handler, two.handler)(error, context);
    const reason = new Error("the caller went away");
    caller.abort(reason);
    await expect(decision).rejects.toBe(reason);
    expect([one.signal().reason, two.signal().reason]).toEqual([reason, reason]);
    one.answer(yes("too late"));
  });

  it("asks nobody where the caller is gone already", async () => {
    caller.abort(new Error("gone"));
    const one = controlled();
    await expect(firstOf(one.handler)(error, context)).rejects.toThrow("gone");
    expect(one.contexts).toEqual([]);
  });

  it("gives each handler the same question under a signal of its own", async () => {
    const [one, two] = [controlled(), controlled()];
    const decision = firstOf(one.handler, two.handler)(error, context);
    one.answer(true);
    await decision;
    expect(one.contexts[0]).toMatchObject({ call: context.call, digest: context.digest, deadline: context.deadline });
    expect(Object.isFrozen(one.contexts[0])).toBe(true);
    expect(one.signal()).not.toBe(two.signal());
    expect(one.signal()).not.toBe(caller.signal);
  });

  it("leaves nothing on a signal that lives through a thousand questions", async () => {
    for (let count = 0; count < 1000; count++) await firstOf(answers(true), silent, throws(new Error("x")))(error, context);
    expect(getEventListeners(caller.signal, "abort")).toEqual([]);
  });
});

describe("allOf", () => {
  it("approves only once all have, and names them in the order they were given", async () => {
    const [one, two] = [controlled(), controlled()];
    let settled = false;
    const decision = Promise.resolve(allOf(one.handler, two.handler)(error, context)).finally(() => (settled = true));
    two.answer(yes("bob@company.com"));
    await new Promise((done) => setTimeout(done, 5));
    expect(settled).toBe(false);
    one.answer(yes("jane@company.com"));
    expect(await decision).toMatchObject({ approved: true, approver: "jane@company.com, bob@company.com" });
  });

  it("denies with the first denial and aborts the others", async () => {
    const [one, two] = [controlled(), controlled()];
    const decision = allOf(one.handler, two.handler)(error, context);
    two.answer(no("bob"));
    expect(await decision).toMatchObject({ approved: false, approver: "bob" });
    expect(one.signal().aborted).toBe(true);
  });

  it("is a time-out with the first time-out, also one that says approved", async () => {
    expect(await allOf(silent, answers({ approved: true, timedOut: true }))(error, context)).toMatchObject({ approved: false, timedOut: true });
  });

  it("passes on what the first handler threw, and aborts the others", async () => {
    const cause = new Error("offline");
    const other = controlled();
    await expect(allOf(other.handler, throws(cause))(error, context)).rejects.toBe(cause);
    expect(other.signal().aborted).toBe(true);
  });

  it.each([["undefined", undefined], ["a string", "true"], ["a Promise inside approved", { approved: Promise.resolve(true) }]])(
    "approves nothing where one answers %s, and says so",
    async (what, value) => {
      await expect(allOf(answers(true), answers(value))(error, context)).rejects.toThrow(`allOf: handler 2 answered ${what};`);
    },
  );

  it("ends with the caller, whatever its handlers do", async () => {
    const one = controlled();
    const decision = allOf(one.handler, answers(true))(error, context);
    caller.abort(new Error("gone"));
    await expect(decision).rejects.toThrow("gone");
    await expect(allOf(one.handler)(error, context)).rejects.toThrow("gone");
    expect(one.contexts).toHaveLength(1);
  });

  it.each([
    [[true, true], true],
    [[true, false], false],
    [[undefined, false], false],
    [[true, undefined], undefined],
    [[undefined, undefined], undefined],
  ])("says of %j that a person answered: %s", async (humans, human) => {
    const handlers = humans.map((each) => answers(yes("x", each === undefined ? {} : { human: each })));
    const decision = await allOf(...handlers)(error, context);
    expect(decision).toBeInstanceOf(ApprovalDecision);
    expect((decision as ApprovalDecision).human).toBe(human); // the line above
  });

  it("joins reasons and channels, and takes the longest time", async () => {
    const decision = await allOf(
      answers(yes("jane", { reason: "ticket 7", channel: "slack", elapsedSeconds: 3 })),
      answers(true),
      answers(yes("bob", { reason: "looked at it", channel: "slack", elapsedSeconds: 9 })),
    )(error, context);
    expect(decision).toMatchObject({ approver: "jane, bob", reason: "ticket 7; looked at it", channel: "slack", elapsedSeconds: 9 });
  });
});

describe.each([["firstOf", firstOf], ["allOf", allOf]])("%s", (_name, combine) => {
  // The point of the test is values that the types forbid.
  const make = combine as unknown as (...handlers: unknown[]) => unknown;

  it("refuses no handlers, and what is no function, when it is made", () => {
    expect(() => make()).toThrow(TypeError);
    for (const wrong of [undefined, null, true, {}, "handler", [answers(true)]]) expect(() => make(answers(true), wrong)).toThrow(TypeError);
  });

  it("can be nested, and an abort reaches the innermost", async () => {
    const inner = controlled();
    const decision = combine(combine(inner.handler, silent), silent)(error, context);
    caller.abort(new Error("gone"));
    await expect(decision).rejects.toThrow("gone");
    expect(inner.signal().aborted).toBe(true);
  });

  it("shows its handlers the call that guard froze", async () => {
    const call = fakeCall();
    const one = controlled();
    const decision = combine(one.handler)(error, fakeContext({ call, signal: caller.signal }));
    one.answer(true);
    await decision;
    expect(one.contexts[0]?.call).toBe(call);
  });
});

describe("a handler with its own window among others", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it("only drops out of firstOf when its window ends", async () => {
    const [impatient, patient] = [controlled(), controlled()];
    const decision = firstOf(withTimeout(impatient.handler, { ms: 1000 }), patient.handler)(error, context);
    await vi.advanceTimersByTimeAsync(1001);
    expect(impatient.signal().aborted).toBe(true);
    patient.answer(yes("jane"));
    expect(await decision).toMatchObject({ approved: true, approver: "jane" });
  });

  it("keeps its own window also where the policy writes a longer one for the whole", async () => {
    const impatient = controlled();
    const question = fakeViolation({ timeoutMinutes: 30 });
    const decision = firstOf(withTimeout(impatient.handler, { ms: 1000 }), answers({ approved: false, timedOut: true }))(question, context);
    await vi.advanceTimersByTimeAsync(1001);
    expect(impatient.signal().aborted).toBe(true);
    expect(await decision).toMatchObject({ approved: false, timedOut: true });
  });

  it("ends allOf when its window ends", async () => {
    const decision = allOf(withTimeout(silent, { ms: 1000 }), answers(true))(error, context);
    await vi.advanceTimersByTimeAsync(1001);
    expect(await decision).toMatchObject({ approved: false, timedOut: true });
  });

  it("leaves no timer behind when another handler answers first", async () => {
    expect(await firstOf(withTimeout(silent, { minutes: 10 }), answers(true))(error, context)).toMatchObject({ approved: true });
  });
});

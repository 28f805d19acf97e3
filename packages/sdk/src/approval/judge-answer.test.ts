import * as fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { ApprovalDecision } from "./decision.ts";
import { judgeAnswer } from "./judge-answer.ts";

/** A getter that says yes from the second look on: what a check-then-use reader would fall for. */
function flipping(): object {
  let looks = 0;
  return { get approved() { return looks++ > 0; } };
}

class Approving {
  get approved(): boolean {
    return true;
  }
}

class WithField {
  approved = true;
}

const yes = new ApprovalDecision({ approved: true, approver: "jane@company.com" });

/** `what` must say the kind, so that people find the forgotten `await`. */
const MALFORMED: readonly (readonly [string, unknown, string])[] = [
  ["nothing", undefined, "undefined"],
  ["null", null, "null"],
  ["the text false", "false", "a string"],
  ["the text true", "true", "a string"],
  ["one", 1, "a number"],
  ["a bigint", 1n, "a bigint"],
  ["a symbol", Symbol("yes"), "a symbol"],
  ["a promise of true that nobody awaited", Promise.resolve(true), "a Promise"],
  ["a promise that carries approved", Object.assign(Promise.resolve(false), { approved: true }), "a Promise"],
  ["an un-awaited promise inside", { approved: Promise.resolve(false) }, "a Promise inside approved"],
  ["the text yes inside", { approved: "yes" }, "a string inside approved"],
  ["one inside", { approved: 1 }, "a number inside approved"],
  ["null inside", { approved: null }, "null inside approved"],
  ["undefined inside", { approved: undefined }, "undefined inside approved"],
  ["an array inside", { approved: [true] }, "an array inside approved"],
  ["a boxed true inside", { approved: new Boolean(true) }, "a boxed primitive inside approved"],
  ["a function inside", { approved: () => true }, "a function inside approved"],
  ["a decision inside", { approved: yes }, "an instance of a class inside approved"],
  ["an empty object", {}, "an object without approved"],
  ["another spelling", { Approved: true }, "an object without approved"],
  ["a boxed true", new Boolean(true), "a boxed primitive"],
  ["a boxed true with the field", Object.assign(new Boolean(true), { approved: true }), "a boxed primitive"],
  ["a boxed true in plain clothes", Object.assign(Object.setPrototypeOf(new Boolean(true), Object.prototype), { approved: true }), "a boxed primitive"],
  ["a getter", { get approved() { return true; } }, "an object whose approved is an accessor"],
  ["a flipping getter", flipping(), "an object whose approved is an accessor"],
  ["an inherited yes", Object.create({ approved: true }), "an instance of a class"],
  ["a Proxy around a yes", new Proxy(yes, {}), "a Proxy"],
  ["a Proxy around a plain yes", new Proxy({ approved: true }, {}), "a Proxy"],
  ["a Proxy around a function", new Proxy(() => true, {}), "a Proxy"],
  ["a Proxy inside", { approved: new Proxy({}, {}) }, "a Proxy inside approved"],
  ["a class with a getter", new Approving(), "an instance of a class"],
  ["a class with a field", new WithField(), "an instance of a class"],
  ["a Map", new Map([["approved", true]]), "an instance of a class"],
  ["an array", [true], "an array"],
  ["an array with the field", Object.assign([], { approved: true }), "an array"],
  ["an array without its prototype", Object.assign(Object.setPrototypeOf([], null), { approved: true }), "an array"],
  ["a function", () => true, "a function"],
  ["a function with the field", Object.assign(() => true, { approved: true }), "a function"],
  ["an error", Object.assign(new Error("no"), { approved: true }), "an Error"],
  ["a thenable", { then: (done: (value: boolean) => void) => done(true) }, "a thenable"], // oxlint-disable-line unicorn/no-thenable -- the attack
  ["a thenable with the field", { approved: true, then: () => {} }, "a thenable"], // oxlint-disable-line unicorn/no-thenable -- the attack
  ["a time-out that is a text", { approved: true, timedOut: "false" }, "a string inside timedOut"],
  ["a time-out that is null", { approved: true, timedOut: null }, "null inside timedOut"],
  ["a time-out that is zero", { approved: true, timedOut: 0 }, "a number inside timedOut"],
  ["a time-out that is a getter", { approved: true, get timedOut() { return false; } }, "an object whose timedOut is an accessor"],
  ["a decision without its field", Object.create(ApprovalDecision.prototype), "an object without approved"],
];

describe("judgeAnswer", () => {
  it.each(MALFORMED)("approves nothing on %s, and names it", (_name, answer, what) => {
    expect(judgeAnswer(answer)).toEqual({ kind: "malformed", what });
  });

  it("approves nothing where a prototype is a Proxy, and does not throw", () => {
    const throwing = new Proxy({}, { get: () => { throw new Error("trap"); }, getPrototypeOf: () => { throw new Error("trap"); } });
    const answer = Object.assign(Object.create(throwing), { approved: true });
    expect(judgeAnswer(answer)).toEqual({ kind: "malformed", what: "an object that cannot be read" });
    const { proxy, revoke } = Proxy.revocable({ approved: true }, {});
    revoke();
    expect(judgeAnswer(proxy)).toEqual({ kind: "malformed", what: "a Proxy" });
  });

  it("runs no code of the value", () => {
    let ran = 0;
    const spying = {
      get approved() { ran++; return true; },
      get timedOut() { ran++; return false; },
      get approver() { ran++; return "eve"; },
      toString: () => { ran++; return "true"; },
      valueOf: () => { ran++; return true; },
    };
    expect(judgeAnswer(spying).kind).toBe("malformed");
    expect(judgeAnswer({ approved: spying }).kind).toBe("malformed");
    expect(judgeAnswer({ approved: true, get approver() { ran++; return "eve"; } }).kind).toBe("decision");
    expect(ran).toBe(0);
  });

  it("approves none of 4,000 generated malformed answers, never throws, and quotes nothing of them", () => {
    const canary = "c4n4ry-secret";
    const notBoolean = fc.anything({ withBoxedValues: true, withMap: true, withSet: true, withDate: true, withNullPrototype: true, withBigInt: true, withSparseArray: true, withTypedArray: true }).filter((value) => typeof value !== "boolean");
    const wrapped = fc.oneof(
      notBoolean.filter((value) => !isLegal(value)),
      notBoolean.map((approved) => ({ approved })),
      notBoolean.map((approved) => Object.assign(Object.create(null), { approved, reason: canary })),
      notBoolean.filter((value) => value !== undefined).map((timedOut) => ({ approved: true, timedOut, reason: canary })),
      fc.boolean().map((approved) => new Proxy({ approved }, {})),
      fc.boolean().map((approved) => Object.create({ approved })),
      fc.boolean().map((approved) => Promise.resolve(new ApprovalDecision({ approved }))),
      fc.boolean().map((approved) => [new ApprovalDecision({ approved })]),
      fc.boolean().map((approved) => Object.defineProperty({}, "approved", { get: () => approved, enumerable: true })),
      fc.string().map((text) => canary + text),
    );
    let malformed = 0;
    fc.assert(
      fc.property(wrapped, (answer) => {
        const judged = judgeAnswer(answer);
        expect(judged.kind).toBe("malformed");
        expect(judged.kind === "malformed" && judged.what).not.toContain(canary);
        malformed++;
      }),
      { numRuns: 4000 },
    );
    expect(malformed).toBe(4000);
  });

  it.each([
    ["true", true, true],
    ["false", false, false],
    ["an approving decision", new ApprovalDecision({ approved: true }), true],
    ["a denying decision", new ApprovalDecision({ approved: false }), false],
    ["a plain yes", { approved: true }, true],
    ["a plain no", { approved: false }, false],
    ["a plain yes without prototype", Object.assign(Object.create(null), { approved: true }), true],
    ["a plain yes with timedOut undefined", { approved: true, timedOut: undefined }, true],
    ["a plain yes with timedOut false", { approved: true, timedOut: false }, true],
    ["a frozen plain yes", Object.freeze({ approved: true }), true],
  ])("takes %s as it was meant", (_name, answer, approved) => {
    const judged = judgeAnswer(answer);
    expect(judged).toMatchObject({ kind: "decision", decision: { approved, timedOut: false } });
    expect(judged.kind === "decision" && judged.decision).toBeInstanceOf(ApprovalDecision);
  });

  it("takes a decision from another copy of the SDK in the same process", () => {
    const brand = Symbol.for("countersign.ApprovalDecision");
    class OtherCopy {
      readonly approved: boolean;
      readonly approver = "jane@company.com";
      constructor(approved: boolean) {
        this.approved = approved;
      }
      get [brand](): true {
        return true;
      }
    }
    expect(judgeAnswer(new OtherCopy(true))).toMatchObject({ kind: "decision", decision: { approved: true, approver: "jane@company.com" } });
    expect(judgeAnswer(new OtherCopy(false))).toMatchObject({ kind: "decision", decision: { approved: false } });
  });

  it("keeps every describing field of a decision", () => {
    const fields = { approved: true, approver: "jane", timedOut: false, elapsedSeconds: 12.3, reason: "ok", channel: "terminal", human: true };
    const judged = judgeAnswer(new ApprovalDecision(fields));
    expect(judged.kind === "decision" && Object.fromEntries(Object.entries(judged.decision))).toEqual(fields);
  });

  it("takes timedOut as a time-out even where approved is true", () => {
    expect(judgeAnswer({ approved: true, timedOut: true })).toMatchObject({ kind: "decision", decision: { approved: false, timedOut: true } });
    expect(judgeAnswer(new ApprovalDecision({ approved: true, timedOut: true }))).toMatchObject({
      kind: "decision",
      decision: { approved: false, timedOut: true },
    });
  });

  it("drops describing fields of the wrong type and keeps the person's answer", () => {
    const judged = judgeAnswer({ approved: true, approver: 7, reason: {}, channel: null, human: "yes", elapsedSeconds: Number.NaN });
    expect(judged.kind === "decision" && Object.fromEntries(Object.entries(judged.decision))).toEqual({ approved: true, approver: "", timedOut: false });
  });
});

describe("judgeAnswer under a polluted Object.prototype", () => {
  const planted = ["approved", "timedOut", "value", "approver"] as const;
  afterEach(() => {
    for (const key of planted) Reflect.deleteProperty(Object.prototype, key);
  });

  it("approves nothing that only the prototype says, and stays total", () => {
    const getter = Object.defineProperty({}, "approved", { get: () => true });
    // oxlint-disable-next-line no-extend-native -- the attack
    for (const key of planted) Object.defineProperty(Object.prototype, key, { value: true, configurable: true, writable: true });
    const empty = judgeAnswer({});
    const accessor = judgeAnswer(getter);
    const denied = judgeAnswer(false);
    const approved = judgeAnswer(true);
    for (const key of planted) Reflect.deleteProperty(Object.prototype, key);
    expect(empty.kind).toBe("malformed");
    expect(accessor.kind).toBe("malformed");
    expect(denied).toMatchObject({ kind: "decision", decision: { approved: false } });
    expect(approved).toMatchObject({ kind: "decision", decision: { approved: true, timedOut: false, approver: "" } });
  });
});

/** Legal values that the generator may hit by chance; kept apart from judgeAnswer's own code. */
function isLegal(value: unknown): boolean {
  if (typeof value === "boolean") return true;
  if (typeof value !== "object" || value === null) return false;
  return typeof Object.getOwnPropertyDescriptor(value, "approved")?.value === "boolean";
}

import { describe, expect, it, vi } from "vitest";
import { ApprovalDecision } from "../approval/decision.ts";
import { handlerTimeoutMs } from "../approval/handler-timeout.ts";
import { fakeCall, fakeContext, fakeViolation } from "../testing/fake-call.ts";
import { approveWhen } from "./approve-when.ts";
import type { ApprovalPredicate } from "./approve-when.ts";
import { withTimeout } from "./with-timeout.ts";

const belowTmp: ApprovalPredicate = ({ arguments: { path } }) => typeof path === "string" && path.startsWith("/tmp/");
const inTmp = fakeContext({ call: fakeCall({ arguments: { path: "/tmp/a" } }) });
const inEtc = fakeContext({ call: fakeCall({ arguments: { path: "/etc/passwd" } }) });

describe("approveWhen", () => {
  it("decides by the call's arguments, as a rule", async () => {
    const handler = approveWhen(belowTmp, { approver: "auto_tmp_rule" });
    expect(await handler(fakeViolation(), inTmp)).toMatchObject({ approved: true, approver: "auto_tmp_rule", human: false });
    expect(await handler(fakeViolation(), inEtc)).toMatchObject({ approved: false, human: false });
  });

  it("calls itself rule where no name is given", async () => {
    expect(await approveWhen(belowTmp)(fakeViolation(), inTmp)).toMatchObject({ approver: "rule" });
  });

  it("takes async predicates and gives them the error", async () => {
    const error = fakeViolation();
    const seen = vi.fn(async () => true);
    expect(await approveWhen(seen)(error, inTmp)).toMatchObject({ approved: true });
    expect(seen).toHaveBeenCalledWith(inTmp.call, error);
  });

  it.each([["the text true", "true"], ["one", 1], ["an object", {}], ["a boxed true", new Boolean(true)], ["nothing", undefined]])(
    "does not take %s for a yes",
    async (_name, value) => {
      // Predicates written in JavaScript answer what they like.
      const predicate = (() => value) as unknown as ApprovalPredicate;
      expect(await approveWhen(predicate)(fakeViolation(), inTmp)).toMatchObject({ approved: false });
    },
  );

  it("asks the other handler, with the same question, only where the rule does not say yes", async () => {
    const otherwise = vi.fn(() => new ApprovalDecision({ approved: true, approver: "jane" }));
    const handler = approveWhen(belowTmp, { otherwise });
    const error = fakeViolation();
    await handler(error, inTmp);
    expect(otherwise).not.toHaveBeenCalled();
    expect(await handler(error, inEtc)).toMatchObject({ approver: "jane" });
    expect(otherwise).toHaveBeenCalledWith(error, inEtc);
  });

  it("denies where the predicate throws, with the cause, and asks nobody", async () => {
    const otherwise = vi.fn(() => true);
    const cause = new Error("no such field");
    const predicate = (): boolean => {
      throw cause;
    };
    await expect(approveWhen(predicate, { otherwise })(fakeViolation(), inTmp)).rejects.toBe(cause);
    await expect(approveWhen(async () => predicate(), { otherwise })(fakeViolation(), inTmp)).rejects.toBe(cause);
    expect(otherwise).not.toHaveBeenCalled();
  });

  it("asks nobody and approves nothing once the question is gone", async () => {
    const gone = new AbortController();
    const otherwise = vi.fn(() => true);
    const predicate = async (): Promise<boolean> => {
      gone.abort(new Error("the caller went away"));
      return true;
    };
    const context = fakeContext({ signal: gone.signal });
    await expect(approveWhen(predicate, { otherwise })(fakeViolation(), context)).rejects.toThrow("the caller went away");
    expect(otherwise).not.toHaveBeenCalled();
  });

  it("has the window of the handler it hands the question to", () => {
    expect(handlerTimeoutMs(approveWhen(belowTmp, { otherwise: withTimeout(() => true, { ms: 700 }) }))).toBe(700);
    expect(handlerTimeoutMs(approveWhen(belowTmp))).toBeUndefined();
  });

  it("refuses wrong arguments when it is made", () => {
    // The point of the test is values that the types forbid.
    const make = approveWhen as unknown as (...given: unknown[]) => unknown;
    expect(() => make("yes")).toThrow(TypeError);
    expect(() => make(belowTmp, { otherwise: true })).toThrow(TypeError);
    expect(() => make(belowTmp, { approver: 7 })).toThrow(TypeError);
  });
});

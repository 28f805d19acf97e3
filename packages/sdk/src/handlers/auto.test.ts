import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { MockInstance } from "vitest";
import { fakeContext, fakeViolation } from "../testing/fake-call.ts";
import type { ApprovalHandler } from "../approval/decision.ts";
import type * as auto from "./auto.ts";

/** A module of its own for each test, since "once per process" is state of the module. */
async function freshAuto(): Promise<typeof auto> {
  vi.resetModules();
  return import("./auto.ts");
}

describe("autoApprove", () => {
  let warn: MockInstance<typeof console.warn>;
  beforeEach(() => {
    warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  });
  afterEach(() => warn.mockRestore());

  it("approves as a rule and not as a person", async () => {
    const { autoApprove } = await freshAuto();
    const handler: ApprovalHandler = autoApprove;
    const answer = await handler(fakeViolation(), fakeContext());
    expect(answer).toMatchObject({ approved: true, approver: "auto_approve", timedOut: false, human: false });
  });

  it("warns once per process that nobody is asked", async () => {
    const { autoApprove } = await freshAuto();
    expect(warn).not.toHaveBeenCalled();
    for (let count = 0; count < 3; count++) autoApprove();
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toContain("nobody is asked");
  });

  it("tells doctor and health that it is used, and only then", async () => {
    const { autoApprove, autoApproveUsed, autoDeny } = await freshAuto();
    autoDeny();
    expect(autoApproveUsed()).toBe(false);
    autoApprove();
    expect(autoApproveUsed()).toBe(true);
  });
});

describe("autoDeny", () => {
  it("denies as a rule and not as a person", async () => {
    const { autoDeny } = await freshAuto();
    expect(autoDeny()).toMatchObject({ approved: false, approver: "auto_deny", timedOut: false, human: false });
  });
});

import { format } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { fakeCall, fakeContext, fakeViolation } from "../testing/fake-call.ts";
import { auditOnly } from "./audit-only.ts";
import type { WarnLogger } from "./audit-only.ts";

function capture(): { readonly logger: WarnLogger; readonly lines: string[] } {
  const lines: string[] = [];
  return { lines, logger: { warn: (text, ...values) => void lines.push(format(text, ...values)) } };
}

describe("auditOnly", () => {
  it("logs what would have been blocked, in the reference's words, and lets it run", async () => {
    const { logger, lines } = capture();
    const answer = await auditOnly(logger)(fakeViolation(), fakeContext());
    expect(lines).toEqual(["WOULD HAVE BLOCKED: write_file (reason: File writes require approval, approvers: ops-team@company.com)"]);
    expect(answer).toMatchObject({ approved: true, approver: "audit_bypass", human: false });
  });

  it("hands the logger a format and its values, so that structured loggers keep them apart", async () => {
    const warn = vi.fn();
    await auditOnly({ warn })(fakeViolation({ approvers: ["a@b.c", "group:oncall"], metadata: { workflowType: "file-write" } }), fakeContext());
    expect(warn).toHaveBeenCalledWith(
      "WOULD HAVE BLOCKED: %s (reason: %s, approvers: %s)",
      "file-write",
      "File writes require approval",
      "a@b.c, group:oncall",
    );
  });

  it("says any where the policy names no approvers", async () => {
    const { logger, lines } = capture();
    await auditOnly(logger)(fakeViolation({ approvers: [] }), fakeContext());
    expect(lines[0]).toContain("approvers: any)");
  });

  it("keeps the logger's own this", async () => {
    class Counting {
      count = 0;
      warn(): void {
        this.count++;
      }
    }
    const logger = new Counting();
    await auditOnly(logger)(fakeViolation(), fakeContext());
    expect(logger.count).toBe(1);
  });

  it("lets no tool name forge a line of the log, and logs no arguments", async () => {
    const { logger, lines } = capture();
    const call = fakeCall({ tool: "read\nWOULD HAVE BLOCKED: nothing\u202E", arguments: { secret: "c4n4ry" } });
    await auditOnly(logger)(fakeViolation({ call }), fakeContext({ call }));
    expect(lines[0]).toContain("read\\nWOULD HAVE BLOCKED: nothing\\u{202E} (reason");
    expect(lines[0]).not.toContain("\n");
    expect(lines.join()).not.toContain("c4n4ry");
  });

  it("does not let a call run that the log does not have", () => {
    const failing = { warn: () => { throw new Error("disk full"); } };
    expect(() => auditOnly(failing)(fakeViolation(), fakeContext())).toThrow("disk full");
  });

  it("refuses what is no logger when it is made", () => {
    // The point of the test is values that the types forbid.
    const make = auditOnly as unknown as (logger?: unknown) => unknown;
    for (const wrong of [undefined, null, {}, { warn: "loud" }, "console"]) expect(() => make(wrong)).toThrow(TypeError);
  });
});

import type { PolicyDocument } from "@countersign/sdk/policy";
import { describe, expect, it } from "vitest";
import type { RecordedCall } from "./read-decisions.ts";
import { replay } from "./replay.ts";

const MINUTE = 60_000;
const recorded = (partial: Partial<RecordedCall>): RecordedCall => ({
  callId: "c",
  file: "f.jsonl",
  at: 0,
  policyId: `mcp:fs:${partial.tool ?? "read"}`,
  server: "fs",
  tool: "read",
  principal: "local",
  agent: "a",
  user: "u",
  session: "s",
  findings: [],
  arguments: {},
  definition: null,
  action: "allow",
  reason: "",
  decisive: [],
  code: "",
  freedom: "runs",
  answer: undefined,
  elapsedMs: undefined,
  ...partial,
});
const asked = (partial: Partial<RecordedCall>): RecordedCall => recorded({ tool: "write", action: "block", decisive: ["ask"], freedom: "asks", ...partial });
const ask: PolicyDocument = { version: 1, policies: [{ name: "ask", match: "mcp:fs:write", action: "block" }] };
const askMore: PolicyDocument = { version: 1, policies: [{ name: "ask", match: "mcp:fs:*", action: "block" }] };

describe("a replay", () => {
  it("counts approver time as recorded, and the median where there is none", () => {
    const calls = [
      asked({ elapsedMs: 1 * MINUTE, answer: "approved" }),
      asked({ elapsedMs: 3 * MINUTE, answer: "denied" }),
      asked({ elapsedMs: 8 * MINUTE, answer: "approved" }),
      asked({ answer: "timeout" }),
      recorded({ at: 2 * 86_400_000 }),
    ];
    // (1 + 3 + 8 + the median 3) over 2 days; the candidate asks about the read too: 3 more.
    expect(replay(calls, askMore)).toMatchObject({ days: 2, approvalsBefore: 4, approvalsAfter: 5, approverMinutesPerDayBefore: 7.5, approverMinutesPerDayAfter: 9 });
  });

  it("takes a finding's group from the row, and goes by its type in rows that do not hold it", () => {
    const own: PolicyDocument = { version: 1, default: "allow", policies: [], inspection: { own: { input: { "*": "block" } } } };
    const found = (group: string | undefined): RecordedCall => recorded({ findings: [{ type: "email", ...(group === undefined ? {} : { group }), direction: "input", where: "/to" }] });
    expect(replay([found("own")], own).newlyBlocked).toHaveLength(1);
    expect(replay([found("pii"), found(undefined)], own).newlyBlocked).toEqual([]);
    expect(replay([found(undefined)], { ...own, inspection: { pii: { input: { "*": "block" } } } }).newlyBlocked).toHaveLength(1);
  });

  it("does not guess minutes where nobody ever answered", () => {
    expect(replay([recorded({})], askMore)).toMatchObject({ approverMinutesPerDayBefore: 0, approverMinutesPerDayAfter: undefined });
  });

  it("finds no change under the document that was in force, also where nobody could be asked then", () => {
    const calls = [recorded({}), asked({ answer: "approved" }), asked({ freedom: "stops" })];
    expect(replay(calls, ask)).toMatchObject({ judged: 3, newlyAllowed: [], newlyBlocked: [], approvalsMore: [], approvalsFewer: [] });
  });

  it("compares with a baseline where one is given, whatever was recorded", () => {
    const report = replay([recorded({ tool: "write" })], { version: 1, policies: [] }, ask);
    expect(report.newlyAllowed).toMatchObject([{ policyId: "mcp:fs:write", before: "block", after: "allow" }]);
    expect(report.newlyBlocked).toEqual([]);
  });

  it("counts throttles by recorded time, and for each process apart", () => {
    const slow: PolicyDocument = { version: 1, policies: [{ name: "slow", match: "mcp:fs:*", action: "throttle", rate: { limit: 1, per: "1m" } }] };
    const calls = [recorded({ at: 0 }), recorded({ at: 30_000 }), recorded({ at: 90_000 }), recorded({ at: 30_000, file: "g.jsonl" })];
    expect(replay(calls, slow).newlyBlocked.map(({ at }) => at)).toEqual([30_000]);
  });

  it("takes a call that was refused then and runs now as newly allowed, and one that can be asked now as one more approval", () => {
    const refused = recorded({ tool: "write", action: "block", decisive: ["no"], freedom: "stops" });
    expect(replay([refused], { version: 1, policies: [] })).toMatchObject({ newlyAllowed: [{ because: "no policy holds it" }], approvalsMore: [] });
    expect(replay([refused], ask)).toMatchObject({ newlyAllowed: [], newlyBlocked: [], approvalsMore: [{ because: "ask" }] });
  });

  it("judges findings that were recorded", () => {
    const finding = { type: "email", direction: "input", where: "/to" } as const;
    const document: PolicyDocument = { version: 1, policies: [], inspection: { pii: { input: { email: "block" } } } };
    expect(replay([recorded({ findings: [finding] }), recorded({})], document).newlyBlocked).toHaveLength(1);
  });

  it("counts calls that it cannot judge: a condition without arguments", () => {
    // The type of `when` follows the version of the SDK.
    const conditional = { version: 1, policies: [{ name: "c", match: "mcp:fs:write", when: 'args.path == "/x"', action: "block" }] } as unknown as PolicyDocument;
    const calls = [recorded({ tool: "write", arguments: undefined }), recorded({ arguments: undefined })];
    expect(replay(calls, conditional)).toMatchObject({ recorded: 2, judged: 1, unjudged: 1 });
  });
});

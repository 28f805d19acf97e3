import type { trial } from "@countersign/sdk/contract";
import { describe, expect, it } from "vitest";
import { freedomChange, sortMoves } from "./sort-moves.ts";

const move = (before: trial.VerdictKind, after: trial.VerdictKind, calls: number, denied = 0): trial.ReplayMove => ({ before, after, calls, approved: 0, denied, unanswered: 0, groups: [], moreGroups: 0 });

describe("moves of a replay", () => {
  it("what would run more freely comes first, most denials before most calls", () => {
    const sorted = sortMoves([move("allow", "warn", 900), move("allow", "block", 50), move("block", "allow", 2), move("never", "block", 9), move("block", "warn", 1, 1)]);
    expect(sorted.map(({ before, after }) => `${before} ${after}`)).toEqual(["block warn", "never block", "block allow", "allow block", "allow warn"]);
  });

  it("a call that runs is as free whatever is recorded with it; one over its rate does not run", () => {
    expect([freedomChange("allow", "throttle"), freedomChange("warn", "throttled"), freedomChange("throttled", "block"), freedomChange("block", "never")]).toEqual(["same", "stricter", "freer", "stricter"]);
  });
});

/** Two verdicts on one call: whether they differ for anyone, and whether the second lets it run more easily. */
import { ASSURANCES, type Requirement, type Verdict } from "@countersign/sdk/policy";
import { freedomOf, sayRequirement, sayVerdict, type Freedom } from "../trial/verdict-words.ts";

export interface VerdictChange {
  readonly before: string;
  readonly after: string;
  readonly from: Freedom;
  readonly to: Freedom;
  /** Why the call runs more easily than before; empty where it does not. */
  readonly looser: readonly string[];
}

const ORDER: readonly Freedom[] = ["stops", "asks", "runs"];

/** Undefined where nothing changes for the call. Reasons and names of policies may differ. */
export function compareVerdicts(before: Verdict, after: Verdict): VerdictChange | undefined {
  const [from, to] = [freedomOf(before), freedomOf(after)];
  const [wanted, asked] = [terms(before), terms(after)];
  if (before.action === after.action && from === to && wanted === asked) return undefined;
  const looser = ORDER.indexOf(to) > ORDER.indexOf(from) ? [to === "runs" ? "it runs without a question" : "it can run after a yes"] : [];
  if (from === "asks" && to === "asks") looser.push(...weakerRequirements(before.requirements, after.requirements));
  return { before: sayWhole(before, wanted), after: sayWhole(after, asked), from, to, looser };
}

function sayWhole(verdict: Verdict, asked: string): string {
  return asked === "" ? sayVerdict(verdict) : `${sayVerdict(verdict)} (${asked})`;
}

function terms({ requirements }: Verdict): string {
  return requirements.map(sayRequirement).toSorted().join("; and ");
}

/** In what the second set of requirements asks for less than the first. A renamed policy that asks for the same is no less. */
function weakerRequirements(before: readonly Requirement[], after: readonly Requirement[]): readonly string[] {
  return before.flatMap((one) => {
    if (after.some((other) => weaknesses(one, other).length === 0)) return [];
    const same = after.find(({ policy }) => policy === one.policy);
    return same === undefined ? [`what ${one.policy} asked for is no longer asked for`] : weaknesses(one, same).map((weakness) => `${one.policy}: ${weakness}`);
  });
}

function weaknesses(before: Requirement, after: Requirement): readonly string[] {
  const rank = ({ assurance }: Requirement): number => (assurance === undefined ? -1 : ASSURANCES.indexOf(assurance));
  const checks: readonly (readonly [boolean, string])[] = [
    [after.quorum < before.quorum, "fewer approvals"],
    [rank(after) < rank(before), "approvers need be known less well"],
    [before.selfApproval === false && after.selfApproval !== false, "the requester may approve"],
    [before.requireReason && !after.requireReason, "no reason is asked for"],
    [!before.edits && after.edits, "arguments may be edited"],
    [isWider(before.approvers, after.approvers), "other people may approve"],
    [after.grants.some((grant) => !before.grants.includes(grant)), "more may be granted"],
    [(after.timeoutMinutes ?? DEFAULT_MINUTES) > (before.timeoutMinutes ?? DEFAULT_MINUTES), "more time to answer"],
    [after.escalate.some(({ to }) => to.some((name) => !before.approvers.includes(name) && !before.escalate.some((level) => level.to.includes(name)))), "others are asked after a while"],
  ];
  return checks.filter(([holds]) => holds).map(([, words]) => words);
}

const DEFAULT_MINUTES = 5;

/** An empty list is everybody with the role. */
function isWider(before: readonly string[], after: readonly string[]): boolean {
  if (before.length === 0) return false;
  return after.length === 0 || after.some((name) => !before.includes(name));
}

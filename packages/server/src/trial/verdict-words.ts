/** Verdicts and requirements in plain words; one place, so that all commands say the same. */
import type { Requirement, Verdict } from "@countersign/sdk/policy";

/** How free a call is under a verdict. `stops`: nobody can let it run; `asks`: it runs after a yes; `runs`: it runs. */
export type Freedom = "stops" | "asks" | "runs";

export function freedomOf({ action, askable, rateLimited }: Pick<Verdict, "action" | "askable" | "rateLimited">): Freedom {
  if (action === "block") return askable ? "asks" : "stops";
  return rateLimited ? "stops" : "runs";
}

export function sayVerdict({ action, askable, rateLimited, retryAfterMs }: Pick<Verdict, "action" | "askable" | "rateLimited" | "retryAfterMs">): string {
  switch (action) {
    case "allow":
      return "allow: it runs";
    case "warn":
      return "warn: it runs, and is recorded as a warning";
    case "throttle":
      return rateLimited ? `throttle: over its rate; it does not run, and has a chance again in ${sayMs(retryAfterMs)}` : "throttle: it runs, while under its rate";
    case "block":
      return askable ? "block: it runs only after a yes" : "block: nobody can override it";
  }
}

/** What one requirement asks for, as a sentence without its full stop. */
export function sayRequirement(requirement: Requirement): string {
  const { approvers, assurance, edits, escalate, grants, quorum, requireReason, selfApproval, timeoutMinutes } = requirement;
  const people = approvers.length === 0 ? "anyone with the role approver" : approvers.join(", ");
  const within = timeoutMinutes === null ? "5 minutes (the default)" : minutes(timeoutMinutes);
  const more = [
    selfApproval === false ? "not by the person behind the request" : "",
    assurance === undefined ? "" : `by people who are known at least as: ${assurance}`,
    requireReason ? "with a reason" : "",
    edits ? "arguments may be edited" : "",
    grants.length === 0 ? "" : `may be granted for: ${grants.join(", ")}`,
    ...escalate.map(({ afterMs, to }) => `after ${sayMs(afterMs)} also asks ${to.join(", ")}`),
  ].filter((text) => text !== "");
  return [`${quorum === 1 ? "1 approval" : `${quorum} approvals`} of ${people}, within ${within}`, ...more].join("; ");
}

function sayMs(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)} ms`;
  const seconds = Math.round(ms / 100) / 10;
  return seconds < 120 ? `${seconds} s` : minutes(Math.round(seconds / 6) / 10);
}

function minutes(count: number): string {
  return count === 1 ? "1 minute" : `${count} minutes`;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

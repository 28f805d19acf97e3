/** What a request asks for: the document's own requirements and the caller's, put together once and frozen. */
import { hash } from "node:crypto";
import type { JsonValue, Requirement } from "@countersign/sdk";
import { canonicalJson } from "@countersign/sdk/call";
import type { AskBody } from "@countersign/sdk/wire";

const DEFAULT_WINDOW_MS = 5 * 60_000;
const MINUTE_MS = 60_000;
/** As long as a caller may ask for itself: thirty days. */
const LONGEST_MINUTES = 30 * 24 * 60;

/** Where nothing says what to ask for: one approver. */
const PLAIN: Requirement = { policy: "default", approvers: [], quorum: 1, assurance: undefined, selfApproval: undefined, timeoutMinutes: null, grants: [], edits: false, requireReason: false, escalate: [] };

export function readRequirements(body: AskBody["requirements"]): readonly Requirement[] {
  return body.map((it) => ({ ...it, assurance: it.assurance, selfApproval: it.selfApproval, timeoutMinutes: it.timeoutMinutes === null ? null : Math.min(it.timeoutMinutes, LONGEST_MINUTES) }));
}

/** Of two with the same name the document's counts. Never empty. */
export function mergeRequirements(own: readonly Requirement[], callers: readonly Requirement[]): readonly Requirement[] {
  const merged = [...own, ...callers.filter(({ policy }) => !own.some((it) => it.policy === policy))];
  return merged.length === 0 ? [PLAIN] : merged;
}

/** Without members that are undefined, as JSON has it and as the request digest covers it. */
export function plainRequirements(requirements: readonly Requirement[]): JsonValue {
  return requirements.map(({ policy, approvers, quorum, assurance, selfApproval, timeoutMinutes, grants, edits, requireReason, escalate }) => ({
    policy,
    approvers,
    quorum,
    ...(assurance === undefined ? {} : { assurance }),
    ...(selfApproval === undefined ? {} : { selfApproval }),
    timeoutMinutes,
    grants,
    edits,
    requireReason,
    escalate: escalate.map(({ afterMs, to }) => ({ afterMs, to })),
  }));
}

/** What a standing grant was given for: where anything of it changes, it is not that any more. */
export function requirementsDigest(requirements: readonly Requirement[]): string {
  return hash("sha256", `countersign/requirements/v1\0${canonicalJson(plainRequirements(requirements))}`, "hex");
}

/** The shortest window that is written, else the caller's, else five minutes. */
export function windowOf(requirements: readonly Requirement[], callersMs: number | null): number {
  const written = requirements.flatMap(({ timeoutMinutes }) => (timeoutMinutes === null ? [] : [timeoutMinutes * MINUTE_MS]));
  return Math.ceil(written.length > 0 ? Math.min(...written) : (callersMs ?? DEFAULT_WINDOW_MS));
}

/** What the policy step answers. Words as in the glossary; every field is plain data that can be recorded. */
import type { JsonValue } from "../call/json.ts";

export const ACTIONS = ["allow", "warn", "throttle", "block"] as const;
export type Action = (typeof ACTIONS)[number];

export const ASSURANCES = ["local", "authenticated", "passkey"] as const;
/** How well we know who answered, weakest first. */
export type Assurance = (typeof ASSURANCES)[number];

/** What one matching block asks for before its call may run. All requirements of a call must be met. */
export interface Requirement {
  /** Name of the policy, or "default", or "inspection". */
  readonly policy: string;
  /** People and `group:` names. Empty means: anyone with the role approver. */
  readonly approvers: readonly string[];
  readonly quorum: number;
  /** Undefined where the policy does not say. */
  readonly assurance: Assurance | undefined;
  /** Undefined where the policy does not say; false asks for a second person. */
  readonly selfApproval: boolean | undefined;
  /** Minutes as written, or null. */
  readonly timeoutMinutes: number | null;
  readonly grants: readonly string[];
  readonly edits: boolean;
  readonly requireReason: boolean;
  readonly escalate: readonly { readonly afterMs: number; readonly to: readonly string[] }[];
}

/** `policyResult.metadata`: the policy's own free map, and these four, which it cannot replace. */
export interface PolicyMetadata {
  /** The policy id of the call. */
  readonly workflowName: string;
  readonly workflowType?: string;
  /** Union of all requirements' approvers in policy order; for display only. */
  readonly approvers: readonly string[];
  /** The shortest that is written, in minutes, or null. */
  readonly timeoutMinutes: number | null;
  readonly [key: string]: JsonValue | undefined;
}

/** The verdict of all policies on one call. */
export interface PolicyResult {
  readonly action: Action;
  readonly reason: string;
  /** Names of every enforced policy that matched, in document order. */
  readonly policies: readonly string[];
  /** Those of the winning action. */
  readonly decisive: readonly string[];
  readonly requirements: readonly Requirement[];
  readonly metadata: PolicyMetadata;
  /** With `throttle`: whether the call is over its rate. */
  readonly rateLimited?: boolean;
  /** Milliseconds until a call like this one has a token again. */
  readonly retryAfterMs?: number;
}

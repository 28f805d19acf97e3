/**
 * Documents tried on calls: why one decides a call as it does, and what it would have made of recorded ones. Pure: it reads no store and
 * runs nothing, and nothing here may ever lead to a permit. Called by the commands (`policy explain`, `replay`, `diff`) and by control/trial/.
 * This file: a recorded call as it is judged anew.
 */
import type { JsonObject, JsonValue } from "@countersign/sdk";
import type { Action } from "@countersign/sdk/policy";

export interface RecordedFindingRow {
  readonly type: string;
  /** Undefined in rows of a recorder that did not keep it. */
  readonly group?: string | undefined;
  readonly direction: "input" | "output";
  readonly where: string;
}

/** A call as a row of the record tells it, or as a request does. */
export interface TriedCall {
  readonly row: JsonObject;
  /** RFC 8785 text; null where it is not there or not for whoever asks. */
  readonly argumentsText: string | null;
  /** What else is known of it, where it is a request's. */
  readonly definition: JsonObject | null;
}

export interface RecordedDecision {
  readonly callId: string;
  /** What has throttle counters of its own: a record file, which is one process; "" where a control plane shares them. */
  readonly file: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly policyId: string;
  readonly server: string | undefined;
  readonly tool: string;
  readonly principal: string;
  readonly agent: string;
  readonly user: string;
  readonly session: string;
  readonly findings: readonly RecordedFindingRow[];
  /** Undefined where they were not recorded, their key was erased, or whoever asks may not read them. */
  readonly arguments: JsonObject | undefined;
  /** Digest of the tool's definition, where it was known. */
  readonly definition: string | null;
  readonly action: Action;
  readonly reason: string;
  readonly decisive: readonly string[];
  /** Why the call ended there; "" where it did not. */
  readonly code: string;
}

const NO_POLICY: ReadonlySet<string> = new Set(["malformed_call", "unknown_tool", "record_unavailable", "policy_unavailable", "internal_error"]);

/** Calls that ended before any policy was asked: malformed, unknown tools, a broken record. */
export function isUndecided({ code }: Pick<RecordedDecision, "code">): boolean {
  return NO_POLICY.has(code);
}

/** Of a row of type `decision`, which a recorder wrote. `readArguments` is called when they are first asked for. */
export function readDecision(row: JsonObject, file: string, readArguments: () => JsonObject | undefined): RecordedDecision {
  const { definition, server } = row;
  // The recorder wrote these rows.
  const action = row["action"] as Action;
  const findings = (row["findings"] ?? []) as unknown as readonly RecordedFindingRow[];
  let args: { readonly value: JsonObject | undefined } | undefined;
  return {
    callId: textOf(row, "callId"),
    file,
    at: numberOf(row, "at"),
    policyId: textOf(row, "policyId"),
    server: typeof server === "string" ? server : undefined,
    tool: textOf(row, "tool"),
    principal: textOf(row, "principal"),
    agent: textOf(row, "agent"),
    user: textOf(row, "user"),
    session: textOf(row, "session"),
    findings: findings.filter(({ direction }) => direction === "input"),
    get arguments() {
      return (args ??= { value: readArguments() }).value;
    },
    definition: typeof definition === "string" ? definition : null,
    action,
    reason: textOf(row, "reason"),
    decisive: namesOf(row["decisive"]),
    code: textOf(row, "code"),
  };
}

export function textOf(row: JsonObject, key: string): string {
  const value = row[key];
  return typeof value === "string" ? value : "";
}

export function numberOf(row: JsonObject, key: string): number {
  const value = row[key];
  return typeof value === "number" ? value : 0;
}

function namesOf(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((name: JsonValue) => typeof name === "string") : [];
}

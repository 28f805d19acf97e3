/**
 * Inspection: looking into a call before it is decided, and into its result before it is handed back.
 * An inspection reports findings and may redact; it never decides. What a finding means is said by the policy document's
 * `inspection` actions (see policy/), and a finding alone changes no verdict. Called by guard.ts.
 */
import type { ReadCall } from "../call/call.ts";
import type { JsonObject, JsonValue } from "../call/json.ts";

/** What an inspection saw. `where` is a JSON Pointer; `start` and `end` are UTF-16 offsets inside the string there. */
export interface Finding {
  readonly type: string;
  /** Group the type belongs to, for actions that name the group. */
  readonly group: "pii" | "secret" | "security";
  readonly direction: "input" | "output";
  readonly where: string;
  readonly start?: number;
  readonly end?: number;
  /** How often it was seen at this place. Default 1. */
  readonly count?: number;
}

export const INSPECTION_ACTIONS = ["allow", "warn", "redact", "block"] as const;
export type InspectionAction = (typeof INSPECTION_ACTIONS)[number];

/** What an inspection says of the arguments: its findings, and the action its owner configured for them. */
export interface InputInspection {
  readonly findings: readonly Finding[];
  /** The most restrictive action of all findings. Default `allow`. `block` is asked about like any block. */
  readonly action?: InspectionAction;
  /** One short sentence for people; must not quote what was found. */
  readonly reason?: string;
  /** With `redact`: the arguments to send instead. Bound, shown and sent in place of the original. */
  readonly arguments?: JsonObject;
}

/** What an inspection says of a result. `block` withholds it: the tool has already run, and nobody is asked. */
export interface OutputInspection {
  readonly findings: readonly Finding[];
  readonly action?: InspectionAction;
  readonly reason?: string;
  readonly result?: JsonValue;
}

/** An inspection. Throwing counts as `block`. Both methods may answer at once or with a promise. */
export interface Inspection {
  readonly name: string;
  inspectCall?(call: ReadCall, signal: AbortSignal | undefined): InputInspection | Promise<InputInspection>;
  inspectResult?(call: ReadCall, result: JsonValue, signal: AbortSignal | undefined): OutputInspection | Promise<OutputInspection>;
}

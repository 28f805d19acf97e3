/**
 * Inspection: looking into a call before it is decided, and into its result before it is handed back.
 * An inspection reports findings and, where told to, redacts. It never decides: what a finding means is said by the policy
 * document's `inspection` actions. Called by guard.ts. An inspection that fails blocks the call.
 */
import type { ReadCall } from "../call/call.ts";
import type { JsonObject, JsonValue } from "../call/json.ts";

/** What an inspection saw. It never holds the value itself. */
export interface Finding {
  readonly type: string;
  /** The group of the document's `inspection` section that the type belongs to, such as `pii` or `secret`. */
  readonly group: string;
  readonly direction: "input" | "output";
  /** JSON Pointer into the arguments or the result. */
  readonly where: string;
  /** UTF-16 offsets inside the string at `where`, of the value alone. */
  readonly start?: number;
  readonly end?: number;
  /** How often it was seen at this place. Default 1. */
  readonly count?: number;
}

export const INSPECTION_ACTIONS = ["allow", "warn", "redact", "block"] as const;
/** What the document asks for where a finding occurs, mildest first. */
export type InspectionAction = (typeof INSPECTION_ACTIONS)[number];

/** An inspection. Each method may answer at once or with a promise; a method that throws blocks the call or withholds the result. */
export interface Inspection {
  readonly name: string;
  inspectCall?(call: ReadCall, signal: AbortSignal | undefined): readonly Finding[] | Promise<readonly Finding[]>;
  /** The arguments without what `findings` point at. Bound, shown and sent in place of the original. */
  redactCall?(call: ReadCall, findings: readonly Finding[]): JsonObject | Promise<JsonObject>;
  inspectResult?(call: ReadCall, result: JsonValue, signal: AbortSignal | undefined): readonly Finding[] | Promise<readonly Finding[]>;
  redactResult?(call: ReadCall, result: JsonValue, findings: readonly Finding[]): JsonValue | Promise<JsonValue>;
}

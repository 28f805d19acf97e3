/**
 * Arguments that an approver wrote in place of the caller's. What comes of them is the caller's own call in all but its arguments: server,
 * tool, definition, context and caller are never taken from an answer. Pure; guard.ts binds, inspects and judges the call anew.
 */
import type { ReadCall } from "../call/call.ts";
import { canonicalJson } from "../call/canonical-json.ts";
import type { JsonObject } from "../call/json.ts";
import { DEFAULT_MAX_BYTES, snapshotObject } from "../call/snapshot.ts";
import { parseStrictJson } from "../call/strict-json.ts";
import type { Requirement } from "../policy/result.ts";

export interface Edit {
  /** The request in which people were asked about the changed call. */
  readonly requestId: string;
  /** The changed arguments whole, as JSON text: another process's word until the claim names their digest. */
  readonly argumentsText: string;
}

export type EditedCall = { readonly ok: true; readonly call: ReadCall } | { readonly ok: false; readonly reason: string };

/** `requirements`: those under which the call was held here. An edit counts only where every one of them allows it. */
export function editedCall(read: ReadCall, { argumentsText }: Edit, requirements: readonly Requirement[], maxBytes = DEFAULT_MAX_BYTES): EditedCall {
  if (requirements.length === 0 || !requirements.every(({ edits }) => edits)) return { ok: false, reason: "the arguments were changed, and the policy in force here does not allow that" };
  const place = { depth: 2, at: "/arguments", maxBytes };
  const parsed = parseStrictJson(argumentsText, place);
  const args = parsed.ok ? snapshotObject(parsed.value, place) : parsed;
  if (!args.ok) return { ok: false, reason: `the changed arguments cannot be sent: ${args.reason}` };
  return { ok: true, call: { ...read, arguments: args.value, argumentsText: args.text } };
}

/** Names of the arguments that differ, those that are gone or new among them. Never values. */
export function changedArguments(before: JsonObject, after: JsonObject): readonly string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
  return names.filter((name) => textAt(before, name) !== textAt(after, name));
}

function textAt(args: JsonObject, name: string): string | undefined {
  const value = Object.hasOwn(args, name) ? args[name] : undefined;
  return value === undefined ? undefined : canonicalJson(value);
}

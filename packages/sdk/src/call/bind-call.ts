import type { Call, ReadCall } from "./call.ts";
import { callDigest } from "./digest.ts";
import { policyIdOf } from "./policy-id.ts";
import { snapshotObject } from "./snapshot.ts";
import type { JsonObject } from "./json.ts";

/**
 * Binds a read call to its digest. `definition` is the digest of the tool definition last listed on this connection, or null.
 * The result is what policies judge and what is sent; whatever changes a bound field needs a new binding. It is frozen, its
 * members are not: freezing large arguments costs more than reading them anew from their text (see paramsOf).
 */
export function bindCall(call: ReadCall, definition: string | null): Call {
  return Object.freeze({ ...call, policyId: policyIdOf(call.server.name, call.tool), definition, digest: callDigest(call, definition) });
}

/** The call with other arguments (input redaction). Throws TypeError where they are not plain JSON. */
export function withArguments(call: ReadCall, replacement: JsonObject): ReadCall {
  const copied = snapshotObject(replacement, { depth: 2, at: "/arguments" });
  if (!copied.ok) throw new TypeError(`redacted arguments are not plain JSON: ${copied.reason}`);
  return { ...call, arguments: copied.value, argumentsText: copied.text };
}

/** The same call for the eyes of handlers and inspections: deeply frozen, with a copy of the arguments that nothing else uses. */
export function frozenCopy<T extends ReadCall>(call: T): T {
  // structuredClone of plain JSON data is plain JSON data.
  return deepFreeze(structuredClone(call));
}

function deepFreeze<T>(value: T): T {
  if (value === null || typeof value !== "object" || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}

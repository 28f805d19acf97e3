/** The door `@countersign/sdk/call`: the strict parse, canonical text and the two digests, so that others bind calls as guard.ts does. */
export { bindCall } from "./bind-call.ts";
export type { Call, Caller, ReadCall, ServerRef } from "./call.ts";
export { changedPointers } from "./changed-pointers.ts";
export { checkArguments } from "./check-arguments.ts";
export { decodeUtf8 } from "./decode-utf8.ts";
export type { ArgumentFault } from "./check-arguments.ts";
export { canonicalJson } from "./canonical-json.ts";
export { TRANSPORTS } from "./call.ts";
export { callDigest, definitionDigest, requestDigest } from "./digest.ts";
export type { RequestFacts } from "./digest.ts";
export type { JsonObject, JsonValue } from "./json.ts";
export { parseJson } from "./parse-json.ts";
export { policyIdOf } from "./policy-id.ts";
export { snapshotJson, snapshotObject } from "./snapshot.ts";
export { findAmbiguity, parseStrictJson } from "./strict-json.ts";
export type { AmbiguityOptions } from "./strict-json.ts";

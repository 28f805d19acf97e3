/**
 * The two digests. What a person approves is named by the request digest; what will run is named by the call digest.
 * Both hash a type prefix, a zero byte and RFC 8785 text, never joined strings (an ambiguous join was attack T-sig).
 */
import { createHmac, hash, type KeyObject } from "node:crypto";
import type { JsonValue } from "./json.ts";
import type { ReadCall } from "./call.ts";
import { canonicalJson } from "./canonical-json.ts";

const CALL_PREFIX = "countersign/call/v1\0";
const REQUEST_PREFIX = "countersign/request/v1\0";
const DEFINITION_PREFIX = "countersign/definition/v1\0";
const IDENTITY_PREFIX = "countersign/server/v1\0";

/** Call digest, hex. Members are written in canonical order; `argumentsText` and `contextText` are canonical already. */
export function callDigest(call: ReadCall, definition: string | null): string {
  const { argumentsText, contextText } = call;
  return hash("sha256", `${CALL_PREFIX}{"arguments":${argumentsText},"context":${contextText},${addressOf(call, definition)}`, "hex");
}

interface Address {
  readonly definition: string | null;
  readonly identity: string | null;
  readonly name: string | undefined;
  readonly tool: string;
  readonly text: string;
}

/** The last one: agents call the same tool many times in a row, and quoting it costs as much as the hash of a small call. */
let last: Address | undefined;

/** The end of the hashed text: definition, server and tool. */
function addressOf({ server: { identity, name }, tool }: ReadCall, definition: string | null): string {
  if (last === undefined || last.tool !== tool || last.definition !== definition || last.identity !== identity || last.name !== name) {
    const text = canonicalJson({ definition, server: { identity, name: name ?? null }, tool }).slice(1);
    last = { definition, identity, name, tool, text };
  }
  return last.text;
}

/** What a request digest covers. Times in milliseconds since the epoch on the asking side's clock. */
export interface RequestFacts {
  readonly id: string;
  readonly nonce: string;
  readonly tenant: string;
  readonly callDigest: string;
  readonly principal: string;
  readonly agent: string;
  readonly requirement: JsonValue;
  readonly expiresAt: number;
}

/** Request digest, hex. Votes name this one. */
export function requestDigest(facts: RequestFacts): string {
  return hash("sha256", REQUEST_PREFIX + canonicalJson({ ...facts }), "hex");
}

/** Digest of a tool definition's canonical text, hex. */
export function definitionDigest(canonicalText: string): string {
  return hash("sha256", DEFINITION_PREFIX + canonicalText, "hex");
}

/** Digest of what is known about a server's identity, hex. */
export function identityDigest(facts: JsonValue): string {
  return hash("sha256", IDENTITY_PREFIX + canonicalJson(facts), "hex");
}

/** A digest that may leave the installation: keyed, since short arguments behind a plain digest could be guessed. */
export function keyedDigest(digest: string, key: KeyObject): string {
  return createHmac("sha256", key).update(digest).digest("hex");
}

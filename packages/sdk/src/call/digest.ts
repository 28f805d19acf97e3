/**
 * The two digests. What a person approves is named by the request digest; what will run is named by the call digest.
 * Both hash a type prefix, a zero byte and RFC 8785 text, never joined strings (an ambiguous join was attack T-sig).
 */
import { hash } from "node:crypto";
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

const BLOCK_BYTES = 64;

/**
 * Digests that may leave the installation: HMAC-SHA256 (RFC 2104) under its key, since short arguments behind a plain digest
 * could be guessed. Two one-shot hashes take a third of what a new Hmac object for each digest does. The key has at most 64 bytes.
 */
export function createKeyedDigest(key: Uint8Array): (digest: string) => string {
  if (key.length > BLOCK_BYTES) throw new TypeError(`the key must not be longer than ${BLOCK_BYTES} bytes`);
  const padded = (pad: number): Buffer => Buffer.from(Uint8Array.from({ length: BLOCK_BYTES }, (_, index) => (key[index] ?? 0) ^ pad));
  const inner = Buffer.concat([padded(0x36), Buffer.alloc(2 * 32)]);
  const outer = Buffer.concat([padded(0x5c), Buffer.alloc(32)]);
  return (digest) => {
    if (!/^[0-9a-f]{64}$/.test(digest)) throw new TypeError("not a SHA-256 digest in hex");
    inner.write(digest, BLOCK_BYTES, "latin1");
    outer.write(hash("sha256", inner, "hex"), BLOCK_BYTES, "hex");
    return hash("sha256", outer, "hex");
  };
}

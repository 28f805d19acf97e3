/**
 * A document made ready to be in force: its own JSON text and the index over it, in a few flat buffers. That is quick to hand from
 * one thread to another and leaves nothing to collect; single policies are made from the text when a call first meets them.
 * Called by compile.ts, and for large documents by prepare-worker.ts.
 */
import { hash } from "node:crypto";
import { canonicalJson } from "../call/canonical-json.ts";
import type { JsonObject } from "../call/json.ts";
import { parseJson } from "../call/parse-json.ts";
import { snapshotJson } from "../call/snapshot.ts";
import type { DocumentPolicy, PolicyDocument } from "./document.ts";
import { indexPolicies, type PolicyIndex } from "./policy-index.ts";

export interface PreparedDocument {
  /** The document without its policies. */
  readonly frame: Omit<PolicyDocument, "policies">;
  readonly size: number;
  /** Hex SHA-256 of the document's RFC 8785 text. */
  readonly digest: string;
  /** That text in UTF-8. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each policy begins in it, and where the one after the last would. One character is between two. */
  readonly starts: Uint32Array<ArrayBuffer>;
  readonly index: PolicyIndex;
}

/** Of a document that was read without a problem, which is copied. Throws TypeError for patterns that reading refuses. */
export function prepareDocument(document: PolicyDocument): PreparedDocument {
  const copied = snapshotJson(document, { maxBytes: Number.MAX_SAFE_INTEGER });
  if (!copied.ok) throw new TypeError(`not a policy document: ${copied.reason}`);
  // A copy of a document is a document.
  return prepareCanonical(copied.value as unknown as PolicyDocument, copied.text);
}

/** Names a document by what it says: hex SHA-256 of its RFC 8785 text, whatever it was written in. Throws TypeError as prepareDocument does. */
export function policyDigest(document: PolicyDocument): string {
  const copied = snapshotJson(document, { maxBytes: Number.MAX_SAFE_INTEGER });
  if (!copied.ok) throw new TypeError(`not a policy document: ${copied.reason}`);
  return hash("sha256", copied.text, "hex");
}

/** As prepareDocument, of a document that nobody else holds, with its RFC 8785 text. */
export function prepareCanonical(document: PolicyDocument, text: string): PreparedDocument {
  const { policies, ...frame } = document;
  const bytes = new TextEncoder().encode(text);
  const starts = findStarts(text, bytes, policies.length) ?? countStarts(text, policies);
  return { frame, size: policies.length, digest: hash("sha256", bytes, "hex"), bytes, starts, index: indexPolicies(policies) };
}

/** What the keys of a document and of a policy being in order makes sure of. */
const BEFORE_LIST = '"policies":[';
const AFTER_LIST = '],"version":1}';
const BEGINNING = '{"action":';

/** Each policy begins in the same way. Undefined where something inside a policy (of its metadata) does so too. */
function findStarts(text: string, bytes: Uint8Array<ArrayBuffer>, size: number): Uint32Array<ArrayBuffer> | undefined {
  const places: Pick<Buffer, "indexOf"> | string = text.length === bytes.length ? text : Buffer.from(bytes.buffer);
  const starts = new Uint32Array(size + 1);
  let at = places.indexOf(BEFORE_LIST);
  for (let ordinal = 0; ordinal < size; ordinal++) starts[ordinal] = at = places.indexOf(BEGINNING, at + 1);
  if (places.indexOf(BEGINNING, at + 1) !== -1) return undefined;
  starts[size] = bytes.length - AFTER_LIST.length + 1;
  return starts;
}

function countStarts(text: string, policies: readonly DocumentPolicy[]): Uint32Array<ArrayBuffer> {
  const starts = new Uint32Array(policies.length + 1);
  let start = Buffer.byteLength(text.slice(0, text.indexOf(BEFORE_LIST) + BEFORE_LIST.length));
  for (const [ordinal, policy] of policies.entries()) {
    starts[ordinal] = start;
    start += Buffer.byteLength(canonicalJson(policy as unknown as JsonObject)) + 1; // what was read is plain JSON
  }
  starts[policies.length] = start;
  return starts;
}

/** One policy of the document. */
export function policyAt({ bytes, starts }: PreparedDocument, ordinal: number): DocumentPolicy {
  const begin = starts[ordinal] ?? 0;
  const end = (starts[ordinal + 1] ?? 0) - 1;
  // The text was written from a document that had been checked.
  return parseJson(Buffer.from(bytes.buffer, bytes.byteOffset + begin, end - begin).toString("utf8")) as unknown as DocumentPolicy;
}

/** What moves to another thread with the document. */
export function buffersOf({ bytes, starts, index }: PreparedDocument): readonly ArrayBuffer[] {
  const { table, policyOf, firstPattern, groups } = index;
  return [bytes, starts, policyOf, firstPattern, groups, table.heads, table.entries, table.shapeHeads, table.shapes].map(({ buffer }) => buffer);
}

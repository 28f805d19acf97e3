/**
 * A document made ready to be in force: its own JSON text and the index over it, in a few flat buffers. That is quick to hand from
 * one thread to another and leaves nothing to collect; single policies are made from the text when a call first meets them.
 * Called by compile.ts, and for large documents by prepare-worker.ts.
 */
import { hash } from "node:crypto";
import type { DocumentPolicy, PolicyDocument } from "./document.ts";
import { indexPolicies, type PolicyIndex } from "./policy-index.ts";

export interface PreparedDocument {
  /** The document without its policies. */
  readonly frame: Omit<PolicyDocument, "policies">;
  readonly size: number;
  /** Hex SHA-256 of the document's JSON text. */
  readonly digest: string;
  /** That text in UTF-8. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each policy begins in it, and where the one after the last would. One character is between two. */
  readonly starts: Uint32Array<ArrayBuffer>;
  readonly index: PolicyIndex;
}

/** Of a document that was read without a problem. Throws TypeError for patterns that reading refuses. */
export function prepareDocument(document: PolicyDocument): PreparedDocument {
  const { policies, ...frame } = document;
  const index = indexPolicies(policies);
  const written = policies.map((policy) => JSON.stringify(policy));
  const members = Object.entries(document).filter(([, value]) => value !== undefined);
  const at = members.findIndex(([key]) => key === "policies");
  const text = (some: typeof members): string[] => some.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const head = `{${[...text(members.slice(0, at)), '"policies":['].join(",")}`;
  const tail = `${["]", ...text(members.slice(at + 1))].join(",")}}`;
  const whole = `${head}${written.join(",")}${tail}`;
  const bytes = new TextEncoder().encode(whole);
  return { frame, size: policies.length, digest: hash("sha256", bytes, "hex"), bytes, starts: startsOf(head, written, bytes.length === whole.length), index };
}

function startsOf(head: string, written: readonly string[], isAscii: boolean): Uint32Array<ArrayBuffer> {
  const starts = new Uint32Array(written.length + 1);
  let start = isAscii ? head.length : Buffer.byteLength(head);
  for (const [ordinal, text] of written.entries()) {
    starts[ordinal] = start;
    start += (isAscii ? text.length : Buffer.byteLength(text)) + 1;
  }
  starts[written.length] = start;
  return starts;
}

/** One policy of the document. */
export function policyAt({ bytes, starts }: PreparedDocument, ordinal: number): DocumentPolicy {
  const begin = starts[ordinal] ?? 0;
  const end = (starts[ordinal + 1] ?? 0) - 1;
  // The text was written from a document that had been checked.
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset + begin, end - begin).toString("utf8")) as DocumentPolicy;
}

/** What moves to another thread with the document. */
export function buffersOf({ bytes, starts, index }: PreparedDocument): readonly ArrayBuffer[] {
  const { table, policyOf, firstPattern, groups } = index;
  return [bytes, starts, policyOf, firstPattern, groups, table.heads, table.entries, table.shapeHeads, table.shapes].map(({ buffer }) => buffer);
}

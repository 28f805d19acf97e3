/** From text or object to a policy document, or to every problem it has, each with its place and its mend. */
import { LineCounter, isMap, isPair, isScalar, parseDocument, type Document } from "yaml";
import type { z } from "zod";
import { snapshotJson } from "../call/snapshot.ts";
import { PolicyDocumentError, type PolicyProblem } from "../errors.ts";
import { policyDocument, type PolicyDocument } from "./document.ts";

const MAX_TEXT = 64 * 1024 * 1024;

/** Reads YAML 1.2 or JSON. `source` names the text in errors. Throws PolicyDocumentError. */
export function readPolicyText(text: string, source: string): PolicyDocument {
  if (text.length > MAX_TEXT) throw new PolicyDocumentError(source, [{ line: 1, column: 1, message: "larger than 64 MiB" }]);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false, version: "1.2", strict: true });
  const broken = [...document.errors, ...document.warnings].map(({ pos, message }) => ({ ...place(lines, pos[0]), message }));
  if (broken.length > 0) throw new PolicyDocumentError(source, broken);
  if (document.contents === null) throw new PolicyDocumentError(source, [{ line: 1, column: 1, message: "is empty.", mend: EXAMPLE }]);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new PolicyDocumentError(source, [{ line: 1, column: 1, message: error instanceof Error ? error.message : "cannot be read" }]);
  }
  return check(value, source, (path) => locate(document, lines, path));
}

/** Reads a document given as an object. It is copied, so later changes to the object change nothing. Throws PolicyDocumentError. */
export function readPolicyObject(value: unknown, source = "policies"): PolicyDocument {
  const copied = snapshotJson(value, { maxBytes: MAX_TEXT });
  if (!copied.ok) throw new PolicyDocumentError(source, [{ line: 1, column: 1, message: copied.reason }]);
  return check(copied.value, source, () => ({ line: 1, column: 1 }));
}

const EXAMPLE = "Write `version: 1`, `default: allow` and a list of `policies`.";

function check(value: unknown, source: string, where: (path: readonly PropertyKey[]) => Place): PolicyDocument {
  const result = policyDocument.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => describe(issue, where));
  problems.sort((a, b) => a.line - b.line || a.column - b.column);
  throw new PolicyDocumentError(source, problems);
}

interface Place {
  readonly line: number;
  readonly column: number;
}

function place(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** The place of a path in the text: of the last key or item on it that exists. */
function locate(document: Document, lines: LineCounter, path: readonly PropertyKey[]): Place {
  for (let length = path.length; length > 0; length--) {
    const parent: unknown = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const last = path[length - 1];
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === last);
      if (pair !== undefined && isScalar(pair.key) && pair.key.range) return place(lines, pair.key.range[0]);
    }
    const node: unknown = document.getIn(path.slice(0, length), true);
    const range = node !== null && typeof node === "object" && "range" in node ? node.range : undefined;
    if (Array.isArray(range) && typeof range[0] === "number") return place(lines, range[0]);
  }
  return { line: 1, column: 1 };
}

/** One problem per thing to mend; unknown keys come one by one. */
function describe(issue: z.core.$ZodIssue, where: (path: readonly PropertyKey[]) => Place): PolicyProblem[] {
  const label = issue.path.length === 0 ? "the document" : issue.path.map(String).join(".");
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => {
        const near = nearest(key);
        const problem = { ...where([...issue.path, key]), message: `unknown key ${JSON.stringify(key)} in ${label}.` };
        return near === undefined ? problem : { ...problem, mend: `Did you mean ${JSON.stringify(near)}?` };
      });
    case "invalid_type":
      return [{ ...where(issue.path), message: issue.input === undefined ? `${label} is missing.` : `${label}: must be of type ${issue.expected}.` }];
    case "invalid_value":
      return [{ ...where(issue.path), message: `${label}: must be ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}.` }];
    case "invalid_union":
      return describeUnion(issue, label, where);
    default:
      return [{ ...where(issue.path), message: `${label}: ${issue.message}` }];
  }
}

/** The branch that came furthest says more than "no branch fits". */
function describeUnion(issue: z.core.$ZodIssueInvalidUnion, label: string, where: (path: readonly PropertyKey[]) => Place): PolicyProblem[] {
  const inner = issue.errors
    .filter((issues) => issues.every((one) => one.path.length > 0 || one.code === "unrecognized_keys" || one.code === "custom"))
    .toSorted((a, b) => a.length - b.length)[0];
  if (inner === undefined || inner.length === 0) return [{ ...where(issue.path), message: `${label}: ${issue.message}` }];
  return inner.flatMap((one) => describe({ ...one, path: [...issue.path, ...one.path] }, where));
}

const KEYS = [
  ...["version", "default", "policies", "inspection", "name", "match", "except", "when", "action", "mode", "reason", "metadata"],
  ...["approval", "rate", "approvers", "quorum", "timeoutMinutes", "selfApproval", "assurance", "grants", "edits", "escalate"],
  ...["requireReason", "limit", "per", "burst", "key", "input", "output", "onChange", "onSuspicious", "after", "to"],
];

/** The known key within two edits, or that differs in case or separators only. */
function nearest(key: string): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[_\-\s]/g, "");
  const same = KEYS.find((known) => plain(known) === plain(key));
  if (same !== undefined) return same;
  const [best] = KEYS.map((known) => ({ known, distance: editDistance(key, known) })).toSorted((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= 2 && best.distance < key.length ? best.known : undefined;
}

function editDistance(a: string, b: string): number {
  if (a.length > 40) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

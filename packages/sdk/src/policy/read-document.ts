/**
 * From text or object to a policy document, or to every problem it has, each with its place and its mend.
 * Nothing half right comes out, and nothing that is written can hang or crash it. Called by policy-store.ts.
 */
import { LineCounter, isAlias, isMap, isPair, isScalar, parseDocument, visit, type Document } from "yaml";
import type { JsonValue } from "../call/json.ts";
import { snapshotJson } from "../call/snapshot.ts";
import { parseStrictJson } from "../call/strict-json.ts";
import { PolicyDocumentError, type PolicyProblem } from "../errors.ts";
import { compileCondition } from "./condition/condition.ts";
import { policyDocument, type PolicyDocument } from "./document.ts";
import { EXAMPLE, explainIssue, labelOf, type DocumentPath, type DocumentProblem } from "./explain-issue.ts";
import { explainYaml, UNQUOTED_STAR, type TextProblem } from "./explain-yaml.ts";
import { isPlainDocument } from "./plain-document.ts";
import { MAX_TEXT } from "./text-limit.ts";


/** Beyond this many problems a message helps nobody. */
const MAX_PROBLEMS = 20;
/** Uses of anchors, counted through anchors inside anchors: enough for one use in each of many policies, and no "billion laughs". */
const MAX_ALIASES = 10_000;

/** Reads YAML 1.2 or JSON. `source` names the text in errors. Throws PolicyDocumentError. */
export function readPolicyText(text: string, source: string): PolicyDocument {
  if (text.length > MAX_TEXT) throw new PolicyDocumentError(source, [{ ...START, message: "the document is larger than 64 MiB." }]);
  if (/^\s*\{/.test(text)) {
    // JSON is YAML too, but large documents are read some fifty times faster as what they are.
    const json = parseStrictJson(text, { maxBytes: MAX_TEXT });
    if (json.ok && (isPlain(json.value) || policyDocument.safeParse(json.value).success)) return inCanonicalOrder(json.value);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { ...YAML, lineCounter: lines });
  const broken = explainYaml(text, [...document.errors, ...document.warnings]);
  if (broken.length > 0) throw refusal(source, broken.map((problem) => atOffset(lines, problem)));
  if (document.contents === null) throw new PolicyDocumentError(source, [{ ...START, message: "the document is empty.", mend: EXAMPLE }]);
  return check(plain(document, lines, source), source, (path, within) => (within === undefined ? locate(document, lines, path) : locateWithin(text, document, lines, path, within)));
}

/** Reads a document given as an object. It is copied, so later changes to the object change nothing. Throws PolicyDocumentError. */
export function readPolicyObject(value: unknown, source = "policies"): PolicyDocument {
  return check(value, source, () => START);
}

const YAML = { uniqueKeys: true, stringKeys: true, resolveKnownTags: false, prettyErrors: false, version: "1.2", strict: true } as const;
const START: Place = { line: 1, column: 1 };

interface Place {
  readonly line: number;
  readonly column: number;
}

/** The document's value with its aliases resolved. */
function plain(document: Document, lines: LineCounter, source: string): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw new PolicyDocumentError(source, [{ ...START, message: "the document is nested too deeply." }]);
  }
  let offset: number | undefined;
  visit(document, (_, node) => {
    if (!isAlias(node) || node.resolve(document) !== undefined) return undefined;
    offset = node.range?.[0] ?? 0;
    return visit.BREAK;
  });
  if (offset !== undefined) throw refusal(source, [atOffset(lines, { offset, ...UNQUOTED_STAR })]);
  throw new PolicyDocumentError(source, [{ ...START, message: `the document uses its anchors (*name) more than ${MAX_ALIASES} times.`, mend: "Write fewer, or write them out." }]);
}

type Where = (path: DocumentPath, within?: number) => Place;

function check(value: unknown, source: string, where: Where): PolicyDocument {
  const copied = snapshotJson(value, { maxBytes: MAX_TEXT });
  if (!copied.ok) throw refusal(source, [inPlace(explainSnapshot(copied.reason), where)]);
  if (isPlain(copied.value)) return copied.value;
  const result = policyDocument.safeParse(copied.value, { reportInput: true });
  if (result.success) return inCanonicalOrder(copied.value);
  throw refusal(source, result.error.issues.flatMap(explainIssue).map((problem) => inPlace(problem, where)));
}

function isPlain(value: JsonValue): value is JsonValue & PolicyDocument {
  return isPlainDocument(value, (condition) => compileCondition(condition).ok);
}

/** A value that the schema has accepted is a document. The schema's own copy has its keys in another order, and so another digest. */
function inCanonicalOrder(value: JsonValue): PolicyDocument {
  return value as unknown as PolicyDocument;
}

/** A snapshot's reason is a JSON Pointer, then what is wrong there. */
function explainSnapshot(reason: string): DocumentProblem {
  const [, pointer = "", what = reason] = /^(\/\S*|params): (.*)$/s.exec(reason) ?? [];
  const steps = pointer.startsWith("/") ? pointer.slice(1).split("/").map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~")) : [];
  const path = steps.map((step) => (/^\d+$/.test(step) ? Number(step) : step));
  const said = SNAPSHOT_REASONS.find(([beginning]) => what.startsWith(beginning))?.[1] ?? `cannot be read: ${what}.`;
  return { path, message: `${labelOf(path)} ${said}` };
}

const SNAPSHOT_REASONS = [
  ["NaN", "must be a finite number."],
  ["an integer beyond", "is an integer beyond ±(2^53-1), which programs read differently. Put it in quotes."],
  ["nested deeper", "is nested deeper than 64 levels."],
  ["the key __proto__", "may not be used as a key."],
  ["larger than", "is larger than 64 MiB."],
  ["could not be read", "cannot be read: a getter or a proxy in it threw."],
] as const;

function refusal(source: string, problems: readonly PolicyProblem[]): PolicyDocumentError {
  const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  const shown = sorted.slice(0, MAX_PROBLEMS);
  const next = sorted[MAX_PROBLEMS];
  if (next !== undefined) shown.push({ line: next.line, column: next.column, message: `and ${sorted.length - MAX_PROBLEMS} more problems from here on.` });
  return new PolicyDocumentError(source, shown);
}

function atOffset(lines: LineCounter, { offset, ...said }: TextProblem): PolicyProblem {
  return { ...place(lines, offset), ...said };
}

function inPlace({ path, within, ...said }: DocumentProblem, where: Where): PolicyProblem {
  return { ...where(path, within), ...said };
}

function place(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** The place of a path in the text: of the last key or item on it that exists. */
function locate(document: Document, lines: LineCounter, path: DocumentPath): Place {
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
  return START;
}

/** The place of a character of a text value, where it is written as it is read; else the place of the value. */
function locateWithin(text: string, document: Document, lines: LineCounter, path: DocumentPath, within: number): Place {
  const node: unknown = document.getIn(path, true);
  if (!isScalar(node) || typeof node.value !== "string" || !node.range) return locate(document, lines, path);
  const begin = node.range[0];
  const end = node.range[1];
  // The same characters in the source: behind a quote, or on the lines of a block. Escapes and folds have no such run.
  const before = node.value.slice(0, within);
  const line = before.slice(before.lastIndexOf("\n") + 1);
  const rest = node.value.slice(within).split("\n")[0] ?? "";
  const at = text.slice(begin, end).indexOf(line + rest);
  return at === -1 ? locate(document, lines, path) : place(lines, begin + at + line.length);
}

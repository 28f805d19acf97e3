/**
 * From text or object to a policy document, or to every problem it has, each with its place and its mend.
 * Nothing half right comes out, and nothing that is written can hang or crash it. Called by policy-store.ts.
 */
import { LineCounter, isAlias, parseDocument, visit, type Document } from "yaml";
import type { JsonValue } from "../call/json.ts";
import { snapshotJson } from "../call/snapshot.ts";
import { parseStrictJson } from "../call/strict-json.ts";
import { PolicyDocumentError, type PolicyProblem } from "../errors.ts";
import { compileCondition } from "./condition/condition.ts";
import { policyDocument, type PolicyDocument } from "./document.ts";
import { EXAMPLE, explainIssue, labelOf, type DocumentPath, type DocumentProblem } from "./explain-issue.ts";
import { explainYaml, UNQUOTED_STAR, type TextProblem } from "./explain-yaml.ts";
import { offsetOf, offsetWithin } from "./locate.ts";
import { rememberPlaces, type Place } from "./places.ts";
import { isPlainDocument } from "./plain-document.ts";
import { sectionsOfJson, sectionsOfYaml } from "./sections.ts";
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
    if (json.ok && (isPlain(json.value) || policyDocument.safeParse(json.value).success)) return rememberPlaces(inCanonicalOrder(json.value), source, text, () => sectionsOfJson(text));
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { ...YAML, lineCounter: lines });
  const broken = explainYaml(text, [...document.errors, ...document.warnings]);
  if (broken.length > 0) throw refusal(source, broken.map((problem) => atOffset(lines, problem)));
  if (document.contents === null) throw new PolicyDocumentError(source, [{ ...START, message: "the document is empty.", mend: EXAMPLE }]);
  const where: Where = (path, within) => place(lines, (within === undefined ? offsetOf(document, path) : offsetWithin(text, document, path, within)) ?? 0);
  const checked = check(plain(document, lines, source), source, where);
  const sections = sectionsOfYaml(document); // now: the tree of nodes is some twenty times as large as the text
  return rememberPlaces(checked, source, text, () => sections);
}

/** Reads a document given as an object. It is copied, so later changes to the object change nothing. Throws PolicyDocumentError. */
export function readPolicyObject(value: unknown, source = "policies"): PolicyDocument {
  return rememberPlaces(check(value, source, () => START), source);
}

const YAML = { uniqueKeys: true, stringKeys: true, resolveKnownTags: false, prettyErrors: false, version: "1.2", strict: true } as const;
const START: Place = { line: 1, column: 1 };

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

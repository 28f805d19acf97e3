/**
 * From YAML or JSON text to the plain value it holds, with the place of each of its parts, or to every problem it has, each with its mend.
 * It knows no schema: what a document must be is its reader's, such as read-document.ts. Nothing that is written can hang or crash it.
 */
import { LineCounter, isAlias, parseDocument, visit, type Document } from "yaml";
import type { z } from "zod";
import type { JsonValue } from "../call/json.ts";
import { snapshotJson } from "../call/snapshot.ts";
import type { PolicyProblem } from "../errors.ts";
import { explainIssue, labelOf, type DocumentPath, type DocumentProblem, type DocumentWords } from "./explain-issue.ts";
import { explainYaml, UNQUOTED_STAR, type TextProblem } from "./explain-yaml.ts";
import { offsetOf, offsetWithin } from "./locate.ts";
import type { Place } from "./places.ts";
import { MAX_TEXT } from "./text-limit.ts";

/** Beyond this many problems a message helps nobody. */
const MAX_PROBLEMS = 20;
/** Uses of anchors, counted through anchors inside anchors: enough for one use in each of many policies, and no "billion laughs". */
const MAX_ALIASES = 10_000;
const YAML = { uniqueKeys: true, stringKeys: true, resolveKnownTags: false, prettyErrors: false, version: "1.2", strict: true } as const;
export const START: Place = { line: 1, column: 1 };

/** What kind of document is read: its words, and how a refusal of it is thrown. */
export interface DocumentKind {
  readonly words: DocumentWords;
  /** The error with all problems; `source` names the text. */
  readonly refusal: (source: string, problems: readonly PolicyProblem[]) => Error;
}

/** `within` counts UTF-16 units into the text at the path. */
export type Where = (path: DocumentPath, within?: number) => Place;

export interface ReadText {
  /** Not checked yet. */
  readonly value: unknown;
  readonly document: Document;
  readonly where: Where;
}

/** Throws the kind's refusal. */
export function readYaml(text: string, source: string, kind: DocumentKind): ReadText {
  if (text.length > MAX_TEXT) throw kind.refusal(source, [{ ...START, message: "the document is larger than 64 MiB." }]);
  const lines = new LineCounter();
  const document = parseDocument(text, { ...YAML, lineCounter: lines });
  const broken = explainYaml(text, [...document.errors, ...document.warnings]);
  if (broken.length > 0) throw refusalOf(source, broken.map((problem) => atOffset(lines, problem)), kind);
  if (document.contents === null) throw kind.refusal(source, [{ ...START, message: "the document is empty.", mend: kind.words.example }]);
  const where: Where = (path, within) => place(lines, (within === undefined ? offsetOf(document, path) : offsetWithin(text, document, path, within)) ?? 0);
  return { value: plain(document, lines, source, kind), document, where };
}

/** A copy of a value that is plain JSON throughout. Throws the kind's refusal. */
export function plainValue(value: unknown, source: string, where: Where, kind: DocumentKind): JsonValue {
  const copied = snapshotJson(value, { maxBytes: MAX_TEXT });
  if (!copied.ok) throw refusalOf(source, [inPlace(explainSnapshot(copied.reason), where)], kind);
  return copied.value;
}

/** What the schema makes of a value. Throws the kind's refusal with every problem. */
export function checkValue<T>(value: JsonValue, source: string, where: Where, schema: z.ZodType<T>, kind: DocumentKind): T {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  throw refusalOf(source, result.error.issues.flatMap((issue) => explainIssue(issue, kind.words)).map((problem) => inPlace(problem, where)), kind);
}

/** The document's value with its aliases resolved. */
function plain(document: Document, lines: LineCounter, source: string, kind: DocumentKind): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw kind.refusal(source, [{ ...START, message: "the document is nested too deeply." }]);
  }
  let offset: number | undefined;
  visit(document, (_, node) => {
    if (!isAlias(node) || node.resolve(document) !== undefined) return undefined;
    offset = node.range?.[0] ?? 0;
    return visit.BREAK;
  });
  if (offset !== undefined) throw refusalOf(source, [atOffset(lines, { offset, ...UNQUOTED_STAR })], kind);
  throw kind.refusal(source, [{ ...START, message: `the document uses its anchors (*name) more than ${MAX_ALIASES} times.`, mend: "Write fewer, or write them out." }]);
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

/** All problems in the order of the text, up to a number that still helps. */
export function refusalOf(source: string, problems: readonly PolicyProblem[], kind: DocumentKind): Error {
  const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  const shown = sorted.slice(0, MAX_PROBLEMS);
  const next = sorted[MAX_PROBLEMS];
  if (next !== undefined) shown.push({ line: next.line, column: next.column, message: `and ${sorted.length - MAX_PROBLEMS} more problems from here on.` });
  return kind.refusal(source, shown);
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

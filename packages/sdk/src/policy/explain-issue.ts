/** From what the schema found to sentences with a mend. Places are named as code would: `policies[0].approval.quorum`. */
import type { z } from "zod";
import { nearest } from "./nearest.ts";

export type DocumentPath = readonly PropertyKey[];

/** One thing to mend, at a place of the document. */
export interface DocumentProblem {
  readonly path: DocumentPath;
  readonly message: string;
  readonly mend?: string;
  /** UTF-16 units into the text at `path`, where the place is inside it. */
  readonly within?: number;
}

/** What messages about one kind of document say of its keys. */
export interface DocumentWords {
  /** The keys that each kind of map in the document may have. */
  readonly keys: { readonly [kind: string]: readonly string[] };
  /** Where a map of that kind is, such as "under `approval`". */
  readonly homes: { readonly [kind: string]: string };
  /** The kind of the map at a path. */
  readonly kindOf: (path: DocumentPath) => string;
  /** What to write where a key is missing. */
  readonly missing: { readonly [key: string]: string };
  /** What a whole document looks like. */
  readonly example: string;
  /** Keys that a list of what there is leaves out. */
  readonly unnamed: readonly string[];
}

/** One problem per thing to mend: unknown keys come one by one. */
export function explainIssue(issue: z.core.$ZodIssue, words: DocumentWords): readonly DocumentProblem[] {
  const { path } = issue;
  const label = labelOf(path);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => explainKey(path, key, words));
    case "invalid_type":
      return [{ path, ...explainType(label, issue, isOwn(issue), words) }];
    case "invalid_value":
      return [{ path, ...explainValue(label, issue, words) }];
    case "too_small":
      return [{ path, ...explainSmall(label, issue) }];
    case "invalid_union":
      return explainUnion(issue, label, words);
    default:
      return [{ path, ...placeWithin(issue), message: sentence(issue.message.startsWith("must be") ? `${label} ${issue.message}, not ${shown(issue.input)}` : `${label} ${issue.message}`) }];
  }
}

/** A condition says at which of its characters it fails. */
function placeWithin(issue: z.core.$ZodIssue): { readonly within?: number } {
  const offset: unknown = issue.code === "custom" ? issue.params?.["offset"] : undefined;
  return typeof offset === "number" ? { within: offset } : {};
}

export function labelOf(path: DocumentPath): string {
  if (path.length === 0) return "the document";
  const steps = path.slice(0, MAX_STEPS).map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`));
  return `${steps.join("").replace(/^\./, "")}${path.length > MAX_STEPS ? "…" : ""}`;
}

/** Our own keys are never deeper; metadata may be. */
const MAX_STEPS = 8;

/** What a place misses altogether, or why what is there is nothing. */
function absent(path: DocumentPath, input: unknown, { missing }: DocumentWords, fallback = "Write one, or remove the key."): Said | undefined {
  const mend = missing[String(path.at(-1))];
  if (input === null) return { message: `${labelOf(path)} has no value.`, mend: mend ?? fallback };
  if (input !== undefined) return undefined;
  return mend === undefined ? { message: `${labelOf(path)} is missing.` } : { message: `${labelOf(path)} is missing.`, mend };
}

/** Whether the schema says it in words of its own. */
function isOwn({ message }: z.core.$ZodIssue): boolean {
  return !message.startsWith("Invalid ");
}

type Said = Pick<DocumentProblem, "message" | "mend">;

const KINDS: { readonly [expected: string]: string } = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
  record: "a map",
};

const UNQUOTED = "Write it without quotes.";

function explainType(label: string, issue: z.core.$ZodIssueInvalidType, inOwnWords: boolean, words: DocumentWords): Said {
  const { expected, input, message, path } = issue;
  if (inOwnWords && expected === "undefined") return { message: `${label} ${message}` };
  const missing = absent(path, input, words);
  if (missing !== undefined) return missing;
  if (inOwnWords) return { message: sentence(`${label} ${message}, not ${shown(input)}`) };
  const wrong = { message: `${label} must be ${KINDS[expected] ?? expected}, not ${shown(input)}.` };
  if (path.length === 0) return { ...wrong, mend: words.example };
  if (expected === "string" && (typeof input === "number" || typeof input === "boolean")) return { ...wrong, mend: "Put it in quotes." };
  if (expected === "number" && typeof input === "string" && /^[\d.]+$/.test(input)) return { ...wrong, mend: UNQUOTED };
  return wrong;
}

function explainValue(label: string, { input, path, values }: z.core.$ZodIssueInvalidValue, words: DocumentWords): Said {
  const missing = absent(path, input, words, `Write ${list(values)}.`);
  if (missing !== undefined) return missing;
  const message = `${label} must be ${list(values)}, not ${shown(input)}.`;
  if (values.some((value) => typeof value !== "string" && String(value) === input)) return { message, mend: UNQUOTED };
  return withNearest(message, input, values);
}

function explainSmall(label: string, { origin, minimum, inclusive, input }: z.core.$ZodIssueTooSmall): Said {
  if (origin === "string") return { message: `${label} is an empty text.` };
  if (origin === "array") return { message: `${label} is an empty list.`, mend: "Write at least one." };
  return { message: `${label} must be ${inclusive === true ? "at least" : "greater than"} ${minimum}, not ${shown(input)}.` };
}

/** A map or list is explained by the branch that takes maps or lists; anything else by what the union says of itself. */
function explainUnion(issue: z.core.$ZodIssueInvalidUnion, label: string, words: DocumentWords): readonly DocumentProblem[] {
  const { errors, input, path } = issue;
  if (input !== null && typeof input === "object") {
    const inner = errors.find((issues) => issues.every((one) => one.path.length > 0 || one.code === "unrecognized_keys"));
    if (inner !== undefined) return inner.flatMap((one) => explainIssue({ ...one, path: [...path, ...one.path] }, words));
  }
  const missing = absent(path, input, words);
  if (missing !== undefined) return [{ path, ...missing }];
  const values = errors.flat().flatMap((one) => (one.code === "invalid_value" ? one.values : []));
  return [{ path, ...withNearest(`${label} ${issue.message}, not ${shown(input)}.`, input, values) }];
}

function withNearest(message: string, input: unknown, values: readonly unknown[]): Said {
  const near = typeof input === "string" ? nearest(input, values.map(String)) : undefined;
  return near === undefined ? { message } : { message, mend: `Did you mean ${near}?` };
}

function explainKey(path: DocumentPath, key: string, { keys, homes, kindOf, unnamed }: DocumentWords): DocumentProblem {
  const message = `${labelOf(path)} has the unknown key ${shown(key)}.`;
  const place = [...path, key];
  const known = keys[kindOf(path)] ?? [];
  const near = nearest(key, known);
  if (near !== undefined) return { path: place, message, mend: `Did you mean ${near}?` };
  const found = Object.keys(keys).filter((kind) => keys[kind]?.includes(key)).map((kind) => homes[kind] ?? kind);
  return { path: place, message, mend: found.length > 0 ? `It belongs ${found.join(" or ")}.` : `Known keys here: ${known.filter((one) => !unnamed.includes(one)).join(", ")}.` };
}

function list(values: readonly unknown[]): string {
  const texts = values.map(String);
  return texts.length < 2 ? texts.join("") : `${texts.slice(0, -1).join(", ")} or ${texts.at(-1)}`;
}

/** A value as a message may quote it: short, and by its kind where it is a list or map. */
function shown(value: unknown): string {
  if (value === null) return "nothing";
  if (typeof value === "object") return Array.isArray(value) ? "a list" : "a map";
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function sentence(text: string): string {
  return /[.?!]$/.test(text) ? text : `${text}.`;
}

/** From what the schema found to sentences with a mend. Places are named as code would: `policies[0].approval.quorum`. */
import type { z } from "zod";
import { KEYS } from "./document.ts";
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

/** One problem per thing to mend: unknown keys come one by one. */
export function explainIssue(issue: z.core.$ZodIssue): readonly DocumentProblem[] {
  const { path } = issue;
  const label = labelOf(path);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => explainKey(path, key));
    case "invalid_type":
      return [{ path, ...explainType(label, issue, isOwn(issue)) }];
    case "invalid_value":
      return [{ path, ...explainValue(label, issue) }];
    case "too_small":
      return [{ path, ...explainSmall(label, issue) }];
    case "invalid_union":
      return explainUnion(issue, label);
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
function absent(path: DocumentPath, input: unknown, fallback = "Write one, or remove the key."): Said | undefined {
  const mend = MISSING[String(path.at(-1))];
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

const MISSING: { readonly [key: string]: string } = {
  version: "Write `version: 1`.",
  policies: "Write `policies: []` where there are none.",
  name: "Give each policy a name of its own.",
  match: 'Write a pattern such as "mcp:filesystem:write_file".',
  action: "Write allow, warn, throttle or block.",
  limit: "Write how many calls, such as `limit: 30`.",
  per: "Write a duration such as `per: 1m`.",
};

export const EXAMPLE = "Write `version: 1`, `default: allow` and a list of `policies`.";
const UNQUOTED = "Write it without quotes.";

function explainType(label: string, issue: z.core.$ZodIssueInvalidType, inOwnWords: boolean): Said {
  const { expected, input, message, path } = issue;
  if (inOwnWords && expected === "undefined") return { message: `${label} ${message}` };
  const missing = absent(path, input);
  if (missing !== undefined) return missing;
  if (inOwnWords) return { message: sentence(`${label} ${message}, not ${shown(input)}`) };
  const wrong = { message: `${label} must be ${KINDS[expected] ?? expected}, not ${shown(input)}.` };
  if (path.length === 0) return { ...wrong, mend: EXAMPLE };
  if (expected === "string" && (typeof input === "number" || typeof input === "boolean")) return { ...wrong, mend: "Put it in quotes." };
  if (expected === "number" && typeof input === "string" && /^[\d.]+$/.test(input)) return { ...wrong, mend: UNQUOTED };
  return wrong;
}

function explainValue(label: string, { input, path, values }: z.core.$ZodIssueInvalidValue): Said {
  const missing = absent(path, input, `Write ${list(values)}.`);
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
function explainUnion(issue: z.core.$ZodIssueInvalidUnion, label: string): readonly DocumentProblem[] {
  const { errors, input, path } = issue;
  if (input !== null && typeof input === "object") {
    const inner = errors.find((issues) => issues.every((one) => one.path.length > 0 || one.code === "unrecognized_keys"));
    if (inner !== undefined) return inner.flatMap((one) => explainIssue({ ...one, path: [...path, ...one.path] }));
  }
  const missing = absent(path, input);
  if (missing !== undefined) return [{ path, ...missing }];
  const values = errors.flat().flatMap((one) => (one.code === "invalid_value" ? one.values : []));
  return [{ path, ...withNearest(`${label} ${issue.message}, not ${shown(input)}.`, input, values) }];
}

function withNearest(message: string, input: unknown, values: readonly unknown[]): Said {
  const near = typeof input === "string" ? nearest(input, values.map(String)) : undefined;
  return near === undefined ? { message } : { message, mend: `Did you mean ${near}?` };
}

type Kind = keyof typeof KEYS;

const HOMES: { readonly [kind in Kind]: string } = {
  document: "at the top of the document",
  default: "under `default`",
  policy: "in an item of `policies`",
  approval: "under `approval`",
  escalate: "in an item of `escalate`",
  rate: "under `rate`",
  inspection: "under `inspection`",
  tools: "under `inspection.tools`",
  findings: "under a group of `inspection`, such as `pii`",
};

function explainKey(path: DocumentPath, key: string): DocumentProblem {
  const message = `${labelOf(path)} has the unknown key ${shown(key)}.`;
  const place = [...path, key];
  const kind = kindOf(path);
  const near = nearest(key, KEYS[kind]);
  if (near !== undefined) return { path: place, message, mend: `Did you mean ${near}?` };
  // The entries of KEYS are what Object.entries gives.
  const homes = (Object.entries(KEYS) as [Kind, readonly string[]][]).filter(([, keys]) => keys.includes(key)).map(([home]) => HOMES[home]);
  return { path: place, message, mend: homes.length > 0 ? `It belongs ${homes.join(" or ")}.` : `Known keys here: ${KEYS[kind].filter((known) => known !== "when").join(", ")}.` };
}

function kindOf(path: DocumentPath): Kind {
  const last = path.at(-1);
  if (path.length === 0) return "document";
  if (last === "approval" || last === "rate" || last === "default" || last === "tools") return last;
  if (typeof last === "number") return path.at(-2) === "escalate" ? "escalate" : "policy";
  return path[0] === "inspection" && path.length === 1 ? "inspection" : "findings";
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

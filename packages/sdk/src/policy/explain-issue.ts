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
      return [{ path, ...explainValue(label, issue.input, issue.values.map(String)) }];
    case "too_small":
      return [{ path, message: `${label} ${tooSmall(issue)}` }];
    case "invalid_union":
      return explainUnion(issue, label);
    default:
      return [{ path, message: sentence(`${label} ${issue.message}`) }];
  }
}

export function labelOf(path: DocumentPath): string {
  if (path.length === 0) return "the document";
  return path.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`)).join("").replace(/^\./, "");
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

function explainType(label: string, issue: z.core.$ZodIssueInvalidType, inOwnWords: boolean): Said {
  const { expected, input, message } = issue;
  const mend = MISSING[String(issue.path.at(-1))];
  if (input === undefined) return mend === undefined ? { message: `${label} is missing.` } : { message: `${label} is missing.`, mend };
  if (inOwnWords && expected === "undefined") return { message: `${label} ${message}` };
  if (input === null) return { message: `${label} has no value.`, mend: mend ?? "Write one, or remove the key." };
  if (inOwnWords) return { message: sentence(`${label} ${message}, not ${shown(input)}`) };
  const wrong = { message: `${label} must be ${KINDS[expected] ?? expected}, not ${shown(input)}.` };
  return expected === "string" && (typeof input === "number" || typeof input === "boolean") ? { ...wrong, mend: "Put it in quotes." } : wrong;
}

function explainValue(label: string, input: unknown, values: readonly string[]): Said {
  if (input === undefined) return { message: `${label} is missing.`, mend: MISSING[label.split(".").at(-1) ?? ""] ?? `Write ${list(values)}.` };
  const message = `${label} must be ${list(values)}, not ${shown(input)}.`;
  const near = typeof input === "string" ? nearest(input, values) : undefined;
  return near === undefined ? { message } : { message, mend: `Did you mean ${near}?` };
}

function tooSmall({ origin, minimum, inclusive, input }: z.core.$ZodIssueTooSmall): string {
  if (origin === "string") return "is an empty text.";
  if (origin === "array") return "is an empty list.";
  return `must be ${inclusive === true ? "at least" : "greater than"} ${minimum}, not ${shown(input)}.`;
}

/** A map or list is explained by the branch that takes maps or lists; anything else by what the union says of itself. */
function explainUnion(issue: z.core.$ZodIssueInvalidUnion, label: string): readonly DocumentProblem[] {
  const { errors, input, path } = issue;
  if (input !== null && typeof input === "object") {
    const inner = errors.find((issues) => issues.every((one) => one.path.length > 0 || one.code === "unrecognized_keys"));
    if (inner !== undefined) return inner.flatMap((one) => explainIssue({ ...one, path: [...path, ...one.path] }));
  }
  if (input === null) return [{ path, message: `${label} has no value.`, mend: "Write one, or remove the key." }];
  const message = `${label} ${issue.message}, not ${shown(input)}.`;
  const values = errors.flat().flatMap((one) => (one.code === "invalid_value" ? one.values.map(String) : []));
  const near = typeof input === "string" ? nearest(input, values) : undefined;
  return [near === undefined ? { path, message } : { path, message, mend: `Did you mean ${near}?` }];
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

function list(values: readonly string[]): string {
  return values.length < 2 ? values.join("") : `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`;
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

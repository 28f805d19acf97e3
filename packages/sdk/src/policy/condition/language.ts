/**
 * What conditions may say: variables, functions, macros and limits, and the same as an environment of cel-js.
 * cel-js parses and type-checks; it evaluates nothing (see docs/decisions/2026-11-23-cel-guard.md). Functions are declared to it
 * under a capital letter, since its own of the same names have other types and cannot be replaced.
 */
import { Environment } from "@marcbachmann/cel-js";
import { CONVERSION_FORMS } from "./conversion-functions.ts";
import type { Form } from "./form.ts";
import { HELPER_FORMS } from "./own-functions.ts";
import { TEXT_FORMS } from "./text-functions.ts";
import { TIME_FORMS } from "./time-functions.ts";
import { CEL_TYPES } from "./value.ts";

/** UTF-16 units. */
export const MAX_SOURCE = 4_096;
const LIMITS = { maxAstNodes: 500, maxDepth: 20, maxListElements: 200, maxMapEntries: 200, maxCallArguments: 8 };

export const VARIABLES = ["args", "agent", "user", "session", "server", "tool", "findings", "now"] as const;
export type VariableName = (typeof VARIABLES)[number];

/** Loops over lists and the keys of maps, and how many arguments each takes. */
export const MACROS: ReadonlyMap<string, readonly number[]> = new Map([
  ["all", [2]],
  ["exists", [2]],
  ["exists_one", [2]],
  ["filter", [2]],
  ["map", [2, 3]],
]);

const FORMS: ReadonlyMap<string, Form> = new Map(
  [...TEXT_FORMS, ...CONVERSION_FORMS, ...TIME_FORMS, ...HELPER_FORMS].map((form) => [formKey(form.name, form.method, form.params.length), form]),
);
const NAMES: ReadonlySet<string> = new Set([...FORMS.values()].map(({ name }) => name));

function formKey(name: string, method: boolean, count: number): string {
  return `${method ? "." : ""}${name}/${count}`;
}

export function findForm(name: string, method: boolean, count: number): Form | undefined {
  return FORMS.get(formKey(name, method, count));
}

export function isFunction(name: string): boolean {
  return NAMES.has(name);
}

/** For the message about a function that does not exist. */
export function functionNames(): string {
  return ["has", ...MACROS.keys(), ...NAMES].join(", ");
}

export function declaredName(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

export function writtenName(declared: string): string {
  return declared.charAt(0).toLowerCase() + declared.slice(1);
}

/** A message of cel-js in the words of whoever wrote the condition. */
export function withWrittenNames(message: string): string {
  if (message.startsWith("List index must be int")) return "an index into this list has to be written out, such as [0]";
  return message.replaceAll(/\b[A-Z]\w*(?=\()/gu, (name) => (NAMES.has(writtenName(name)) ? writtenName(name) : name));
}

/** Types of parts of the arguments, by name: what an environment for one tool knows beyond the common one. */
export interface ArgumentTypes {
  /** The fields of each type, and their types: one of CEL's, or a name from here. */
  readonly types: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** The type of `args`. */
  readonly args: string;
}

let environment: Environment | undefined;

/** Made when the first condition is compiled, and shared: nothing about a condition stays in it. */
export function celEnvironment(): Environment {
  environment ??= createEnvironment();
  return environment;
}

/** For one tool where `typed` says what its arguments are. */
export function createEnvironment(typed?: ArgumentTypes): Environment {
  const made = new Environment({ limits: LIMITS, homogeneousAggregateLiterals: false, unlistedVariablesAreDyn: false, enableOptionalTypes: false });
  made.registerType("Finding", { fields: { type: "string", where: "string", direction: "string", count: "double" } });
  for (const [name, fields] of typed?.types ?? []) made.registerType(name, { fields });
  made.registerVariable("args", typed?.args ?? "map<string, dyn>");
  made.registerVariable("agent", { schema: { name: "string", id: "string" } });
  made.registerVariable("user", { schema: { id: "string", claimed: "bool" } });
  made.registerVariable("session", { schema: { id: "string" } });
  made.registerVariable("server", { schema: { name: "string", transport: "string" } });
  made.registerVariable("tool", {
    schema: { name: "string", known: "bool", claims: { readOnly: "bool", destructive: "bool", idempotent: "bool", openWorld: "bool" } },
  });
  made.registerVariable("findings", "list<Finding>");
  made.registerVariable("now", "google.protobuf.Timestamp");
  made.registerOperator("double % double: double", neverEvaluated);
  for (const form of FORMS.values()) for (const signature of signaturesOf(form)) made.registerFunction(signature, neverEvaluated);
  return made;
}

function neverEvaluated(): never {
  throw new Error("cel-js evaluates nothing here");
}

/** One for every choice of kinds. */
function signaturesOf({ name, method, params, returns }: Form): readonly string[] {
  let choices: readonly (readonly string[])[] = [[]];
  for (const kinds of params) choices = choices.flatMap((choice) => kinds.map((kind) => [...choice, CEL_TYPES[kind]]));
  return choices.map((types) => {
    const [receiver, ...rest] = types;
    return `${method ? `${receiver}.` : ""}${declaredName(name)}(${(method ? rest : types).join(", ")}): ${CEL_TYPES[returns]}`;
  });
}

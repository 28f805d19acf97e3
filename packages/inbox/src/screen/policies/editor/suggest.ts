/** What may be written at a place of a policy document: keys, values, people, and calls that were recorded. Pure. */
import { branchesOf, isList, isMap, schemasAt, valuesOf } from "./schema.ts";
import type { Schema } from "./schema.ts";
import { yamlPlaceAt } from "./yaml-place.ts";
import type { YamlPlace } from "./yaml-place.ts";

/** What this installation knows beside the schema. */
export interface Known {
  /** E-mail addresses and `group:` names. */
  readonly approvers: readonly string[];
  /** Policy ids of recorded calls. */
  readonly calls: readonly string[];
}

export interface Suggestion {
  readonly label: string;
  readonly kind: "key" | "value" | "person" | "call" | "policy";
  readonly detail: string;
  /** More about it, for whoever looks. */
  readonly about: string;
  /** What is written, with its own indentation. Of keys and policies, `${}` is where one goes on writing and `${word}` what one changes. */
  readonly insert: string;
  /** Higher ones come first. */
  readonly boost: number;
}

export interface Suggestions {
  readonly from: number;
  readonly options: readonly Suggestion[];
}

/** Undefined where there is nothing to say. */
export function suggestAt(text: string, position: number, schema: Schema, known: Known): Suggestions | undefined {
  const place = yamlPlaceAt(text, position);
  if (place === undefined) return undefined;
  const options = optionsAt(place, schema, known);
  return options.length === 0 ? undefined : { from: place.from, options };
}

function optionsAt(place: YamlPlace, schema: Schema, known: Known): readonly Suggestion[] {
  const schemas = schemasAt(schema, place.path);
  const branches = schemas.flatMap(branchesOf);
  const maps = branches.filter(({ properties }) => properties !== undefined);
  if (place.at === "key") return place.path.join(".") === "policies" && !place.isItem && place.siblings.length === 0 ? [] : keysOf(maps, place);
  const values = valueOptions(place, branches, known);
  if (!place.isItem) return values;
  return [...(place.path.join(".") === "policies" ? WHOLE_POLICIES(place.column) : []), ...values, ...keysOf(maps, place)];
}

function keysOf(maps: readonly Schema[], { siblings, column }: YamlPlace): readonly Suggestion[] {
  const found = new Map<string, Suggestion>();
  for (const { properties = {}, required = [] } of maps) {
    for (const [key, schema] of Object.entries(properties)) {
      if (siblings.includes(key) || found.has(key)) continue;
      const isNeeded = required.includes(key);
      found.set(key, { label: key, kind: "key", detail: isNeeded ? "needed" : "", about: schema.description ?? "", insert: `${key}:${afterKey(schema, column)}`, boost: isNeeded ? 20 - found.size / 10 : -found.size / 10 });
    }
  }
  return [...found.values()];
}

function afterKey(schema: Schema, column: number): string {
  const indent = " ".repeat(column + 2);
  if (isList(schema)) return `\n${indent}- \${}`;
  return schema.type === "object" || (isMap(schema) && branchesOf(schema).every(({ type, const: only }) => type === "object" || only === undefined)) ? `\n${indent}\${}` : " ${}";
}

function valueOptions({ path }: YamlPlace, branches: readonly Schema[], known: Known): readonly Suggestion[] {
  const key = path.at(-1);
  const listed = [...new Set(branches.flatMap(valuesOf))].map((value): Suggestion => ({ label: value, kind: "value", detail: "", about: "", insert: value, boost: 10 }));
  if (key === "approvers" || key === "to") return known.approvers.map((name): Suggestion => ({ label: name, kind: "person", detail: name.startsWith("group:") ? "group" : "person", about: "", insert: name, boost: 0 }));
  if (key === "match" || key === "except") return callOptions(known.calls);
  if (key === "grants") return ["once", "session", "30m"].map((value) => ({ label: value, kind: "value", detail: "", about: "", insert: value, boost: 0 }));
  return listed;
}

/** Recorded calls, and all of each server. */
function callOptions(calls: readonly string[]): readonly Suggestion[] {
  const servers = [...new Set(calls.map((id) => /^mcp:([^:]+):/.exec(id)?.[1]).filter((server) => server !== undefined))];
  return [
    ...calls.map((id): Suggestion => ({ label: id, kind: "call", detail: "recorded", about: "", insert: quoted(id), boost: 5 })),
    ...servers.map((server): Suggestion => ({ label: `mcp:${server}:*`, kind: "call", detail: "all of the server", about: "", insert: `mcp:${server}:*`, boost: 4 })),
    { label: "mcp:*:*", kind: "call", detail: "every call", about: "", insert: "mcp:*:*", boost: 0 },
  ];
}

/** Names come from agents: what is no plain YAML text is quoted. */
function quoted(id: string): string {
  return /^[\w:./@*-]+$/.test(id) ? id : JSON.stringify(id);
}

const WHOLE_POLICIES = (column: number): readonly Suggestion[] => {
  const next = `\n${" ".repeat(column)}`;
  return [
    { label: "a policy that asks a person", kind: "policy", detail: "block", about: "", insert: ["name: ${name}", "match: mcp:${server}:${tool}", "action: block", "reason: ${why}"].join(next), boost: 30 },
    { label: "a policy that nobody can override", kind: "policy", detail: "block, never", about: "", insert: ["name: ${name}", "match: mcp:${server}:${tool}", "action: block", "approval: never", "reason: ${why}"].join(next), boost: 29 },
    { label: "a policy that limits the rate", kind: "policy", detail: "throttle", about: "", insert: ["name: ${name}", "match: mcp:${server}:*", "action: throttle", "rate: { limit: ${1:30}, per: ${2:1m} }"].join(next), boost: 28 },
    { label: "a policy that only watches", kind: "policy", detail: "observe", about: "", insert: ["name: ${name}", "match: mcp:${server}:${tool}", "action: block", "mode: observe"].join(next), boost: 27 },
  ];
};

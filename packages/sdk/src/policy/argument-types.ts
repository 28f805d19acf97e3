/** The types that a tool's input schema gives the arguments a condition reads, for its type check. For lint. */
import type { JsonObject, JsonValue } from "../call/json.ts";
import { argumentAt, fieldsOf, isObject, isPlain } from "./argument-schema.ts";
import type { ArgumentTypes } from "./condition/language.ts";
import type { ReadPath } from "./condition/read-paths.ts";

export interface TypedArguments extends ArgumentTypes {
  /** For people: `args.count` is a number. */
  readonly said: readonly string[];
}

/** A map of the arguments that the condition reads, as far as it reads them. */
interface Node {
  readonly fields: Map<string, Node>;
  /** Read as a whole too. */
  whole: boolean;
}

/**
 * Undefined where nothing is typed. `mentions` is everything the condition reads; `live` what it reads for this tool: what it also
 * reads where it has asked for another tool has no type here.
 */
export function typeArguments(schema: JsonValue, mentions: readonly ReadPath[], live: readonly ReadPath[]): TypedArguments | undefined {
  const times = new Map(live.map(({ path, times: count }) => [path.join("\0"), count]));
  const root: Node = { fields: new Map(), whole: false };
  for (const { path, times: count } of mentions) {
    if (path.length === 0) return undefined; // args[…], size(args): a map, whatever is in it
    let at = root;
    for (const name of path) {
      const next = at.fields.get(name) ?? { fields: new Map(), whole: false };
      at.fields.set(name, next);
      at = next;
    }
    if (count > 0 && times.get(path.join("\0")) === count) at.whole = true;
  }
  const types = new Map<string, Record<string, string>>();
  const said: string[] = [];
  const mapOf = (node: Node, path: readonly string[]): string => {
    const fields: Record<string, string> = {};
    for (const [name, field] of node.fields) fields[name] = typeOf(field, [...path, name]);
    const name = `Arguments${types.size}`;
    types.set(name, fields);
    return name;
  };
  const typeOf = (node: Node, path: readonly string[]): string => {
    const declared = argumentAt(schema, path);
    if (declared?.declared !== true || (!node.whole && node.fields.size === 0)) return "dyn";
    const type = typeOfSchema(declared.schema, (map) => (node.fields.size === 0 ? "map<string, dyn>" : node.whole && declared.schema === map ? "dyn" : mapOf(node, path)));
    const word = WORDS[type];
    if (word !== undefined) said.push(`args.${path.join(".")} is ${word}`);
    return type;
  };
  const args = mapOf(root, []);
  return said.length === 0 ? undefined : { types, args, said };
}

const WORDS: Readonly<Record<string, string>> = { string: "a string", double: "a number", bool: "true or false", "list<string>": "a list of strings", "list<double>": "a list of numbers" };

const SCALARS: ReadonlyMap<JsonValue | undefined, string> = new Map([["string", "string"], ["number", "double"], ["integer", "double"], ["boolean", "bool"]]);

function typeOfSchema(schema: JsonObject, mapType: (schema: JsonObject) => string): string {
  if (!isPlain(schema)) return "dyn";
  const { items, type } = schema;
  if (type === "array") return isObject(items) ? `list<${typeOfSchema(items, mapType)}>` : "list<dyn>";
  if (type === "object" && fieldsOf(schema) !== undefined) return mapType(schema);
  return SCALARS.get(type) ?? "dyn";
}

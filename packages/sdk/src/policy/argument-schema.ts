/** What a tool's input schema says for certain about one argument. A schema that says it in a roundabout way says nothing here. For lint. */
import type { JsonObject, JsonValue } from "../call/json.ts";

export interface DeclaredArgument {
  /** False: the schema lists the fields of its map, and this is not one of them. */
  readonly declared: boolean;
  /** Whether every call that fits the schema has it. */
  readonly required: boolean;
  /** The fields that there are where it is looked for. */
  readonly siblings: readonly string[];
  readonly schema: JsonObject;
}

/** Words with which a schema leaves open what a map holds. */
const ROUNDABOUT = ["$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "patternProperties", "dependentSchemas", "unevaluatedProperties"] as const;

/** `path` leads through maps by their keys and through lists to their elements. Undefined where the schema does not say. */
export function argumentAt(schema: JsonValue | undefined, path: readonly string[]): DeclaredArgument | undefined {
  let at = elementsOf(schema);
  let required = true;
  for (const [index, name] of path.entries()) {
    const fields = at === undefined ? undefined : fieldsOf(at);
    if (at === undefined || fields === undefined) return undefined;
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    const siblings = Object.keys(fields);
    if (field === undefined) return isOpen(at) ? undefined : { declared: false, required: false, siblings, schema: {} };
    required &&= Array.isArray(at["required"]) && at["required"].includes(name);
    if (index === path.length - 1) return isObject(field) ? { declared: true, required, siblings, schema: field } : undefined;
    at = elementsOf(field);
  }
  return undefined;
}

/** The schema of the elements of lists, of lists in lists too; any other schema as it is. */
function elementsOf(schema: JsonValue | undefined): JsonObject | undefined {
  let at = schema;
  while (isObject(at) && at["type"] === "array" && isPlain(at)) at = at["items"];
  return isObject(at) ? at : undefined;
}

/** The declared fields of a map, where a schema plainly says that it is one. */
export function fieldsOf(schema: JsonObject): JsonObject | undefined {
  const { properties, type } = schema;
  return type === "object" && isPlain(schema) && isObject(properties) ? properties : undefined;
}

/** Tools seldom write `additionalProperties: false`; one that names its fields and says nothing more means these. */
function isOpen({ additionalProperties }: JsonObject): boolean {
  return additionalProperties === true || isObject(additionalProperties);
}

export function isPlain(schema: JsonObject): boolean {
  return ROUNDABOUT.every((word) => !Object.hasOwn(schema, word));
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

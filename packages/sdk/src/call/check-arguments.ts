/**
 * Whether arguments are what a tool's input schema asks for: JSON Schema 2020-12 as tools write it, judged by walking, never by code made
 * from it, since a server's words are a stranger's. Bounded: a schema that would cost too much fits nothing. Browser-safe.
 * Annotations, `format` and a word that is not known say nothing here. Nor does a `pattern`: its engine would be the stranger's to stall
 * (CWE-1333), and the tool's own server looks at it anyway. Used where an approver changes arguments.
 */
import { canonicalJson, isArray } from "./canonical-json.ts";
import type { JsonObject, JsonValue } from "./json.ts";

export interface ArgumentFault {
  /** JSON Pointer into the arguments. */
  readonly pointer: string;
  /** Never quotes a value. */
  readonly message: string;
}

const MAX_STEPS = 200_000;
const MAX_FAULTS = 50;
const MAX_NESTED_REFS = 64;
const TOO_COSTLY: ArgumentFault = { pointer: "", message: "the tool's schema is too costly to check" };

/** Empty where they fit. A schema that is no object and no `true` fits nothing. */
export function checkArguments(schema: JsonValue | undefined, args: JsonObject): readonly ArgumentFault[] {
  if (schema === true) return [];
  if (!isObject(schema)) return [{ pointer: "", message: "the tool has no input schema that could be read" }];
  try {
    return check(schema, args, "", { root: schema, steps: 0, refs: 0, named: new Map() });
  } catch (error) {
    if (error === OVER) return [TOO_COSTLY];
    throw error;
  }
}

/** Ends the walk from wherever it is. */
const OVER = new Error("over budget");

interface Walk {
  readonly root: JsonObject;
  steps: number;
  refs: number;
  /** The values of each `enum`, as text. */
  readonly named: Map<JsonValue, ReadonlySet<string>>;
}

type Faults = readonly ArgumentFault[];

function check(schema: JsonValue | undefined, value: JsonValue, pointer: string, walk: Walk): Faults {
  spend(walk, 1);
  if (schema === false) return [{ pointer, message: "must not be there" }];
  if (!isObject(schema)) return [];
  return [...checkPlain(schema, value, pointer, walk), ...checkKind(schema, value, pointer, walk), ...checkCombined(schema, value, pointer, walk)].slice(0, MAX_FAULTS);
}

const TYPES: { readonly [type: string]: (value: JsonValue) => boolean } = {
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
  array: isArray,
  object: isObject,
};

function spend(walk: Walk, steps: number): void {
  walk.steps += steps;
  if (walk.steps > MAX_STEPS) throw OVER;
}

function spendText(walk: Walk, characters: number): void {
  spend(walk, Math.ceil(characters / 500));
}

function namedBy(list: readonly JsonValue[], walk: Walk): ReadonlySet<string> {
  const known = walk.named.get(list);
  if (known !== undefined) return known;
  spend(walk, list.length);
  const named = new Set(list.map(canonicalJson));
  walk.named.set(list, named);
  return named;
}

function checkPlain(schema: JsonObject, value: JsonValue, pointer: string, walk: Walk): Faults {
  const faults: ArgumentFault[] = [];
  const types = [schema["type"] ?? []].flat().filter((type) => typeof type === "string");
  if (types.length > 0 && !types.some((type) => TYPES[type]?.(value) ?? true)) faults.push({ pointer, message: `must be ${article(types.join(" or "))}` });
  const { enum: allowed, const: only } = schema;
  const text = allowed === undefined && only === undefined ? "" : canonicalJson(value);
  spendText(walk, text.length);
  if (allowed !== undefined && isArray(allowed) && !namedBy(allowed, walk).has(text)) faults.push({ pointer, message: "must be one of the values that the tool names" });
  if (only !== undefined && canonicalJson(only) !== text) faults.push({ pointer, message: "must be the one value that the tool names" });
  return faults;
}

function checkKind(schema: JsonObject, value: JsonValue, pointer: string, walk: Walk): Faults {
  if (typeof value === "number") return checkNumber(schema, value, pointer);
  if (typeof value === "string") return checkText(schema, value, pointer, walk);
  if (isObject(value)) return checkObject(schema, value, pointer, walk);
  return value !== null && typeof value === "object" ? checkList(schema, value, pointer, walk) : [];
}

function checkNumber(schema: JsonObject, value: number, pointer: string): Faults {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const faults: ArgumentFault[] = [];
  if (typeof minimum === "number" && value < minimum) faults.push({ pointer, message: `must be at least ${minimum}` });
  if (typeof maximum === "number" && value > maximum) faults.push({ pointer, message: `must be at most ${maximum}` });
  if (typeof exclusiveMinimum === "number" && value <= exclusiveMinimum) faults.push({ pointer, message: `must be more than ${exclusiveMinimum}` });
  if (typeof exclusiveMaximum === "number" && value >= exclusiveMaximum) faults.push({ pointer, message: `must be less than ${exclusiveMaximum}` });
  if (typeof multipleOf === "number" && multipleOf > 0 && !isMultiple(value, multipleOf)) faults.push({ pointer, message: `must be a multiple of ${multipleOf}` });
  return faults;
}

/** 0.3 is a multiple of 0.1, whatever binary fractions say. */
function isMultiple(value: number, of: number): boolean {
  const times = value / of;
  return Math.abs(times - Math.round(times)) <= Number.EPSILON * Math.max(1, Math.abs(times));
}

function checkText(schema: JsonObject, value: string, pointer: string, walk: Walk): Faults {
  const { minLength, maxLength } = schema;
  const faults: ArgumentFault[] = [];
  spendText(walk, value.length);
  const length = typeof minLength === "number" || typeof maxLength === "number" ? Array.from(value).length : 0; // code points, as JSON Schema counts
  if (typeof minLength === "number" && length < minLength) faults.push({ pointer, message: `must have at least ${minLength} characters` });
  if (typeof maxLength === "number" && length > maxLength) faults.push({ pointer, message: `must have at most ${maxLength} characters` });
  return faults;
}

function checkObject(schema: JsonObject, value: JsonObject, pointer: string, walk: Walk): Faults {
  const { required, minProperties, maxProperties, propertyNames, dependentRequired } = schema;
  const faults: ArgumentFault[] = [];
  const names = Object.keys(value);
  const missing = (needed: JsonValue | undefined): void => {
    for (const name of needed !== undefined && isArray(needed) ? needed : []) {
      if (typeof name === "string" && !Object.hasOwn(value, name)) faults.push({ pointer: stepInto(pointer, name), message: "is missing" });
    }
  };
  missing(required);
  if (isObject(dependentRequired)) for (const [name, needed] of Object.entries(dependentRequired)) if (Object.hasOwn(value, name)) missing(needed);
  if (typeof minProperties === "number" && names.length < minProperties) faults.push({ pointer, message: `must have at least ${minProperties} members` });
  if (typeof maxProperties === "number" && names.length > maxProperties) faults.push({ pointer, message: `must have at most ${maxProperties} members` });
  for (const name of names) {
    const member = value[name];
    if (member === undefined) continue;
    if (faults.length >= MAX_FAULTS) break;
    const at = stepInto(pointer, name);
    if (propertyNames !== undefined) faults.push(...check(propertyNames, name, at, walk));
    faults.push(...check(schemaOfMember(schema, name), member, at, walk));
  }
  return faults;
}

function schemaOfMember({ properties, patternProperties, additionalProperties }: JsonObject, name: string): JsonValue | undefined {
  if (isObject(properties) && Object.hasOwn(properties, name)) return properties[name];
  // Which of the others a pattern names is not known here.
  return isObject(patternProperties) && Object.keys(patternProperties).length > 0 ? undefined : additionalProperties;
}

function checkList(schema: JsonObject, value: readonly JsonValue[], pointer: string, walk: Walk): Faults {
  const { minItems, maxItems, uniqueItems, prefixItems, items, contains } = schema;
  const faults: ArgumentFault[] = [];
  if (typeof minItems === "number" && value.length < minItems) faults.push({ pointer, message: `must have at least ${minItems} items` });
  if (typeof maxItems === "number" && value.length > maxItems) faults.push({ pointer, message: `must have at most ${maxItems} items` });
  spend(walk, value.length);
  if (uniqueItems === true && new Set(value.map(canonicalJson)).size < value.length) faults.push({ pointer, message: "must not have the same item twice" });
  // Draft 7 wrote a list of schemas into `items`.
  const first = prefixItems !== undefined && isArray(prefixItems) ? prefixItems : items !== undefined && isArray(items) ? items : [];
  const rest = items !== undefined && isArray(items) ? schema["additionalItems"] : items;
  for (const [index, item] of value.entries()) if (faults.length < MAX_FAULTS) faults.push(...check(first[index] ?? rest, item, `${pointer}/${index}`, walk));
  if (contains !== undefined && !value.some((item) => check(contains, item, pointer, walk).length === 0)) faults.push({ pointer, message: "must have an item of the kind that the tool asks for" });
  return faults;
}

function checkCombined(schema: JsonObject, value: JsonValue, pointer: string, walk: Walk): Faults {
  const { $ref, allOf, anyOf, oneOf, not, if: when, then, else: otherwise } = schema;
  const faults: ArgumentFault[] = [];
  const fits = (one: JsonValue): boolean => check(one, value, pointer, walk).length === 0;
  if (typeof $ref === "string") faults.push(...checkReferred($ref, value, pointer, walk));
  for (const one of allOf !== undefined && isArray(allOf) ? allOf : []) faults.push(...check(one, value, pointer, walk));
  if (anyOf !== undefined && isArray(anyOf) && !anyOf.some(fits)) faults.push(nearest(anyOf, value, pointer, walk));
  if (oneOf !== undefined && isArray(oneOf)) {
    const count = oneOf.filter(fits).length;
    if (count === 0) faults.push(nearest(oneOf, value, pointer, walk));
    if (count > 1) faults.push({ pointer, message: "fits several forms of which the tool allows one at a time" });
  }
  if (not !== undefined && fits(not)) faults.push({ pointer, message: "is of a kind that the tool rules out" });
  if (when !== undefined) faults.push(...check(fits(when) ? then : otherwise, value, pointer, walk));
  return faults;
}

/** Of several forms none of which fits: where there is only one that could be meant, what is wrong with that. */
function nearest(forms: readonly JsonValue[], value: JsonValue, pointer: string, walk: Walk): ArgumentFault {
  const likely = forms.map((form) => check(form, value, pointer, walk)).filter(([first]) => first !== undefined && first.pointer !== pointer);
  const [only] = likely;
  return (likely.length === 1 ? only?.[0] : undefined) ?? { pointer, message: "fits none of the forms that the tool takes" };
}

/** Within the same schema alone; nothing is ever fetched. */
function checkReferred(reference: string, value: JsonValue, pointer: string, walk: Walk): Faults {
  const target = reference === "#" ? walk.root : reference.startsWith("#/") ? lookUp(walk.root, reference.slice(2)) : undefined;
  if (target === undefined) return [{ pointer, message: "the tool's schema refers to something that is not in it" }];
  if (walk.refs >= MAX_NESTED_REFS) return [{ pointer, message: "the tool's schema refers to itself without end" }];
  walk.refs += 1;
  try {
    return check(target, value, pointer, walk);
  } finally {
    walk.refs -= 1;
  }
}

function lookUp(root: JsonObject, path: string): JsonValue | undefined {
  let at: JsonValue | undefined = root;
  for (const step of path.split("/")) {
    const key = decode(step).replaceAll("~1", "/").replaceAll("~0", "~");
    if (at !== undefined && isArray(at)) at = /^\d{1,9}$/.test(key) ? at[Number(key)] : undefined;
    else at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  }
  return at;
}

function decode(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !isArray(value);
}

function article(words: string): string {
  return /^[aeio]/.test(words) ? `an ${words}` : words === "null" ? words : `a ${words}`;
}

function stepInto(pointer: string, name: string): string {
  return `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

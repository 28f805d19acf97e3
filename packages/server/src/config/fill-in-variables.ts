/**
 * `${env:NAME}` in the texts of a document becomes the value of that environment variable, so that secrets stay out of files. What was
 * filled in is remembered by its place: no message may quote such a text. `$${env:` stands for `${env:` itself.
 */
import type { JsonObject, JsonValue } from "@countersign/sdk/call";
import type { DocumentPath } from "@countersign/sdk/policy";

export interface FilledIn {
  readonly value: JsonValue;
  /** The text at a path as it is written, where a variable is in it. */
  readonly writtenAt: (path: DocumentPath) => string | undefined;
  readonly missing: readonly MissingVariable[];
}

export interface MissingVariable {
  readonly path: DocumentPath;
  /** Undefined where `${env:…}` names none. */
  readonly name: string | undefined;
  /** It is set, to nothing. */
  readonly isEmpty: boolean;
  /** UTF-16 units into the text. */
  readonly within: number;
}

const VARIABLE = /\$?\$\{env:([^}]*)\}/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function fillInVariables(value: JsonValue, env: NodeJS.ProcessEnv): FilledIn {
  const filled = new Map<string, string>();
  const missing: MissingVariable[] = [];

  function fillText(text: string, path: DocumentPath): string {
    let hasVariable = false;
    const result = text.replaceAll(VARIABLE, (whole: string, given: string, within: number) => {
      if (whole.startsWith("$$")) return whole.slice(1);
      const name = NAME.test(given) ? given : undefined;
      const found = name === undefined ? undefined : env[name];
      hasVariable = true;
      if (found === undefined || found === "") missing.push({ path, name, isEmpty: found === "", within });
      return found ?? "";
    });
    if (hasVariable) filled.set(keyOf(path), text);
    return result;
  }

  function fill(one: JsonValue, path: DocumentPath): JsonValue {
    if (typeof one === "string") return fillText(one, path);
    if (Array.isArray(one)) return one.map((item: JsonValue, index) => fill(item, [...path, index]));
    if (one === null || typeof one !== "object") return one;
    return Object.fromEntries(Object.entries(one as JsonObject).map(([key, inner]) => [key, fill(inner, [...path, key])])); // no list: said above
  }

  return { value: fill(value, []), missing, writtenAt: (path) => filled.get(keyOf(path)) };
}

function keyOf(path: DocumentPath): string {
  return JSON.stringify(path.map(String));
}

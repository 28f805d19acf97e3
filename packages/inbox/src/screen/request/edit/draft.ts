/**
 * Arguments as somebody edits them: one field for each, texts as they are and everything else as JSON. A text with characters that a text
 * area hides or would change is edited as JSON too, where each of them is written out. What is not touched keeps its bytes. Pure.
 */
import { canonicalJson, checkArguments, escapeText, parseJson } from "@countersign/sdk/display";
import type { ArgumentFault } from "@countersign/sdk/display";
import type { Json } from "../../../part/argument-view/view-rows.ts";

export type JsonMap = { readonly [key: string]: Json };

export interface Field {
  readonly name: string;
  readonly kind: "text" | "json";
  /** As it stands in its text area. */
  readonly written: string;
  /** Undefined where the call had none of that name. */
  readonly original: Json | undefined;
  readonly isRemoved: boolean;
}

export type Draft = readonly Field[];

export type ReadDraft = { readonly ok: true; readonly args: JsonMap; readonly text: string } | { readonly ok: false; readonly faults: readonly ArgumentFault[] };

export function draftOf(argumentsText: string): Draft {
  // RFC 8785 text of arguments: an object.
  const args = parseJson(argumentsText) as unknown as JsonMap;
  return Object.entries(args).map(([name, value]) => fieldOf(name, value));
}

function fieldOf(name: string, value: Json): Field {
  const kind = typeof value === "string" && isPlain(value) ? "text" : "json";
  return { name, kind, written: writtenOf(kind, value), original: value, isRemoved: false };
}

/** A field for an argument that the call does not have. */
export function newField(name: string, isText: boolean): Field {
  return { name, kind: isText ? "text" : "json", written: isText ? "" : "null", original: undefined, isRemoved: false };
}

function writtenOf(kind: Field["kind"], value: Json): string {
  return kind === "text" && typeof value === "string" ? value : asciiJson(value);
}

/** Whether a text area shows every character of it, and gives each back as it was. */
function isPlain(text: string): boolean {
  return text.split("\n").every((line) => escapeText(line, { quoted: true }) === line.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\t", "\\t"));
}

/** What does not print is written as JSON escapes it. */
function asciiJson(value: Json): string {
  const text = JSON.stringify(value, null, 2);
  return Array.from(text, (char) => (char === "\n" || escapeText(char, { quoted: true }).replace(/^\\(?=["\\]$)/, "") === char ? char : escapesOf(char))).join("");
}

function escapesOf(char: string): string {
  return Array.from({ length: char.length }, (_, index) => `\\u${char.charCodeAt(index).toString(16).padStart(4, "0")}`).join("");
}

export function isChanged(field: Field): boolean {
  if (field.original === undefined) return !field.isRemoved;
  return field.isRemoved || field.written !== writtenOf(field.kind, field.original);
}

/** The arguments whole, or what is wrong with them where. `schema`: the tool's, as far as it is known here. */
export function readDraft(draft: Draft, schema: Json | undefined): ReadDraft {
  const args: Record<string, Json> = {};
  const faults: ArgumentFault[] = [];
  for (const field of draft) {
    if (field.isRemoved) continue;
    const value = valueOf(field);
    if ("fault" in value) faults.push({ pointer: pointerOf(field.name), message: value.fault });
    else args[field.name] = value.json;
  }
  if (faults.length > 0) return { ok: false, faults };
  const wrong = schema === undefined ? [] : checkArguments(schema, args);
  return wrong.length > 0 ? { ok: false, faults: wrong } : { ok: true, args, text: canonicalJson(args) };
}

function valueOf(field: Field): { readonly json: Json } | { readonly fault: string } {
  if (field.original !== undefined && !isChanged(field)) return { json: field.original };
  if (field.kind === "text") return field.written.isWellFormed() ? { json: field.written } : { fault: "has half a character in it" };
  try {
    return { json: parseJson(field.written) };
  } catch {
    return { fault: "is not JSON: a text stands in double quotes" };
  }
}

export function pointerOf(name: string): string {
  return `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** What is wrong inside one field: below it too, with the place. */
export function faultsAt(faults: readonly ArgumentFault[], name: string): readonly string[] {
  const pointer = pointerOf(name);
  return faults.flatMap(({ pointer: at, message }) => (at === pointer ? [message] : at.startsWith(`${pointer}/`) ? [`${at.slice(pointer.length + 1)} ${message}`] : []));
}

export interface Offered {
  readonly name: string;
  readonly isText: boolean;
}

/** Arguments that the schema names and the draft does not have. */
export function offeredBy(schema: Json | undefined, draft: Draft): readonly Offered[] {
  const properties = isMap(schema) ? schema["properties"] : undefined;
  if (!isMap(properties)) return [];
  return Object.entries(properties).flatMap(([name, one]) => (draft.some((field) => field.name === name) ? [] : [{ name, isText: isMap(one) && one["type"] === "string" }]));
}

function isMap(value: Json | undefined): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

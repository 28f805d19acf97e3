/**
 * The bound arguments as rows to be shown: parsed from the very text that was bound, every member, every character. Pure.
 * What is long is a part of its own, which has to be seen to its end before the call may be approved.
 */
import { parseJson } from "@countersign/sdk/display";
import { readingOf } from "./reading.ts";
import type { Reading } from "./reading.ts";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface ViewRow {
  readonly depth: number;
  /** JSON Pointer (RFC 6901) of the value: also its name as a part. */
  readonly pointer: string;
  readonly key: string | undefined;
  readonly content:
    | { readonly kind: "open" | "close"; readonly brace: string }
    | { readonly kind: "plain"; readonly text: string }
    | { readonly kind: "short"; readonly text: string; readonly reading: Reading }
    | { readonly kind: "long"; readonly text: string; readonly reading: Reading };
  /** A comma, where another member follows. */
  readonly after: string;
}

/** Longer than this, or of several lines: a block of its own. */
const SHORT_LENGTH = 300;

export function viewRows(text: string): readonly ViewRow[] {
  const rows: ViewRow[] = [];
  // RFC 8785 text that the control plane made from the bound call. Browsers share the fault of Node's JSON.parse with escaped keys.
  addValue(rows, parseJson(text), { depth: 0, pointer: "", key: undefined, after: "" });
  return rows;
}

type Place = Omit<ViewRow, "content">;

function addValue(rows: ViewRow[], value: Json, place: Place): void {
  if (typeof value === "string") {
    const isShort = value.length <= SHORT_LENGTH && !/[\n\r]/.test(value);
    rows.push({ ...place, content: { kind: isShort ? "short" : "long", text: value, reading: readingOf(place.key ?? "", value) } });
  } else if (value === null || typeof value !== "object") {
    rows.push({ ...place, content: { kind: "plain", text: JSON.stringify(value) } });
  } else {
    const isList = Array.isArray(value);
    const members = Object.entries(value) as readonly (readonly [string, Json])[]; // what JSON.parse made holds nothing else
    addMembers(rows, members, isList, place);
  }
}

function addMembers(rows: ViewRow[], members: readonly (readonly [string, Json])[], isList: boolean, place: Place): void {
  const [open, close] = isList ? ["[", "]"] : ["{", "}"];
  if (members.length === 0) {
    rows.push({ ...place, content: { kind: "plain", text: `${open}${close}` } });
    return;
  }
  rows.push({ ...place, after: "", content: { kind: "open", brace: open } });
  for (const [index, [key, value]] of members.entries()) {
    const pointer = `${place.pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    addValue(rows, value, { depth: place.depth + 1, pointer, key: isList ? undefined : key, after: index === members.length - 1 ? "" : "," });
  }
  rows.push({ ...place, key: undefined, content: { kind: "close", brace: close } });
}

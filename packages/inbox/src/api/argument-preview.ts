/**
 * The beginning of a call's arguments on one line, for a list: what it is likely about first. It is through the SDK's encoder, like all that
 * an agent says, and only helps to choose what to open: nothing is approved on it. Pure.
 */
import { escapeText, parseJson } from "@countersign/sdk/display";

/** By name, the likeliest first; the others follow as they stand in the bound text. */
const FIRST = ["path", "file_path", "filePath", "file", "filename", "uri", "url", "to", "subject", "command", "cmd", "sql", "query", "amount", "key", "id"];
const LONGEST_VALUE = 120;
const LONGEST = 240;

/** `argumentsText`: RFC 8785 text of an object. */
export function argumentPreview(argumentsText: string): string {
  const args = parseJson(argumentsText);
  if (args === null || typeof args !== "object" || Array.isArray(args)) return "";
  const entries = Object.entries(args).toSorted(([one], [other]) => rank(one) - rank(other));
  if (entries.length === 0) return "no arguments";
  let line = "";
  for (const [name, value] of entries) {
    if (line.length > LONGEST) return `${line}  …`;
    line += `${line === "" ? "" : "  "}${shown(name)}: ${valueWords(value)}`;
  }
  return line;
}

function rank(name: string): number {
  const at = FIRST.indexOf(name);
  return at === -1 ? FIRST.length : at;
}

function valueWords(value: unknown): string {
  if (typeof value === "string") return value === "" ? '""' : shown(value);
  if (Array.isArray(value)) return value.length === 0 ? "[]" : "[…]";
  return value !== null && typeof value === "object" ? "{…}" : String(value);
}

function shown(text: string): string {
  const begun = Array.from(text.slice(0, LONGEST_VALUE * 2)).slice(0, LONGEST_VALUE).join("");
  return `${escapeText(begun, { quoted: true })}${begun.length < text.length ? "…" : ""}`;
}

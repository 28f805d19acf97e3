/** Which parts of a call must have been on the screen before it may be approved, and what is left, in words. Pure. */
import { escapeText } from "@countersign/sdk/display";
import type { ViewRow } from "./view-rows.ts";

/** The end of the tree, below everything else. */
export const REST_PART = "rest";
/** The raw text to its end: all of it at once. */
export const RAW_PART = "raw";

export function partsOf(rows: readonly ViewRow[]): readonly string[] {
  return [...rows.flatMap(({ content, pointer }) => (content.kind === "long" ? [pointer] : [])), REST_PART];
}

/** Empty where everything was shown. */
export function partsLeft(parts: readonly string[], seen: ReadonlySet<string>): readonly string[] {
  return seen.has(RAW_PART) ? [] : parts.filter((part) => !seen.has(part));
}

/** One sentence about what was not shown yet; the names are escaped. */
export function leftWords(left: readonly string[]): string | undefined {
  if (left.length === 0) return undefined;
  const texts = left.filter((part) => part !== REST_PART);
  if (texts.length === 0) return "Scroll to the end of the arguments first.";
  const [first = ""] = texts;
  const name = first === "" ? "the text" : `“${escapeText(first.slice(1))}”`;
  return texts.length === 1 ? `Show ${name} to its end first.` : `Show ${name} and ${texts.length - 1} more to their ends first.`;
}

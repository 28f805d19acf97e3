/** Which argument says what a call is about, such as the file it writes: two calls with the same one are worth comparing first. Pure. */
import { parseJson } from "@countersign/sdk/display";

export interface Place {
  readonly name: string;
  readonly value: string;
}

/** By name, the likeliest first. */
const NAMES = ["path", "file_path", "filePath", "file", "filename", "uri", "url", "key", "id"] as const;

/** Undefined where no argument of such a name is a text. `argumentsText`: RFC 8785 text. */
export function placeOf(argumentsText: string | null): Place | undefined {
  if (argumentsText === null) return undefined;
  const args = parseJson(argumentsText);
  if (args === null || typeof args !== "object" || Array.isArray(args)) return undefined;
  const values = new Map(Object.entries(args));
  for (const name of NAMES) {
    const value = values.get(name);
    if (typeof value === "string" && value !== "") return { name, value };
  }
  return undefined;
}

export function isSamePlace(one: Place | undefined, other: Place | undefined): boolean {
  return one !== undefined && other !== undefined && one.name === other.name && one.value === other.value;
}

/** What the model is told of a tool that no server lists. */
import { escapeText } from "@countersign/sdk/enforcement";
import type { JsonValue } from "@countersign/sdk/call";
import type { Absent } from "./merge-greetings.ts";

export function unlistedText(name: JsonValue | undefined, absent: readonly Absent[]): string {
  if (typeof name !== "string") return "MCP tool call refused: it names no tool. It did not run: the call is not well-formed.";
  const missing = absent.length === 0 ? "" : ` Not there now, so that their tools are missing: ${absent.map((server) => server.name).join(", ")}; try again later if it is one of theirs.`;
  return `MCP tool call refused: "${escapeText(name.slice(0, 200), { quoted: true })}". It did not run: no server here lists a tool of this name.${missing}`;
}

/**
 * A message in several lines, some line of which a reader of lines could take for a tool call: over HTTP a body may hold line feeds, and
 * not everybody reads it whole. Between tokens alone can one stand, so a line that names tools/call holds it in a string of its own.
 */
import { parseJson, type JsonValue } from "@countersign/sdk/call";
import { INVALID_REQUEST, resemblesCall } from "./read-client-message.ts";

const LINE_FEED = 0x0a;

/** `body`: JSON, read by readClientMessage before, and no tool call. */
export function whyHiddenCall(body: Buffer): { readonly code: number; readonly reason: string } | undefined {
  if (!body.includes(LINE_FEED) || !namesCall(parseJson(body.toString("utf8")))) return undefined;
  return { code: INVALID_REQUEST, reason: "a message in several lines, with a tool call inside" };
}

function namesCall(value: JsonValue): boolean {
  const left = [value];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (typeof next === "string" && resemblesCall(next)) return true;
    if (next === null || typeof next !== "object") continue;
    for (const [key, member] of Object.entries(next)) {
      if (resemblesCall(key)) return true;
      if (member !== undefined) left.push(member);
    }
  }
  return false;
}

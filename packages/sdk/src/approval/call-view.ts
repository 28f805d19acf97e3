/**
 * A bound call as plain-text lines for a terminal, a mail or a chat message: all of it, and nothing but it.
 * The first characters of a line say who speaks, and no content can produce them: `Label: ` is what we know, `? ` is a
 * claim of the agent, `| ` and `: ` are the arguments, `! ` is a note of ours. Content is escaped, never altered and never
 * shortened, and the arguments can be read back from their lines. Called by the handlers and the channels.
 */
import type { Call } from "../call/call.ts";
import type { JsonObject, JsonValue } from "../call/json.ts";
import { describeScripts } from "./describe-scripts.ts";
import { escapeText, quoteText } from "./escape.ts";

export interface CallViewOptions {
  /** For places that may not show more than ASCII. Default false. */
  readonly ascii?: boolean;
}

/** The lines of one call, by who vouches for them. A place that cannot show every line must not offer to approve. */
export interface CallView {
  /** What the engine itself knows: tool, server, principal, policy id, digests. */
  readonly facts: readonly string[];
  /** What the agent says of itself. Each line after the heading starts with `? `. */
  readonly claims: readonly string[];
  /** The complete arguments, then what else is bound or sent beside them. */
  readonly arguments: readonly string[];
  /** Tool and server on one short line, to repeat where the answer is given. */
  readonly summary: string;
  /** How many lines start with `! `. */
  readonly noteCount: number;
}

/** Shows a bound call. Two calls that differ in anything bound have different lines. */
export function renderCall(call: Call, options: CallViewOptions = {}): CallView {
  const view = { facts: renderFacts(call, options), claims: renderClaims(call, options), arguments: renderArguments(call, options) };
  const noteCount = viewLines(view).filter((line) => line.startsWith("! ")).length;
  return { ...view, summary: renderSummary(call, options), noteCount };
}

/** All lines of a view, in the order in which they are to be read. */
export function viewLines(view: Pick<CallView, "facts" | "claims" | "arguments">): readonly string[] {
  return [...view.facts, ...view.claims, ...view.arguments];
}

function renderFacts(call: Call, options: CallViewOptions): readonly string[] {
  const { server } = call;
  return [
    `Tool: ${quoteText(call.tool, options)}`,
    ...notesOn(call.tool),
    `Server: ${serverName(call, options)}`,
    ...notesOn(server.name ?? ""),
    `Server identity: ${server.identity === null ? "unknown" : escapeText(server.identity, options)} (${server.transport})`,
    `Principal: ${quoteText(call.caller.principal, options)}`,
    `Policy id: ${escapeText(call.policyId, options)}`,
    `Call digest: ${escapeText(call.digest, options)}`,
    `Tool definition: ${call.definition === null ? "unknown" : escapeText(call.definition, options)}`,
    ...(call.definition === null ? ["! definition unknown: the server has not described this tool on this connection"] : []),
  ];
}

function renderClaims(call: Call, options: CallViewOptions): readonly string[] {
  const { agent, user } = call.caller;
  return [
    "Claims of the agent, not verified:",
    `? agent ${quoteText(agent.name, options)}${agent.id === "" ? "" : `, id ${quoteText(agent.id, options)}`}`,
    `? user ${quoteText(user.id, options)}`,
  ];
}

function renderArguments(call: Call, options: CallViewOptions): readonly string[] {
  const lines = ["Arguments:"];
  renderValue(call.arguments, { lines, options, depth: 0, before: "", after: "" });
  // Bound into the digest and sent, so shown; left out where there is nothing.
  const beside: readonly (readonly [string, JsonObject])[] = [
    ["Context (_meta), bound as well:", call.context],
    ["Sent beside the arguments:", call.era],
  ];
  for (const [heading, value] of beside) {
    if (Object.keys(value).length === 0) continue;
    lines.push(heading);
    renderValue(value, { lines, options, depth: 0, before: "", after: "" });
  }
  return lines;
}

interface Place {
  readonly lines: string[];
  readonly options: CallViewOptions;
  readonly depth: number;
  /** A key and its colon, ready to be shown. */
  readonly before: string;
  /** A comma, where another member follows. */
  readonly after: string;
}

function renderValue(value: JsonValue, place: Place): void {
  if (typeof value === "string") renderString(value, place);
  else if (isList(value)) renderMembers("[]", value.map((item) => ["", item] as const), place);
  else if (value !== null && typeof value === "object") renderMembers("{}", Object.entries(value), place);
  else push(place, JSON.stringify(value) + place.after);
}

function renderMembers(braces: "[]" | "{}", members: readonly (readonly [string, JsonValue])[], place: Place): void {
  if (members.length === 0) {
    push(place, braces + place.after);
    return;
  }
  push(place, braces.charAt(0));
  for (const [index, [key, value]] of members.entries()) {
    const before = braces === "{}" ? `${quoteText(key, place.options)}: ` : "";
    const after = index === members.length - 1 ? "" : ",";
    renderValue(value, { ...place, depth: place.depth + 1, before, after });
    if (braces === "{}") place.lines.push(...notesOn(key));
  }
  push({ ...place, before: "" }, braces.charAt(1) + place.after);
}

/** Line breaks are shown, and the text goes on behind a bar, so that leading white space can be told from our indent. */
function renderString(text: string, place: Place): void {
  const parts = breakAfterLines(text).map((part) => escapeText(part, { ...place.options, quoted: true }));
  const last = parts.length - 1;
  for (const [index, part] of parts.entries()) {
    const end = index === last ? `"${place.after}` : "";
    if (index === 0) push(place, `"${part}${end}`);
    else place.lines.push(`: ${"  ".repeat(place.depth + 1)}| ${part}${end}`);
  }
  place.lines.push(...notesOn(text));
}

function push(place: Place, text: string): void {
  place.lines.push(`| ${"  ".repeat(place.depth)}${place.before}${text}`);
}

/** Breaks behind line ends, but keeps blank lines with the line before: a run of them must not push anything away. */
function breakAfterLines(text: string): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  for (const match of text.matchAll(/[\r\n](?:[ \t\r\n]*[\r\n])?/g)) {
    const end = match.index + match[0].length;
    if (end === text.length) break;
    parts.push(text.slice(start, end));
    start = end;
  }
  return [...parts, text.slice(start)];
}

function notesOn(text: string): readonly string[] {
  const note = describeScripts(text);
  return note === undefined ? [] : [`! above: ${note}`];
}

function serverName(call: Call, options: CallViewOptions): string {
  return call.server.name === undefined ? "unknown server" : quoteText(call.server.name, options);
}

const SUMMARY_NAME_LENGTH = 48;

function renderSummary(call: Call, options: CallViewOptions): string {
  const server = call.server.name === undefined ? "an unknown server" : `server ${shorten(call.server.name, options)}`;
  return `tool ${shorten(call.tool, options)} on ${server}`;
}

/** A long name would turn the short line into a second place to hide in; its cut is said, and it stands in full in the facts. */
function shorten(name: string, options: CallViewOptions): string {
  const full = quoteText(name, options);
  if (full.length <= SUMMARY_NAME_LENGTH) return full;
  return `${quoteText(Array.from(name).slice(0, 12).join(""), options)}... (cut, ${name.length} long, in full above)`;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/**
 * The lists of several servers as one: every page of each, the items in the bytes that they came in but for the joined names in them. A
 * server that does not list in time, or not at all, is left out of this list and named.
 */
import type { JsonObject, JsonValue } from "@countersign/sdk/call";
import { itemsOf } from "../message/items-of.ts";
import { placeOf, replaceValues } from "../message/member-place.ts";
import { ENVELOPE, isObject, memberOf } from "../message/members.ts";
import { joinedName, LONG_NAME, MAX_NAME } from "./joined-names.ts";
import { declaredIn } from "./merge-greetings.ts";

/** The bytes of an answer. */
export interface Answer {
  readonly ok: boolean;
  readonly line: Buffer;
}

/** What a list is asked of. */
export interface ListedServer {
  readonly name: string;
  /** As it declared them. */
  readonly capabilities: JsonObject;
  /** Undefined: it did not answer in time, or is gone. Never rejects. */
  ask(method: ListKind["method"], params: JsonValue | undefined, withinMs: number): Promise<Answer | undefined>;
}

export interface ListKind {
  readonly method: "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list" | "tasks/list";
  /** Of the result. */
  readonly member: string;
  /** A server has such lists where it declares it. */
  readonly capability: string;
  /** What tells an item. */
  readonly key: string;
  /** Whether the key is a name, which is joined with the server's. */
  readonly isNamed: boolean;
  /** What tells of a change. */
  readonly changed: string | undefined;
}

export const TOOLS: ListKind = { method: "tools/list", member: "tools", capability: "tools", key: "name", isNamed: true, changed: "notifications/tools/list_changed" };
export const PROMPTS: ListKind = { method: "prompts/list", member: "prompts", capability: "prompts", key: "name", isNamed: true, changed: "notifications/prompts/list_changed" };
export const RESOURCES: ListKind = { method: "resources/list", member: "resources", capability: "resources", key: "uri", isNamed: false, changed: "notifications/resources/list_changed" };
export const TEMPLATES: ListKind = { method: "resources/templates/list", member: "resourceTemplates", capability: "resources", key: "uriTemplate", isNamed: false, changed: "notifications/resources/list_changed" };
export const TASKS: ListKind = { method: "tasks/list", member: "tasks", capability: "tasks", key: "taskId", isNamed: false, changed: undefined };
export const LIST_KINDS: readonly ListKind[] = [TOOLS, PROMPTS, RESOURCES, TEMPLATES, TASKS];

export interface ListItem {
  /** The server's own name, URI or template. */
  readonly own: string;
  /** What the client knows it by. */
  readonly shown: string;
  readonly bytes: Buffer;
}

/** What one server listed. */
export interface ServerList {
  readonly server: string;
  readonly items: readonly ListItem[];
  readonly meta: JsonObject;
  readonly ttlMs: number;
  readonly isPublic: boolean;
}

const MAX_PAGES = 1_000;
/** Of all pages of one list of one server. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Undefined: it did not list in time, or not at all. `params`: the client's own, with what it says of itself. */
export async function collectList(server: ListedServer, kind: ListKind, params: JsonObject, withinMs: number, onWarning: (message: string) => void): Promise<ServerList | undefined> {
  const until = performance.now() + withinMs;
  const items: ListItem[] = [];
  let meta: JsonObject = {};
  let [ttlMs, isPublic, cursor, bytes] = [Infinity, true, undefined as string | undefined, 0];
  for (let page = 0; page < MAX_PAGES && bytes < MAX_BYTES; page++) {
    const left = until - performance.now();
    const answer = left <= 0 ? undefined : await server.ask(kind.method, { ...params, ...(cursor === undefined ? {} : { cursor }) }, left);
    const result = answer?.ok === true ? resultOf(answer.line) : undefined;
    if (answer === undefined || result === undefined) return undefined;
    bytes += answer.line.length;
    items.push(...itemsIn(server, kind, answer.line, onWarning));
    const [own, ttl] = [declaredIn(memberOf(result, "_meta")), memberOf(result, "ttlMs")];
    meta = { ...meta, ...Object.fromEntries(Object.entries(own).filter(([name]) => !name.startsWith(ENVELOPE))) };
    ttlMs = Math.min(ttlMs, typeof ttl === "number" ? ttl : 0);
    isPublic &&= memberOf(result, "cacheScope") === "public";
    const next = memberOf(result, "nextCursor");
    if (typeof next !== "string") return { server: server.name, items, meta, ttlMs, isPublic };
    cursor = next;
  }
  onWarning(`${server.name}: its ${kind.member} are too many; the list was cut off`);
  return { server: server.name, items, meta, ttlMs, isPublic };
}

/** What the answer of one list has in it, from all of these. */
export function joinLists(kind: ListKind, lists: readonly ServerList[], modern: boolean, isWhole: boolean, leftOut: ReadonlySet<string>): string {
  const items = lists.flatMap((list) => list.items.filter(({ own }) => kind.isNamed || !leftOut.has(own)).map(({ bytes }) => bytes.toString("utf8")));
  const meta: JsonObject = Object.assign({}, ...lists.map((list) => list.meta));
  const ttlMs = isWhole && lists.length > 0 ? Math.min(...lists.map((list) => list.ttlMs)) : 0;
  const rest = {
    ...(Object.keys(meta).length === 0 ? {} : { _meta: meta }),
    ...(modern ? { resultType: "complete", ttlMs, cacheScope: lists.length > 0 && lists.every(({ isPublic }) => isPublic) ? "public" : "private" } : {}),
  };
  const others = JSON.stringify(rest);
  return `{"${kind.member}":[${items.join(",")}]${others === "{}" ? "" : `,${others.slice(1, -1)}`}}`;
}

/** The same URI from two servers: nobody could say which is meant. */
export function listedTwice(lists: readonly ServerList[]): ReadonlyMap<string, readonly string[]> {
  const servers = new Map<string, Set<string>>();
  for (const { server, items } of lists) for (const { own } of items) servers.set(own, (servers.get(own) ?? new Set()).add(server));
  return new Map([...servers].filter(([, names]) => names.size > 1).map(([own, names]) => [own, [...names]]));
}

export function resultOf(line: Buffer): JsonObject | undefined {
  let message: JsonValue;
  try {
    message = JSON.parse(line.toString("utf8")) as JsonValue; // as any JSON
  } catch {
    return undefined;
  }
  const result = memberOf(message, "result");
  return isObject(result) ? result : undefined;
}

function itemsIn({ name: server }: ListedServer, { member, key, isNamed }: ListKind, line: Buffer, onWarning: (message: string) => void): readonly ListItem[] {
  const list = placeOf(line, ["result", member]);
  if (list === undefined) return [];
  return itemsOf(line, list).flatMap(({ start, end }): readonly ListItem[] => {
    const bytes = line.subarray(start, end);
    const own = memberOf(JSON.parse(bytes.toString("utf8")) as JsonValue, key); // a part of JSON that was read
    if (typeof own !== "string") return [];
    if (!isNamed) return [{ own, shown: own, bytes }];
    const shown = joinedName(server, own);
    const named = shown === undefined ? undefined : replaceValues(bytes, [{ path: [key], to: JSON.stringify(shown) }]);
    if (shown === undefined || named === undefined) {
      onWarning(`${server}: ${member} has ${JSON.stringify(own.slice(0, 200))}, whose joined name would be longer than ${MAX_NAME} characters; it is left out, and is there at /${encodeURIComponent(server)}/mcp`);
      return [];
    }
    if (shown.length > LONG_NAME) onWarning(`${server}: the joined name ${shown} is longer than ${LONG_NAME} characters, which some clients do not take; a shorter name of the server mends that, or /${encodeURIComponent(server)}/mcp`);
    return [{ own, shown, bytes: named }];
  });
}

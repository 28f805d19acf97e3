/**
 * What one connection's server has said about its tools. All of it is the server's own claim: it is pinned and shown,
 * and grants nothing. Fed by client.ts with every `tools/list` page that passes; asked by guard.ts.
 */
import { canonicalJson } from "./canonical-json.ts";
import { definitionDigest } from "./digest.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { snapshotObject } from "./snapshot.ts";

/** The members of a tool that make its definition; changing any of them changes the digest. */
const DEFINITION_KEYS = ["name", "title", "description", "inputSchema", "outputSchema", "annotations"] as const;
const MAX_PAGES = 64;

/** Fetches one page of `tools/list`, past our own hook. */
export type ListTools = (cursor: string | undefined, signal: AbortSignal) => Promise<unknown>;

export interface ToolDefinition {
  readonly definition: JsonObject;
  readonly digest: string;
}

export interface ToolCatalog {
  /** Takes in one page of `tools/list`. `cursor` as it was asked for. Never throws. */
  observe(cursor: string | undefined, page: unknown): void;
  definition(tool: string): ToolDefinition | undefined;
  /** What happened to the tool's definition since this connection first knew it, or its whole list. */
  change(tool: string): "changed" | "added" | undefined;
  /** `unknown` until a whole list was seen on this connection. */
  standing(tool: string): "listed" | "unlisted" | "unknown";
  /** Lists all pages. Rejects where the server or the signal does. */
  refresh(signal: AbortSignal): Promise<void>;
}

export function createToolCatalog(list: ListTools): ToolCatalog {
  let tools = new Map<string, ToolDefinition>();
  let complete = false;
  /** Digests as they were first seen, and the tools that came after the first whole list. */
  const first = new Map<string, string>();
  const added = new Set<string>();
  /** Pages of a listing under way, and the cursor that continues it. */
  let partial: { readonly tools: Map<string, ToolDefinition>; readonly next: string } | undefined;

  function observe(cursor: string | undefined, page: unknown): void {
    const read = readPage(page);
    if (read === undefined) return;
    const wasComplete = complete;
    const continued = cursor !== undefined && partial?.next === cursor;
    const seen = continued ? new Map([...(partial?.tools ?? []), ...read.tools]) : read.tools;
    if (cursor !== undefined && !continued) {
      tools = new Map([...tools, ...read.tools]); // a page out of nowhere: news about its tools, nothing about the rest
    } else if (read.next === undefined) {
      tools = seen;
      complete = true;
      partial = undefined;
    } else {
      tools = new Map([...tools, ...seen]);
      partial = { tools: seen, next: read.next };
    }
    for (const [name, { digest }] of read.tools) {
      if (first.has(name)) continue;
      first.set(name, digest);
      if (wasComplete) added.add(name);
    }
  }

  return {
    observe,
    definition: (tool) => tools.get(tool),
    change(tool) {
      const now = tools.get(tool)?.digest;
      if (now !== undefined && now !== first.get(tool)) return "changed";
      return added.has(tool) ? "added" : undefined;
    },
    standing: (tool) => (tools.has(tool) ? "listed" : complete ? "unlisted" : "unknown"),
    async refresh(signal) {
      let cursor: string | undefined;
      for (let page = 0; page < MAX_PAGES; page++) {
        const answer = await list(cursor, signal);
        observe(cursor, answer);
        const next = readPage(answer)?.next;
        if (next === undefined) return;
        cursor = next;
      }
      throw new Error(`tools/list did not end within ${MAX_PAGES} pages`);
    },
  };
}

interface Page {
  readonly tools: Map<string, ToolDefinition>;
  readonly next: string | undefined;
}

function readPage(page: unknown): Page | undefined {
  try {
    return readTools(page);
  } catch {
    return undefined; // an object that cannot be read tells nothing
  }
}

function readTools(page: unknown): Page | undefined {
  if (page === null || typeof page !== "object") return undefined;
  const list: unknown = Reflect.get(page, "tools");
  if (!Array.isArray(list)) return undefined;
  const tools = new Map<string, ToolDefinition>();
  for (const tool of list) {
    const read = readTool(tool);
    if (read !== undefined) tools.set(read.name, read.entry);
  }
  const next: unknown = Reflect.get(page, "nextCursor");
  return { tools, next: typeof next === "string" ? next : undefined };
}

function readTool(tool: unknown): { readonly name: string; readonly entry: ToolDefinition } | undefined {
  const copied = snapshotObject(tool);
  const name = copied.ok ? copied.value["name"] : undefined;
  if (!copied.ok || typeof name !== "string") return undefined;
  const definition: Record<string, JsonValue> = {};
  for (const key of DEFINITION_KEYS) {
    const value = copied.value[key];
    if (value !== undefined && Object.hasOwn(copied.value, key)) definition[key] = value;
  }
  return { name, entry: { definition, digest: definitionDigest(canonicalJson(definition)) } };
}

/**
 * Reading a proposed call: from whatever object the caller holds to a snapshot that passed the strict parse.
 * This is step 1 of guard.ts. Nothing after it may look at `proposed.params` again.
 */
import type { CallRefusal, Caller, ConnectionFacts, ReadCall, ServerRef } from "./call.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { snapshotJson, snapshotObject } from "./snapshot.ts";
import type { ToolCatalog } from "./tool-catalog.ts";

/** A call as it arrives. `params` is foreign and may change at any moment. */
export interface ProposedCall {
  readonly params: unknown;
  /** Task parameters that the client passes beside the params (v1 `options.task`). */
  readonly task?: unknown;
  /** Keys the connection's protocol era allows in params beside name, arguments and _meta. */
  readonly eraKeys: readonly string[];
  readonly server: ServerRef;
  readonly caller: Caller;
  readonly tools: ToolCatalog;
  readonly connection?: ConnectionFacts | undefined;
  /** Limit for the canonical params in bytes. Default 4 MiB. */
  readonly maxBytes?: number | undefined;
}

export type CallReading = { readonly ok: true; readonly call: ReadCall } | { readonly ok: false; readonly refusal: CallRefusal };

const PROTOCOL_KEYS = ["name", "arguments", "_meta", "task", "inputResponses", "requestState"];
/** `_meta` keys that belong to the transport of a call, not to what it does. */
const CARRIER_KEYS = new Set(["traceparent", "tracestate", "baggage", "progressToken"]);
const PROTOCOL_META = "io.modelcontextprotocol/";

/** Takes the snapshot. Never throws. */
export function readCall(proposed: ProposedCall): CallReading {
  const { params, server, caller } = proposed;
  if (params === null || typeof params !== "object" || Array.isArray(params)) return malformed("params must be an object");
  let fields: Map<string, unknown>;
  try {
    fields = new Map(Object.keys(params).map((key) => [key, Reflect.get(params, key)]));
  } catch (cause) {
    return malformed("params could not be read", cause);
  }
  const stranger = strangeKey(fields, proposed.eraKeys);
  if (stranger !== undefined) return malformed(stranger);

  const tool = fields.get("name");
  if (typeof tool !== "string" || tool === "") return malformed("/name: must be a non-empty string");
  if (!tool.isWellFormed()) return malformed("/name: a lone surrogate");
  const limit = proposed.maxBytes === undefined ? {} : { maxBytes: proposed.maxBytes };

  const given = fields.get("arguments");
  const args = given === undefined ? EMPTY : snapshotObject(given, { depth: 2, at: "/arguments", ...limit });
  if (!args.ok) return malformed(args.reason, args.cause);
  const metaField = fields.get("_meta");
  const meta = metaField === undefined ? undefined : snapshotObject(metaField, { depth: 2, at: "/_meta", ...limit });
  if (meta !== undefined && !meta.ok) return malformed(meta.reason, meta.cause);

  const era: Record<string, JsonValue> = {};
  for (const key of proposed.eraKeys) {
    const value = key === "task" && proposed.task !== undefined ? proposed.task : fields.get(key);
    if (value === undefined) continue;
    const copied = snapshotJson(value, { depth: 2, at: `/${key}`, ...limit });
    if (!copied.ok) return malformed(copied.reason, copied.cause);
    era[key] = copied.value;
  }

  const context = contextOf(meta?.value, era["task"]);
  return {
    ok: true,
    call: {
      server,
      tool,
      arguments: args.value,
      argumentsText: args.text,
      context: context.value,
      contextText: context.text,
      meta: meta?.value,
      era,
      caller,
    },
  };
}

const EMPTY = { ok: true, value: {}, text: "{}" } as const;
const NO_CONTEXT = { value: {}, text: "{}" } as const;

/** The part of `_meta` that may change what a tool does, and `task` under a key that `_meta` cannot carry here. */
function contextOf(meta: JsonObject | undefined, task: JsonValue | undefined): { readonly value: JsonObject; readonly text: string } {
  if (meta === undefined && task === undefined) return NO_CONTEXT;
  const context: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(meta ?? {})) {
    if (!CARRIER_KEYS.has(key) && !key.startsWith(PROTOCOL_META)) context[key] = value;
  }
  if (task !== undefined) context[`${PROTOCOL_META}task`] = task;
  const copied = snapshotObject(context);
  // It is made of snapshots, so it passes; an empty context would only make the digest stricter to match.
  return copied.ok ? copied : NO_CONTEXT;
}

/** A params key that the era does not define, in words, or undefined. */
function strangeKey(fields: ReadonlyMap<string, unknown>, eraKeys: readonly string[]): string | undefined {
  for (const key of fields.keys()) {
    if (key === "name" || key === "arguments" || key === "_meta" || eraKeys.includes(key)) continue;
    const folded = foldCase(key);
    const twin = PROTOCOL_KEYS.find((known) => foldCase(known) === folded);
    if (twin !== undefined && twin !== key) return `params: a key that equals "${twin}" only after case folding`;
    return `params: the key ${JSON.stringify(key.slice(0, 40)).replaceAll(/[^\x20-\x7e]/gu, "?")} is not defined for tools/call here`;
  }
  return undefined;
}

/** Case folding by way of both cases, so that ſ (long s) and K (Kelvin sign) fold like the letters they pose as. */
function foldCase(key: string): string {
  return key.normalize("NFKC").toUpperCase().toLowerCase();
}

function malformed(reason: string, cause?: unknown): CallReading {
  return { ok: false, refusal: { code: "malformed_call", reason, ...(cause === undefined ? {} : { cause }) } };
}

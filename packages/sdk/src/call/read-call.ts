/**
 * Reading a proposed call: from whatever object the caller holds to a snapshot that passed the strict parse.
 * This is step 1 of guard.ts. Nothing after it may look at `proposed.params` again.
 */
import type { CallRefusal, Caller, ConnectionFacts, ReadCall, ServerRef } from "./call.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { DEFAULT_MAX_BYTES, isLonger, snapshotJson, snapshotObject } from "./snapshot.ts";
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
  /** Why it is malformed whatever its params are, such as the way it came. */
  readonly refused?: string | undefined;
}

export type CallReading = { readonly ok: true; readonly call: ReadCall } | { readonly ok: false; readonly refusal: CallRefusal };

const PROTOCOL_KEYS = ["name", "arguments", "_meta", "task", "inputResponses", "requestState"];
/** `_meta` keys that belong to the transport of a call, not to what it does. */
const CARRIER_KEYS = new Set(["traceparent", "tracestate", "baggage", "progressToken"]);
const PROTOCOL_META = "io.modelcontextprotocol/";
/** What is sent beside the arguments and changes what the call does: part of its context, so people see it and its digest covers it. */
const BOUND_ERA_KEYS = ["task", "inputResponses"] as const;

/**
 * UTF-16 units; MCP asks for at most 128. Look-alikes are found by normalising the name, and normalising is quadratic in a run of
 * combining marks: a megabyte of them took minutes.
 */
export const MAX_TOOL_NAME = 1_024;

/** Takes the snapshot. Never throws. */
export function readCall(proposed: ProposedCall): CallReading {
  const { server, caller, maxBytes = DEFAULT_MAX_BYTES } = proposed;
  const fields = readFields(proposed);
  if ("ok" in fields) return fields;

  const tool = fields.get("name");
  if (typeof tool !== "string" || tool === "") return malformed("/name: must be a non-empty string");
  if (tool.length > MAX_TOOL_NAME) return malformed(`/name: longer than ${MAX_TOOL_NAME} characters`);
  if (!tool.isWellFormed()) return malformed("/name: a lone surrogate");

  const given = fields.get("arguments");
  const args = given === undefined ? EMPTY : snapshotObject(given, { depth: 2, at: "/arguments", maxBytes });
  if (!args.ok) return malformed(args.reason, args.cause);
  const metaField = fields.get("_meta");
  const meta = metaField === undefined ? undefined : snapshotObject(metaField, { depth: 2, at: "/_meta", maxBytes });
  if (meta !== undefined && !meta.ok) return malformed(meta.reason, meta.cause);

  const era: Record<string, JsonValue> = {};
  let text = `${tool}${args.text}${meta?.text ?? ""}`;
  for (const key of proposed.eraKeys) {
    const value = fields.get(key);
    if (value === undefined) continue;
    const copied = snapshotJson(value, { depth: 2, at: `/${key}`, maxBytes });
    if (!copied.ok) return malformed(copied.reason, copied.cause);
    era[key] = copied.value;
    text += copied.text;
  }
  if (isLonger(text, maxBytes)) return malformed(`params: larger than the limit of ${maxBytes} bytes`);

  const context = contextOf(meta?.value, era);
  return {
    ok: true,
    call: {
      server: { name: server.name, identity: server.identity, transport: server.transport },
      tool,
      arguments: args.value,
      argumentsText: args.text,
      context: context.value,
      contextText: context.text,
      meta: meta?.value,
      era,
      caller: copyCaller(caller),
    },
  };
}

/** Calls without arguments or context share these, so nobody may write to them. */
const EMPTY = { ok: true, value: Object.freeze({}), text: "{}" } as const;
const NO_CONTEXT = { value: EMPTY.value, text: EMPTY.text } as const;

/** The members of params, each read once, with the task that travels beside them; or a refusal. */
function readFields({ params, task, eraKeys, refused }: ProposedCall): Map<string, unknown> | Extract<CallReading, { ok: false }> {
  if (refused !== undefined) return malformed(refused);
  try {
    if (params === null || typeof params !== "object" || Array.isArray(params)) return malformed("params must be an object");
    const keys = Object.keys(params);
    const stranger = strangeKey(keys, eraKeys);
    if (stranger !== undefined) return malformed(stranger);
    const fields = new Map(keys.map((key) => [key, Reflect.get(params, key)]));
    if (task !== undefined && eraKeys.includes("task")) fields.set("task", task); // the client sends this one
    return fields;
  } catch (cause) {
    return malformed("params could not be read", cause);
  }
}

function copyCaller({ principal, agent, user, session }: Caller): Caller {
  return { principal, agent: { name: agent.name, id: agent.id }, user: { id: user.id }, session: { id: session.id } };
}

/** The part of `_meta` that may change what a tool does, and `task` under a key that `_meta` cannot carry here. */
function contextOf(meta: JsonObject | undefined, era: JsonObject): { readonly value: JsonObject; readonly text: string } {
  const bound = BOUND_ERA_KEYS.filter((key) => Object.hasOwn(era, key));
  if (meta === undefined && bound.length === 0) return NO_CONTEXT;
  const context: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(meta ?? {})) {
    if (!CARRIER_KEYS.has(key) && !key.startsWith(PROTOCOL_META)) context[key] = value;
  }
  for (const key of bound) context[`${PROTOCOL_META}${key}`] = era[key] ?? null;
  return { value: context, text: canonicalJson(context) };
}

/** A params key that the era does not define, in words, or undefined. */
function strangeKey(keys: readonly string[], eraKeys: readonly string[]): string | undefined {
  for (const key of keys) {
    if (key === "name" || key === "arguments" || key === "_meta" || eraKeys.includes(key)) continue;
    // No longer key folds to one of ours, and folding a long one can take minutes.
    const folded = key.length <= 64 ? foldCase(key) : undefined;
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

function malformed(reason: string, cause?: unknown): Extract<CallReading, { ok: false }> {
  return { ok: false, refusal: { code: "malformed_call", reason, ...(cause === undefined ? {} : { cause }) } };
}

/** Sending a permitted call to its tool: the port that client.ts, server.ts and the gateway implement. */
import type { Call } from "../call/call.ts";
import type { JsonObject, JsonValue } from "../call/json.ts";
import { parseJson } from "../call/parse-json.ts";
import type { Permit } from "./permit.ts";

/** Trace context that travels in `_meta` (SEP-414): traceparent, tracestate, baggage. */
export type Carrier = { readonly [key: string]: string };

export type Sent = SentTo & SendResult;

interface SentTo {
  /** JSON-RPC id of the request, where one was sent. */
  readonly requestId?: string | number;
}

type SendResult =
  /** `isError`: the tool itself reports an error in its result. */
  | { readonly ok: true; readonly result: unknown; readonly isError: boolean }
  /** `answered`: the server said no. Otherwise nobody knows whether the tool ran. */
  | { readonly ok: false; readonly error: unknown; readonly answered: boolean };

/** Spends the permit, sends the call, and tells how it went. Must not throw after the first byte. */
export type SendPort = (permit: Permit, call: Call, carrier: Carrier) => Promise<Sent>;

/**
 * The params of the call as they go out: its own snapshot under the bound digest, with trace context in `_meta`.
 * With `detached`, the arguments are parsed anew from the bound text, so that nobody who was shown the call can reach them.
 */
export function paramsOf(call: Call, carrier: Carrier, detached: boolean): JsonObject {
  const params: Record<string, JsonValue> = {
    name: call.tool,
    arguments: detached ? parseJson(call.argumentsText) : call.arguments,
  };
  if (call.meta !== undefined || hasKeys(carrier)) params["_meta"] = { ...call.meta, ...carrier };
  return Object.assign(params, call.era);
}

function hasKeys(carrier: Carrier): boolean {
  for (const _key in carrier) return true;
  return false;
}

/**
 * W3C trace context in a call's `_meta` (SEP-414: traceparent, tracestate, baggage, unprefixed). The host's propagator is
 * used where it has one; `traceparent` is read and written in any case, since `_meta` prescribes that format.
 */
import { createTraceState, isSpanContextValid, propagation, trace, TraceFlags, type Context, type SpanContext } from "@opentelemetry/api";
import type { JsonObject } from "../call/json.ts";

const KEYS = ["traceparent", "tracestate", "baggage"] as const;
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;

/** The context that `meta` carries, on top of `ambient`; `ambient` itself where it carries none. */
export function contextFromMeta(ambient: Context, meta: JsonObject | undefined): Context {
  if (meta === undefined) return ambient;
  const carrier: Record<string, string> = {};
  for (const key of KEYS) {
    const value = meta[key];
    if (typeof value === "string") carrier[key] = value;
  }
  if (Object.keys(carrier).length === 0) return ambient;
  const extracted = propagation.extract(ambient, carrier);
  const parent = parseTraceparent(carrier);
  if (parent === undefined || trace.getSpanContext(extracted)?.spanId === parent.spanId) return extracted;
  return trace.setSpanContext(extracted, parent);
}

/** What to put into `_meta` so that the server continues this context. */
export function carrierOf(context: Context): Record<string, string> {
  const carrier: Record<string, string> = {};
  if (propagation.fields().length > 0) {
    const injected: Record<string, string> = {};
    propagation.inject(context, injected);
    for (const key of KEYS) if (injected[key] !== undefined) carrier[key] = injected[key];
  }
  const span = trace.getSpanContext(context);
  if (carrier["traceparent"] === undefined && span !== undefined && isSpanContextValid(span)) {
    carrier["traceparent"] = `00-${span.traceId}-${span.spanId}-${(span.traceFlags & 0xff).toString(16).padStart(2, "0")}`;
    const state = span.traceState?.serialize();
    if (state !== undefined && state !== "") carrier["tracestate"] = state;
  }
  return carrier;
}

function parseTraceparent(carrier: Readonly<Record<string, string>>): SpanContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(carrier["traceparent"] ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  const span: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED,
    isRemote: true,
    ...(carrier["tracestate"] === undefined ? {} : { traceState: createTraceState(carrier["tracestate"]) }),
  };
  return isSpanContextValid(span) ? span : undefined;
}

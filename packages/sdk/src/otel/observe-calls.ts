/**
 * The record seen as spans: one `tools/call {tool}` span per governed call, made from the same story as its rows.
 * It needs nothing but the OpenTelemetry API and works with whatever the host has set up, or with nothing. It can fail
 * alone: whatever an exporter, processor or propagator throws changes no verdict. Called by guard.ts through `observe`.
 */
import { context, isSpanContextValid, SpanKind, SpanStatusCode, trace, type Attributes, type Context, type Span, type Tracer } from "@opentelemetry/api";
import type { KeyObject } from "node:crypto";
import { keyedDigest } from "../call/digest.ts";
import type { Observation, ObservePort } from "../record/observe.ts";
import type { CallStory } from "../record/story.ts";
import { ATTRIBUTE as A } from "./attribute.ts";
import { carrierOf, contextFromMeta } from "./trace-context.ts";

export interface ObserveCallsOptions {
  readonly kind: "client" | "server";
  /** Key of this installation for digests that leave it. */
  readonly digestKey: () => KeyObject;
  /** Puts arguments and results on spans. Default false. */
  readonly captureContent: boolean;
}

const TRACER = "@countersign/sdk";

export function observeCalls(options: ObserveCallsOptions): ObservePort {
  const tracer = trace.getTracer(TRACER); // a proxy: it also finds a provider that is registered later
  return {
    begin(story) {
      try {
        return beginSpan(story, tracer, options);
      } catch {
        return UNOBSERVED;
      }
    },
  };
}

const UNOBSERVED: Observation = { carrier: {}, run: (fn) => fn(), end: () => undefined };

function beginSpan(story: CallStory, tracer: Tracer, options: ObserveCallsOptions): Observation {
  const read = story.reading.ok ? story.reading.call : undefined;
  const parent = contextFromMeta(context.active(), read?.meta);
  const name = read === undefined ? "tools/call" : `tools/call ${read.tool}`;
  const kind = options.kind === "client" ? SpanKind.CLIENT : SpanKind.SERVER;
  const span = tracer.startSpan(name, { kind }, parent);
  if (!span.isRecording() && !isSpanContextValid(span.spanContext())) return UNOBSERVED; // the host traces nothing
  const own = trace.setSpan(parent, span);
  return {
    carrier: carrierOf(own),
    run: (fn) => runIn(own, fn),
    end(ended) {
      try {
        if (span.isRecording()) writeSpan(span, ended, options);
        span.end();
      } catch {
        // A span that cannot be written is lost alone.
      }
    },
  };
}

/** Runs in the context; where the host's context manager throws before it has called `fn`, runs without. */
function runIn<T>(own: Context, fn: () => T): T {
  let started = false;
  try {
    return context.with(own, () => {
      started = true;
      return fn();
    });
  } catch (error) {
    if (started) throw error;
    return fn();
  }
}

function writeSpan(span: Span, story: CallStory, options: ObserveCallsOptions): void {
  span.setAttributes({ ...connectionAttributes(story), ...governanceAttributes(story, options), ...approvalAttributes(story), ...findingAttributes(story) });
  if (options.captureContent) span.setAttributes(contentAttributes(story));
  const error = errorType(story);
  if (error === undefined) return;
  span.setAttribute(A.errorType, error);
  span.setStatus({ code: SpanStatusCode.ERROR, ...(story.refusal === undefined ? {} : { message: story.refusal.reason }) });
}

function connectionAttributes(story: CallStory): Attributes {
  const { server, connection } = story.proposed;
  const transport = server.transport === "stdio" ? "pipe" : server.transport === "http" ? "tcp" : undefined;
  return defined({
    [A.methodName]: "tools/call",
    [A.operationName]: "execute_tool",
    [A.toolName]: toolOf(story),
    [A.sessionId]: connection?.sessionId,
    [A.protocolVersion]: connection?.protocolVersion,
    [A.serverAddress]: connection?.address,
    [A.serverPort]: connection?.port,
    [A.networkTransport]: transport,
    [A.jsonrpcRequestId]: story.execution?.requestId === undefined ? undefined : String(story.execution.requestId),
    [A.governedServerName]: server.name,
    [A.governedToolName]: toolOf(story),
  });
}

function governanceAttributes(story: CallStory, options: ObserveCallsOptions): Attributes {
  const { verdict, refusal, call } = story;
  const reason = refusal?.reason ?? verdict?.reason;
  return defined({
    [A.governanceAction]: verdict?.action ?? refusal?.action,
    [A.governanceReason]: reason === "" ? undefined : reason,
    [A.policyId]: call?.policyId,
    [A.policyNames]: verdict === undefined || verdict.policies.length === 0 ? undefined : [...verdict.policies],
    [A.callDigest]: call === undefined ? undefined : keyedDigest(call.digest, options.digestKey()),
    [A.toolFingerprint]: call?.definition ?? undefined,
    [A.rateLimited]: verdict?.rateLimited === true ? true : undefined,
    [A.retryAfterMs]: verdict?.rateLimited === true ? verdict.retryAfterMs : undefined,
    [A.wouldAction]: verdict?.would?.action,
    [A.wouldPolicies]: verdict?.would === undefined ? undefined : [...verdict.would.policies],
  });
}

function approvalAttributes({ approval }: CallStory): Attributes {
  if (approval === undefined) return {};
  return defined({
    // The closed set of the conventions has no "superseded": such a request was not approved.
    [A.approvalStatus]: approval.status === "superseded" ? "denied" : approval.status,
    [A.approvalApprover]: approval.approver === "" ? undefined : approval.approver,
    [A.approvalElapsedMs]: approval.elapsedMs === undefined ? undefined : Math.round(approval.elapsedMs),
    [A.approvalRequestId]: approval.requestId,
    [A.approvalChannel]: approval.channel,
    [A.approvalError]: approval.error ?? (approval.status === "superseded" ? "superseded" : undefined),
    [A.human]: approval.human,
  });
}

function findingAttributes({ findings, findingAction }: CallStory): Attributes {
  if (findings.length === 0) return {};
  const types = (direction: "input" | "output"): string[] | undefined => {
    const found = [...new Set(findings.filter((finding) => finding.direction === direction).map(({ type }) => type))];
    return found.length === 0 ? undefined : found;
  };
  return defined({ [A.piiInputTypes]: types("input"), [A.piiOutputTypes]: types("output"), [A.piiAction]: findingAction });
}

function contentAttributes({ call, execution }: CallStory): Attributes {
  return defined({
    [A.toolCallArguments]: call?.argumentsText,
    [A.toolCallResult]: execution?.result === undefined ? undefined : JSON.stringify(execution.result),
  });
}

/** `error.type`: our code where we refused, `tool_error` where the tool did, else the JSON-RPC code or the error's class. */
function errorType({ refusal, execution }: CallStory): string | undefined {
  if (refusal !== undefined) return refusal.code;
  if (execution?.isError === true) return "tool_error";
  const error = execution?.error;
  if (error === undefined) return undefined;
  const code: unknown = error !== null && typeof error === "object" && "code" in error ? error.code : undefined;
  return typeof code === "number" || typeof code === "string" ? String(code) : error instanceof Error ? error.name : "_OTHER";
}

function toolOf({ reading }: CallStory): string | undefined {
  return reading.ok ? reading.call.tool : undefined;
}

function defined(attributes: Record<string, Attributes[string]>): Attributes {
  for (const key of Object.keys(attributes)) if (attributes[key] === undefined) delete attributes[key];
  return attributes;
}

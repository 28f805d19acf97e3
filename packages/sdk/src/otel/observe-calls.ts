/**
 * The record seen as spans: one `tools/call {tool}` span per governed call, made from the same story as its rows.
 * It needs nothing but the OpenTelemetry API and works with whatever the host has set up, or with nothing. It can fail
 * alone: whatever an exporter, processor or propagator throws changes no verdict. Called by guard.ts through `observe`.
 */
import { context, isSpanContextValid, SpanKind, SpanStatusCode, trace, type Attributes, type Context, type Span, type Tracer } from "@opentelemetry/api";
import type { Observation, ObservePort } from "../record/observe.ts";
import type { CallStory } from "../record/story.ts";
import { ATTRIBUTE as A } from "./attribute.ts";
import { carrierOf, contextFromMeta } from "./trace-context.ts";

export interface ObserveCallsOptions {
  readonly kind: "client" | "server";
  /** Keys a digest for leaving this installation. */
  readonly keyedDigest: (digest: string) => string;
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
  const attributes: Attributes = {};
  describeConnection(attributes, story);
  describeVerdict(attributes, story, options);
  describeApproval(attributes, story);
  describeFindings(attributes, story);
  if (options.captureContent) describeContent(attributes, story);
  const error = errorType(story);
  set(attributes, A.errorType, error);
  span.setAttributes(attributes);
  if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, ...(story.refusal === undefined ? {} : { message: story.refusal.reason }) });
}

function describeConnection(attributes: Attributes, { proposed: { server, connection }, reading, execution }: CallStory): void {
  const tool = reading.ok ? reading.call.tool : undefined;
  attributes[A.methodName] = "tools/call";
  attributes[A.operationName] = "execute_tool";
  set(attributes, A.toolName, tool);
  set(attributes, A.sessionId, connection?.sessionId);
  set(attributes, A.protocolVersion, connection?.protocolVersion);
  set(attributes, A.serverAddress, connection?.address);
  set(attributes, A.serverPort, connection?.port);
  set(attributes, A.networkTransport, server.transport === "stdio" ? "pipe" : server.transport === "http" ? "tcp" : undefined);
  set(attributes, A.jsonrpcRequestId, execution?.requestId?.toString());
  set(attributes, A.governedServerName, server.name);
  set(attributes, A.governedToolName, tool);
}

function describeVerdict(attributes: Attributes, { verdict, refusal, call, proposed }: CallStory, options: ObserveCallsOptions): void {
  const reason = refusal?.reason ?? verdict?.reason;
  set(attributes, A.governanceAction, verdict?.action ?? refusal?.action);
  set(attributes, A.governanceReason, reason === "" ? undefined : reason);
  if (call !== undefined) {
    attributes[A.policyId] = call.policyId;
    attributes[A.callDigest] = options.keyedDigest(call.digest);
    set(attributes, A.toolFingerprint, call.definition ?? undefined);
    set(attributes, A.toolChange, proposed.tools.change(call.tool));
  }
  if (verdict === undefined) return;
  if (verdict.policies.length > 0) attributes[A.policyNames] = [...verdict.policies];
  if (verdict.rateLimited) {
    attributes[A.rateLimited] = true;
    attributes[A.retryAfterMs] = verdict.retryAfterMs;
  }
  if (verdict.would !== undefined) {
    attributes[A.wouldAction] = verdict.would.action;
    attributes[A.wouldPolicies] = [...verdict.would.policies];
  }
}

function describeApproval(attributes: Attributes, { approval }: CallStory): void {
  if (approval === undefined) return;
  const superseded = approval.status === "superseded";
  // The closed set of the conventions has no "superseded": such a request was not approved.
  attributes[A.approvalStatus] = superseded ? "denied" : approval.status;
  set(attributes, A.approvalApprover, approval.approver === "" ? undefined : approval.approver);
  set(attributes, A.approvalElapsedMs, approval.elapsedMs === undefined ? undefined : Math.round(approval.elapsedMs));
  set(attributes, A.approvalRequestId, approval.requestId);
  set(attributes, A.approvalChannel, approval.channel);
  set(attributes, A.approvalError, approval.error ?? (superseded ? "superseded" : undefined));
  set(attributes, A.human, approval.human);
}

/** Of arguments and results. What is found of a tool itself is `tool_change`. */
function describeFindings(attributes: Attributes, { findings, findingAction }: CallStory): void {
  if (findings.length === 0) return;
  for (const [direction, name] of [["input", A.piiInputTypes], ["output", A.piiOutputTypes]] as const) {
    const found = new Set(findings.filter((finding) => finding.direction === direction && finding.group !== "tools").map(({ type }) => type));
    if (found.size > 0) attributes[name] = [...found];
  }
  set(attributes, A.piiAction, findingAction);
}

function describeContent(attributes: Attributes, { call, execution }: CallStory): void {
  set(attributes, A.toolCallArguments, call?.argumentsText);
  if (execution?.result !== undefined) attributes[A.toolCallResult] = JSON.stringify(execution.result);
}

function set(attributes: Attributes, name: string, value: Attributes[string]): void {
  if (value !== undefined) attributes[name] = value;
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

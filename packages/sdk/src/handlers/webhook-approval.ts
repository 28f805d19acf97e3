/**
 * Asking a receiver over HTTP: a signed POST, answered at once or polled until someone has decided.
 * A yes counts only from an answer that is signed with the shared secret, fresh, seen for the first time, and bound to
 * this call by its digest; anything else throws, which denies. The call's arguments are sent in the clear: whoever is to
 * approve must see them, so the receiver has to be one that may. Called by guard.ts like any handler.
 */
import { randomUUID } from "node:crypto";
import type { ApprovalContext, ApprovalDecision, ApprovalHandler } from "../approval/decision.ts";
import { judgeAnswer } from "../approval/judge-answer.ts";
import { extractBlockMetadata } from "../approval/metadata.ts";
import { setLongTimeout } from "../approval/timer.ts";
import type { JsonObject } from "../call/json.ts";
import { parseJson } from "../call/parse-json.ts";
import type { PolicyViolationError } from "../errors.ts";
import { exchange } from "./http-exchange.ts";
import type { ExchangeAnswer } from "./http-exchange.ts";
import { AddressRefusedError } from "./outbound-address.ts";
import { readWebhookOptions } from "./webhook-options.ts";
import type { WebhookApprovalOptions, WebhookTarget } from "./webhook-options.ts";

/** What is POSTed, as JSON. */
export interface WebhookApprovalEvent {
  readonly type: "approval.requested";
  /** ISO 8601. */
  readonly timestamp: string;
  readonly data: {
    /** New for every question; the `webhook-id` of the POST. */
    readonly requestId: string;
    /** The call digest, hex. The answer must repeat it. */
    readonly digest: string;
    readonly policyId: string;
    readonly server: string | null;
    readonly tool: string;
    readonly arguments: JsonObject;
    /** The caller's `_meta` as far as the digest covers it: a tool may act on it as on its arguments. Mostly empty. */
    readonly context: JsonObject;
    /** What else is sent beside the arguments, such as `task`. Mostly empty. */
    readonly beside: JsonObject;
    readonly reason: string;
    readonly approvers: readonly string[];
    /** ISO 8601. An answer after it counts for nothing. */
    readonly deadline: string;
    readonly agent: { readonly name: string; readonly id: string };
    readonly user: { readonly id: string };
  };
}

const MAX_ANSWER_BYTES = 64 * 1024;
/** A signature is fresh for 5 minutes before and after its time; an id is remembered for longer than both. */
const REMEMBER_MS = 15 * 60_000;

/**
 * Asks the receiver at `url`. It answers 200 with signed JSON `{ approved, digest, approver?, reason?, requestId? }`, or
 * 202 with a `Location` of the same origin, which is polled with signed GETs. The receiver sees the arguments in the clear.
 * Throws TypeError on wrong options.
 */
export function webhookApproval(options: WebhookApprovalOptions): ApprovalHandler {
  const target = readWebhookOptions(options);
  const accepted = new Map<string, number>();
  return async (error, context) => {
    try {
      return await ask(target, accepted, error, context);
    } catch (cause) {
      if (context.signal.aborted) throw context.signal.reason;
      // oxlint-disable-next-line eslint/preserve-caught-error -- an error of Node's HTTP parser carries the bytes it could not read
      throw new Error(`webhookApproval: ${explain(target, cause)}`);
    }
  };
}

async function ask(target: WebhookTarget, accepted: Map<string, number>, error: PolicyViolationError, context: ApprovalContext): Promise<ApprovalDecision> {
  const requestId = `msg_${randomUUID()}`;
  const at = new Date();
  const first = await send(target, target.url, requestId, at, eventText(requestId, at, error, context), context.signal);
  const answer = first.status === 202 ? await poll(target, locationOf(target.url, first), first, context.signal) : first;
  if (answer.status !== 200) throw new Error(`${target.url.host} answered with status ${answer.status}`);

  const answerId = target.signer.verify(answer.headers, answer.body);
  const fields = readObject(answer.body);
  // Bound to the call: a yes for something else, and our own signed question sent back, are no yes for this.
  if (fields["digest"] !== context.digest) throw new Error("the answer is for another call: its digest is not the one that was asked about");
  if (fields["requestId"] !== undefined && fields["requestId"] !== requestId) throw new Error("the answer is for another request of the same call");
  const judged = judgeAnswer({ ...fields, channel: "webhook" });
  if (judged.kind === "malformed") throw new Error(`the answer is no decision but ${judged.what}`);
  spend(accepted, answerId);
  return judged.decision;
}

function eventText(requestId: string, at: Date, error: PolicyViolationError, context: ApprovalContext): string {
  const { call, digest, deadline } = context;
  const { reason, approvers } = extractBlockMetadata(error);
  const event: WebhookApprovalEvent = {
    type: "approval.requested",
    timestamp: at.toISOString(),
    data: {
      requestId,
      digest,
      policyId: call.policyId,
      server: call.server.name ?? null,
      tool: call.tool,
      arguments: call.arguments,
      context: call.context,
      beside: call.era,
      reason,
      approvers,
      deadline: deadline.toISOString(),
      agent: call.caller.agent,
      user: call.caller.user,
    },
  };
  return JSON.stringify(event);
}

/** Asks again until there is something else than "not yet". Ends with the signal. */
async function poll(target: WebhookTarget, location: URL, first: ExchangeAnswer, signal: AbortSignal): Promise<ExchangeAnswer> {
  let answer = first;
  while (isNotYet(answer)) {
    await pause(Math.max(target.pollIntervalMs, retryAfterMs(answer) ?? 0), signal);
    answer = await send(target, location, `msg_${randomUUID()}`, new Date(), "", signal);
  }
  return answer;
}

function isNotYet(answer: ExchangeAnswer): boolean {
  if (answer.status === 202) return true;
  return (answer.status === 429 || answer.status === 503) && retryAfterMs(answer) !== undefined;
}

function send(target: WebhookTarget, url: URL, id: string, at: Date, body: string, signal: AbortSignal): Promise<ExchangeAnswer> {
  const { signer, timeoutMs, allowed, lookup } = target;
  const headers = {
    accept: "application/json",
    "user-agent": "countersign",
    ...target.headers,
    ...(body === "" ? {} : { "content-type": "application/json" }),
    ...signer.sign(id, at, body),
  };
  return exchange(url, { method: body === "" ? "GET" : "POST", headers, body, timeoutMs, maxBytes: MAX_ANSWER_BYTES, allowed, lookup, signal });
}

/** Of the same origin only: the signed polls, and the headers with them, go nowhere else. */
function locationOf(url: URL, answer: ExchangeAnswer): URL {
  const [location, second] = answer.headers["location"] ?? [];
  const target = location === undefined || second !== undefined ? null : URL.parse(location, url.href);
  if (target === null) throw new Error(`${url.host} answered 202 without one Location to poll`);
  if (target.origin !== url.origin || target.username !== "" || target.password !== "") {
    throw new Error(`${url.host} answered 202 with a Location of another origin`);
  }
  target.hash = "";
  return target;
}

/** RFC 9110, section 10.2.3: seconds or a date. Undefined where there is none, or none that can be read. */
function retryAfterMs(answer: ExchangeAnswer): number | undefined {
  const [value = ""] = answer.headers["retry-after"] ?? [];
  const ms = /^\d{1,9}$/u.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const ended = Promise.withResolvers<void>();
  const abort = (): void => ended.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const timer = setLongTimeout(ended.resolve, ms);
  try {
    await ended.promise;
  } finally {
    timer.clear();
    signal.removeEventListener("abort", abort);
  }
}

function readObject(body: string): { readonly [key: string]: unknown } {
  let value: unknown;
  try {
    value = parseJson(body);
  } catch {
    // The parser's message would quote the body.
    throw new Error("the answer is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("the answer is not a JSON object");
  // An object from JSON has string keys, and its values are looked at one by one.
  return value as { readonly [key: string]: unknown };
}

/** Takes an answer's id as used. Throws where it was used before: a recorded yes must not serve a second time. */
function spend(accepted: Map<string, number>, id: string): void {
  const now = performance.now();
  for (const [old, until] of accepted) if (until <= now) accepted.delete(old);
  if (accepted.has(id)) throw new Error("the answer was used before");
  accepted.set(id, now + REMEMBER_MS);
}

/** What happened and what to do; nothing of the URL but its host. Messages of node:net and node:tls name hosts and codes. */
function explain(target: WebhookTarget, cause: unknown): string {
  if (cause instanceof AddressRefusedError) {
    const mend = target.allowed.has("private") ? "" : "; set allowPrivateNetwork: true if the receiver is meant to be inside";
    return `${cause.message}${mend}`;
  }
  if (!(cause instanceof Error)) return `${target.url.host} could not be asked`;
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
  return cause.message === "" || code !== undefined ? `${target.url.host} could not be reached (${code ?? cause.name})` : cause.message;
}

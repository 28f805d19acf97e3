/**
 * One exchange with the control plane: bounded in time and size, its answer validated, repeated only where that is harmless.
 * Whatever happens it ends in a tagged result, and nothing in a failure holds a key, a header or a body of ours.
 */
import type { IncomingMessage } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import type { z } from "zod";
import { parseJson } from "../call/parse-json.ts";
import { problem, type ProblemCode } from "./problem.ts";
import type { WireConnection } from "./wire-connection.ts";

/** `unreachable`: no answer came, or half of one. `garbage`: an answer that is none of the control plane's. `aborted`: by our own signal. */
export type FailureCode = ProblemCode | "unreachable" | "timeout" | "garbage" | "aborted";

export interface WireFailure {
  readonly ok: false;
  readonly code: FailureCode;
  /** Undefined where no answer came. */
  readonly status: number | undefined;
  readonly detail: string | undefined;
  /** Of the request the answer is about, with `ended`, `in_progress`, `not_approved`. */
  readonly state: string | undefined;
  readonly retryAfterMs: number | undefined;
}
export type WireResult<T> = { readonly ok: true; readonly status: number; readonly value: T } | WireFailure;

export interface ExchangeOptions<T> {
  readonly method: string;
  readonly path: string;
  /** The body as JSON text. */
  readonly body?: string;
  readonly headers?: { readonly [name: string]: string };
  /** What a 2xx answer must be. */
  readonly schema: z.ZodType<T>;
  /** For everything, repeats included, in milliseconds. */
  readonly withinMs: number;
  /** For one attempt. Default: `withinMs`. */
  readonly attemptMs?: number;
  /** Given up sooner where nothing of this kind was answered for so long: the control plane is away then. One that answers others is only slow. */
  readonly quiet?: { readonly kind: string; readonly ms: number } | undefined;
  /** Of an answer's body. Default 16 MiB. */
  readonly maxBytes?: number;
  /** Only where the same again is the same. */
  readonly repeat: boolean;
  readonly signal?: AbortSignal | undefined;
}

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 5_000;
/** Of what a patient exchange has, for one attempt: a question that was lost on the way is asked again though others are answered. */
const LONGEST_ATTEMPT = 1 / 3;

export async function exchange<T>(connection: WireConnection, options: ExchangeOptions<T>): Promise<WireResult<T>> {
  const begun = performance.now();
  for (let attempt = 0; ; attempt++) {
    const tried = performance.now();
    const answer = readAnswer(await once(connection, options, () => attemptEnd(connection, options, begun, tried)), options.schema);
    if (answer.ok && options.quiet !== undefined) connection.heard(options.quiet.kind);
    if (answer.ok || !options.repeat || !mayPass(answer)) return answer;
    const waitMs = Math.max(answer.retryAfterMs ?? 0, backOff(attempt, FIRST_PAUSE_MS, MAX_PAUSE_MS));
    // Who answers that it cannot is not slow.
    const heardAt = answer.status === undefined ? lastHeard(connection, options) : begun;
    if (performance.now() + waitMs >= exchangeEnd(options, begun, heardAt)) return answer;
    try {
      await pause(waitMs, undefined, { signal: options.signal });
    } catch {
      return failure("aborted");
    }
  }
}

function lastHeard(connection: WireConnection, { quiet }: ExchangeOptions<unknown>): number {
  return quiet === undefined ? -Infinity : connection.heardAt(quiet.kind);
}

function exchangeEnd({ withinMs, quiet }: ExchangeOptions<unknown>, begun: number, heardAt: number): number {
  return Math.min(begun + withinMs, Math.max(begun, heardAt) + (quiet?.ms ?? withinMs));
}

/** As things are now: whatever is heard meanwhile puts it off, within bounds. */
function attemptEnd(connection: WireConnection, options: ExchangeOptions<unknown>, begun: number, tried: number): number {
  const { withinMs, quiet, attemptMs = withinMs } = options;
  const heardAt = lastHeard(connection, options);
  const longest = quiet === undefined ? attemptMs : withinMs * LONGEST_ATTEMPT;
  return Math.min(exchangeEnd(options, begun, heardAt), Math.max(tried, heardAt) + attemptMs, tried + longest);
}

/** Exponential, with full jitter over its upper half, so that many processes do not come back at one moment. */
export function backOff(attempt: number, firstMs: number, maxMs: number): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 20));
  return full / 2 + (Math.random() * full) / 2;
}

/** Whether the same request may fare better later. */
export function mayPass({ code, status }: WireFailure): boolean {
  if (code === "unreachable" || code === "timeout" || code === "too_many") return true;
  return code === "garbage" ? status === undefined || status < 400 || status >= 500 : (status ?? 0) >= 500;
}

export function failure(code: FailureCode, more: Partial<Omit<WireFailure, "ok" | "code">> = {}): WireFailure {
  return { ok: false, code, status: undefined, detail: undefined, state: undefined, retryAfterMs: undefined, ...more };
}

type RawAnswer = { readonly status: number; readonly headers: IncomingMessage["headers"]; readonly text: string } | WireFailure;

/** One attempt, until `endsAt` by the monotonic clock, which may move on meanwhile. Never rejects. */
function once(connection: WireConnection, { method, path, body, headers, signal, maxBytes = MAX_ANSWER_BYTES }: ExchangeOptions<unknown>, endsAt: () => number): Promise<RawAnswer> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve(failure("aborted"));
    const bytes = body === undefined ? undefined : Buffer.from(body);
    const about = bytes === undefined ? {} : { "content-type": "application/json", "content-length": bytes.length };
    const request = connection.open({ method, path, headers: { accept: "application/json, application/problem+json", ...about, ...headers } });
    let ended = false;
    const end = (answer: RawAnswer): void => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      clearImmediate(last);
      signal?.removeEventListener("abort", abort);
      if ("ok" in answer) request.destroy(); // else the connection is kept
      resolve(answer);
    };
    const abort = (): void => end(failure("aborted"));
    const left = (): number => Math.max(1, endsAt() - performance.now());
    // Where this very process was slow, an answer may be there that was not read yet: it is read first.
    const look = (): void => void (last = setImmediate(expire));
    const expire = (): void => {
      if (endsAt() - performance.now() > 1) timer = setTimeout(look, left());
      else end(failure("timeout"));
    };
    let last: NodeJS.Immediate | undefined;
    let timer = setTimeout(look, left());
    signal?.addEventListener("abort", abort, { once: true });
    request.on("error", () => end(failure("unreachable")));
    request.on("response", (response) => collect(response, maxBytes, end));
    return request.end(bytes);
  });
}

function collect(response: IncomingMessage, maxBytes: number, end: (answer: RawAnswer) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  response.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBytes) return end(failure("garbage", { status: response.statusCode }));
    chunks.push(chunk);
    return undefined;
  });
  response.on("error", () => end(failure("unreachable")));
  response.on("close", () => end(failure("unreachable"))); // before its end: half an answer is none
  response.on("end", () => {
    if (response.complete) end({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString("utf8") });
  });
}

function readAnswer<T>(answer: RawAnswer, schema: z.ZodType<T>): WireResult<T> {
  if ("ok" in answer) return answer;
  const { status, headers, text } = answer;
  const json = parse(text);
  if (status === 304 || (status >= 200 && status < 300)) {
    const read = schema.safeParse(json);
    return read.success ? { ok: true, status, value: read.data } : failure("garbage", { status });
  }
  const told = problem.safeParse(json);
  if (!told.success) return failure("garbage", { status, retryAfterMs: retryAfter(headers) });
  const { code, detail, state, retryAfterMs } = told.data;
  return failure(code, { status, detail: detail?.slice(0, 500), state, retryAfterMs: retryAfterMs ?? retryAfter(headers) });
}

/** Undefined for an empty body and for what is no JSON; the schema then says whether that will do. */
function parse(text: string): unknown {
  try {
    return text === "" ? undefined : parseJson(text);
  } catch {
    return undefined;
  }
}

/** `Retry-After` in seconds; dates are not used by the control plane. */
function retryAfter(headers: IncomingMessage["headers"]): number | undefined {
  const seconds = Number(headers["retry-after"]);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined;
}

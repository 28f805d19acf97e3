/**
 * Everything the inbox says to the control plane goes through `callRoute`: a route of ROUTES, its answer read by its schema. It never
 * throws; what did not work is told in words. Called by the other files of this folder.
 */
import { PROBLEM_CODES, problem, ROUTES } from "@countersign/sdk/contract";
import type { ProblemCode, RouteName } from "@countersign/sdk/contract";
import { parseJson } from "@countersign/sdk/display";
import type { z } from "zod";
import { readCsrfToken } from "./csrf-token.ts";
import { hearClock } from "./server-clock.ts";

/** `offline`: no answer came. `unreadable`: an answer came that is none of this version's. */
export type FailureCode = ProblemCode | "offline" | "unreadable";

export interface Failure {
  readonly ok: false;
  readonly code: FailureCode;
  /** A sentence for people. */
  readonly message: string;
  /** Of the request it is about, where the answer says. */
  readonly state: string | undefined;
  /** What is wrong with which argument, where the answer says. */
  readonly fields?: readonly { readonly pointer: string; readonly message: string }[] | undefined;
}
export type Result<T> = { readonly ok: true; readonly value: T } | Failure;

export interface RouteCall {
  /** For `{id}` or `{version}` in the path. */
  readonly id?: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: object;
  readonly signal?: AbortSignal;
}

let onSignedOut: () => void = () => undefined;

/** Called whenever the control plane does not know us (any more). */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

export async function callRoute<T>(route: RouteName, schema: z.ZodType<T> | null, call: RouteCall = {}): Promise<Result<T>> {
  let response: Response;
  try {
    response = await fetch(urlOf(route, call), requestOf(route, call));
  } catch {
    return failure("offline", "The control plane does not answer.");
  }
  hearClock(response.headers.get("date"));
  const text = await response.text().catch(() => undefined);
  const said = text === undefined ? undefined : readJson(text);
  if (!response.ok) return refused(route, said, response.status);
  // Without a schema there is nothing to read: T is void then.
  if (schema === null) return { ok: true, value: undefined as T };
  const read = schema.safeParse(said);
  return read.success ? { ok: true, value: read.data } : failure("unreadable", "The control plane said something this page does not understand. Reload it.");
}

/** The address of a route, for what the browser itself follows. */
export function urlOf(route: RouteName, { id = "", query = {} }: Pick<RouteCall, "id" | "query"> = {}): string {
  const path = ROUTES[route].path.replace(/\{\w+\}/, encodeURIComponent(id));
  const given = Object.entries(query).flatMap(([name, value]) => (value === undefined || value === "" ? [] : [[name, String(value)]]));
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
}

function requestOf(route: RouteName, { body, signal }: RouteCall): RequestInit {
  const { method } = ROUTES[route];
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  const token = readCsrfToken();
  if (method !== "GET" && token !== null) headers["x-csrf-token"] = token;
  return { method, headers, credentials: "same-origin", cache: "no-store", ...(body === undefined ? {} : { body: JSON.stringify(body) }), ...(signal === undefined ? {} : { signal }) };
}

function refused(route: RouteName, said: unknown, status: number): Failure {
  const read = problem.safeParse(said);
  const code = read.success ? read.data.code : (PROBLEM_CODES.find((one) => status === 404 && one === "not_found") ?? "internal");
  const isUnknown = code === "unauthenticated" || code === "csrf";
  if (isUnknown && !ROUTES[route].path.startsWith("/v1/sign-in")) onSignedOut();
  const detail = read.success ? (read.data.detail ?? "") : "";
  return { ok: false, code, message: wordsFor(code, detail), state: read.success ? read.data.state : undefined, fields: read.success ? read.data.fields : undefined };
}

function failure(code: FailureCode, message: string): Failure {
  return { ok: false, code, message, state: undefined };
}

function readJson(text: string): unknown {
  try {
    return text === "" ? undefined : parseJson(text);
  } catch {
    return undefined;
  }
}

const WORDS: { readonly [K in ProblemCode]?: string } = {
  unauthenticated: "You are not signed in (any more).",
  csrf: "This page has lost its proof of your sign-in. Sign in again.",
  forbidden: "Your roles do not allow this.",
  not_found: "There is no such thing here.",
  stale_digest: "The question has changed. Look at it again.",
  not_viewed: "The whole call has to be shown before it can be approved.",
  too_many: "Too many requests in a short time. Try again in a moment.",
  store_unavailable: "The store does not answer; nothing was changed.",
  internal: "Something went wrong in the control plane.",
};

function wordsFor(code: ProblemCode, detail: string): string {
  const own = WORDS[code];
  if (own !== undefined) return own;
  return detail === "" ? `Refused (${code}).` : detail;
}

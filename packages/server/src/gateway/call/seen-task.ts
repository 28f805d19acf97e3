/**
 * Tasks as servers speak of them: the experimental ones of sessions (2025-11-25, `{ task: … }`, `tasks/result`) and the extension
 * `io.modelcontextprotocol/tasks` of the protocol without sessions (`resultType: "task"`, results inside `tasks/get`). Reads, and changes nothing.
 */
import type { Call } from "@countersign/sdk/call";
import type { UpstreamAnswer } from "./upstream-port.ts";

const EXTENSION = "io.modelcontextprotocol/tasks";
const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";
/** Of a task that the server no longer has, or never had. */
const INVALID_PARAMS = -32_602;

/** What a server made of a call. */
export interface MadeTask {
  readonly taskId: string;
  /** How long the server keeps it, from its creation; null where it says nothing of that. */
  readonly ttlMs: number | null;
}

export interface SeenTask {
  readonly taskId: string;
  /** `result`: the tool's own, where the message carries it. Undefined state: it goes on. */
  readonly end: { readonly kind: "completed"; readonly result: unknown } | { readonly kind: "failed" | "cancelled" } | undefined;
}

/** Undefined where the result is none that makes a task. */
export function taskIn(result: unknown, modern: boolean): MadeTask | undefined {
  const task = modern ? (field(result, "resultType") === "task" ? result : undefined) : field(result, "content") === undefined ? field(result, "task") : undefined;
  const taskId = field(task, "taskId");
  if (typeof taskId !== "string") return undefined;
  const ttl = field(task, modern ? "ttlMs" : "ttl");
  return { taskId, ttlMs: typeof ttl === "number" && ttl >= 0 ? ttl : null };
}

/** Whether the client said that it can do with a task for this call. */
export function isTaskAsked({ era, meta }: Call, modern: boolean): boolean {
  return modern ? field(field(meta?.[CAPABILITIES], "extensions"), EXTENSION) !== undefined : era["task"] !== undefined;
}

export function isTaskMethod(method: string): boolean {
  return method === "tasks/get" || method === "tasks/result" || method === "tasks/cancel";
}

/** Whether what is said in answer to such a request, or on its stream, may be about a task. */
export function isAboutTasks(method: string): boolean {
  return isTaskMethod(method) || method === "subscriptions/listen";
}

/** The answer to a request about a task. */
export function seenInAnswer(method: string, taskId: string, { ok, body }: UpstreamAnswer): SeenTask | undefined {
  if (method !== "tasks/result") return ok ? seenIn(body, taskId) : undefined;
  if (ok) return { taskId, end: { kind: "completed", result: body } };
  return field(body, "code") === INVALID_PARAMS ? undefined : { taskId, end: { kind: "failed" } };
}

export function seenInNotification(method: string, params: unknown): SeenTask | undefined {
  if (method !== "notifications/tasks" && method !== "notifications/tasks/status") return undefined;
  const taskId = field(params, "taskId");
  return typeof taskId === "string" ? seenIn(params, taskId) : undefined;
}

function seenIn(task: unknown, taskId: string): SeenTask {
  const status = field(task, "status");
  if (status === "completed") return { taskId, end: { kind: status, result: field(task, "result") } };
  return { taskId, end: status === "failed" || status === "cancelled" ? { kind: status } : undefined };
}

function field(value: unknown, key: string): unknown {
  return value !== null && typeof value === "object" && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}

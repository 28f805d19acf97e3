/**
 * Results of tasks: of v1's experimental ones (`tasks/result`) and of those of the extension `io.modelcontextprotocol/tasks` (inside the
 * answer to `tasks/get`). Where results are looked into, these are, too, with the call that became the task.
 */
import type { Call } from "../call/call.ts";
import { inspectsResults, inspectTaskResult } from "../enforcement/inspect-task-result.ts";
import type { Governance } from "../enforcement/governance.ts";
import type { PolicyViolationError } from "../errors.ts";
import type { ClientLike, RequestLike } from "./client-like.ts";

/** So many tasks of one client are remembered, with the arguments of their calls. */
const KEPT = 128;

interface Task {
  readonly call: Call;
  /** Why its result was withheld. */
  refusal?: PolicyViolationError;
}

const tasks = new WeakMap<ClientLike, Map<string, Task>>();

/** Remembers the task that the result of a call speaks of, if it does. */
export function rememberTask(client: ClientLike, call: Call, result: unknown): void {
  const taskId = field(field(result, "task"), "taskId") ?? field(result, "taskId");
  if (typeof taskId !== "string" || field(result, "content") !== undefined) return;
  let known = tasks.get(client);
  if (known === undefined) tasks.set(client, (known = new Map()));
  known.delete(taskId);
  known.set(taskId, { call });
  for (const oldest of known.keys()) {
    if (known.size <= KEPT) break;
    known.delete(oldest);
  }
}

/** Why the result of a task was withheld, for requestStream, which would wrap it. */
export function refusalOfTask(client: ClientLike, taskId: unknown): PolicyViolationError | undefined {
  return typeof taskId === "string" ? tasks.get(client)?.get(taskId)?.refusal : undefined;
}

export function isAboutTaskResult(method: string): boolean {
  return method === "tasks/result" || method === "tasks/get";
}

/** The answer to such a request as the caller may have it. Rejects with PolicyViolationError where it is withheld, and as the request does. */
export async function governedTaskAnswer(client: ClientLike, { method, params }: RequestLike, answer: Promise<unknown>, { ports }: Governance): Promise<unknown> {
  const taskId = field(params, "taskId");
  const answered = await answer;
  const isInside = method === "tasks/get";
  const result = isInside ? field(answered, "result") : answered;
  if (result === undefined || !inspectsResults(ports)) return answered;
  const task = typeof taskId === "string" ? tasks.get(client)?.get(taskId) : undefined;
  const seen = await inspectTaskResult(task?.call, result, ports);
  if (seen.ok) return isInside && seen.result !== result ? { ...(answered as object), result: seen.result } : seen.result; // it has a member
  if (task !== undefined) task.refusal = seen.error;
  throw seen.error;
}

function field(value: unknown, key: string): unknown {
  return value !== null && typeof value === "object" && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}

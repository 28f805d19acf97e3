/** Which server a task is at: the one that made it first. Ids of tasks are each server's own, and nothing but an id comes with what is asked about one. */
import { valueAt } from "../message/read-upstream-message.ts";

const MAX_TASKS = 10_000;

export class TaskOwners<S> {
  readonly #owners = new Map<string, S>();

  /** From the result of a call. */
  learn(server: S, result: unknown): void {
    const taskId = valueAt(result, ["task", "taskId"]) ?? valueAt(result, ["taskId"]);
    if (typeof taskId !== "string" || this.#owners.has(taskId)) return;
    this.#owners.set(taskId, server);
    const [oldest] = this.#owners.keys();
    if (this.#owners.size > MAX_TASKS && oldest !== undefined) this.#owners.delete(oldest);
  }

  of(taskId: string): S | undefined {
    return this.#owners.get(taskId);
  }
}

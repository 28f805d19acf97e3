/**
 * Calls that their servers made tasks of. The execution lasts until the task's end is seen in what passes between client and server, whoever
 * asked; an end that nobody sees is unknown. Where results are inspected, a task's result is one, and nobody is told it before.
 */
import type { Outcome, Sent } from "@countersign/sdk/enforcement";
import type { OpenExecution, OpenExecutions } from "./open-executions.ts";
import type { MadeTask, SeenTask } from "./seen-task.ts";

/** An execution as far as its task is concerned. */
export interface TaskExecution extends OpenExecution {
  /** Names its server; ids of tasks are each server's own. */
  readonly scope: string;
  /** Results are looked into. */
  readonly inspects: boolean;
  /** How it ended; undefined where sending gave an error. Never rejects. */
  readonly outcome: Promise<Outcome | undefined>;
}

interface Entry {
  readonly execution: TaskExecution;
  readonly end: (sent: Sent) => void;
  readonly again: () => void;
  /** Its end was seen, and its result not yet. */
  completed: boolean;
}

/** Ended tasks whose results may be asked for again. */
const KEPT = 1_024;
const LONGEST_MS = 2 ** 31 - 1;
/** What the server kept of a result that nobody fetched. */
const UNSEEN = {};

export class OpenTasks {
  readonly #open = new Map<string, Entry>();
  readonly #ended = new Map<string, TaskExecution>();

  /** Resolves with how the task ended, as an answer to the call would have told it. */
  async untilEnd(execution: TaskExecution, { taskId, ttlMs }: MadeTask, executions: OpenExecutions): Promise<Sent> {
    const { promise, resolve } = Promise.withResolvers<Sent>();
    const key = keyOf(execution.scope, taskId);
    const place = executions.add(execution, Math.min(ttlMs ?? executions.continuationMs, LONGEST_MS), () => resolve(entry.completed ? COMPLETED : UNKNOWN));
    const entry: Entry = { execution, end: resolve, again: ttlMs === null ? place.again : () => undefined, completed: false };
    this.#open.get(key)?.end(UNKNOWN); // a server that names two tasks alike: the first is not heard of again
    this.#open.set(key, entry);
    try {
      return await promise;
    } finally {
      place.over();
      if (this.#open.get(key) === entry) this.#open.delete(key);
      if (execution.inspects) this.#keep(key, execution);
    }
  }

  /** The message says this of a task. Answers what came of the tool's result that it carries, where that is looked into first. */
  saw(scope: string, { taskId, end }: SeenTask): Promise<Outcome | undefined> | undefined {
    const key = keyOf(scope, taskId);
    const entry = this.#open.get(key);
    const isResult = end?.kind === "completed" && end.result !== undefined;
    if (entry === undefined) return isResult ? this.#ended.get(key)?.outcome : undefined;
    const { execution } = entry;
    if (end === undefined) entry.again();
    else if (end.kind !== "completed") entry.end(end.kind === "failed" ? FAILED : CANCELLED);
    else if (isResult || !execution.inspects) entry.end({ ok: true, result: end.result, isError: isResult && isErrorIn(end.result) });
    else entry.completed = true;
    return isResult && execution.inspects ? execution.outcome : undefined;
  }

  /** Whether its beginning was seen here, and its result can be told from another's. */
  knows(scope: string, taskId: string): boolean {
    const key = keyOf(scope, taskId);
    return this.#open.has(key) || this.#ended.has(key);
  }

  #keep(key: string, execution: TaskExecution): void {
    this.#ended.delete(key);
    this.#ended.set(key, execution);
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= KEPT) break;
      this.#ended.delete(oldest);
    }
  }
}

const COMPLETED: Sent = { ok: true, result: UNSEEN, isError: false };
const UNKNOWN: Sent = { ok: false, error: new Error("the end of the server's task was not seen"), answered: false };
const FAILED: Sent = { ok: false, error: new Error("the server's task failed"), answered: true };
const CANCELLED: Sent = { ok: false, error: new Error("the server's task was cancelled"), answered: true };

function isErrorIn(result: unknown): boolean {
  return result !== null && typeof result === "object" && Reflect.get(result, "isError") === true;
}

function keyOf(scope: string, taskId: string): string {
  return JSON.stringify([scope, taskId]);
}

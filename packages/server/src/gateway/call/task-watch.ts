/**
 * What passes about tasks between one client and its server: looked at, so that executions end when their tasks do, and passed on as it came.
 * A tool's result in it is passed on once it was looked into, where results are; of a task whose beginning was not seen here it is not then.
 */
import { withEditNotice, type Governance, type Outcome } from "@countersign/sdk/enforcement";
import type { JsonValue } from "@countersign/sdk/call";
import { errorAnswer, refusalText, UNSEEN_TASK } from "./answer-text.ts";
import type { RpcId } from "../message/read-client-message.ts";
import type { UpstreamMessage } from "../message/read-upstream-message.ts";
import type { OpenTasks } from "./open-tasks.ts";
import { isTaskMethod, seenInAnswer, seenInNotification, type SeenTask } from "./seen-task.ts";
import type { UpstreamAnswer } from "./upstream-port.ts";

export interface TaskWatchOptions {
  readonly tasks: OpenTasks;
  /** Whose the ids are; undefined where no call was made yet. */
  readonly scope: () => string | undefined;
  /** Whether results are looked into. */
  readonly inspects: () => boolean | Promise<boolean>;
}

/** Requests about tasks that a server leaves unanswered. */
const MAX_ASKED = 1_024;

export class TaskWatch {
  readonly #options: TaskWatchOptions;
  readonly #asked = new Map<RpcId, { readonly method: string; readonly taskId: string }>();

  constructor(options: TaskWatchOptions) {
    this.#options = options;
  }

  /** A request of the client, of whatever method. */
  asked(id: RpcId, method: string, params: JsonValue | undefined): void {
    if (!isTaskMethod(method)) return;
    const taskId: unknown = params !== null && typeof params === "object" ? Reflect.get(params, "taskId") : undefined;
    if (typeof taskId !== "string") return;
    if (this.#asked.size >= MAX_ASKED) this.#asked.clear(); // a server that answers none of them tells nothing
    this.#asked.set(id, { method, taskId });
  }

  /** Undefined: the message passes as it came. Otherwise what passes in its place, later; undefined again where that is the message as it came. */
  said(message: UpstreamMessage): Promise<string | undefined> | undefined {
    if (message.kind === "answer") return this.#answered(message);
    return message.kind === "notification" ? this.#notified(message.method, message.params) : undefined;
  }

  #answered(answer: UpstreamAnswer): Promise<string | undefined> | undefined {
    const asked = this.#asked.size === 0 ? undefined : this.#asked.get(answer.id);
    if (asked === undefined) return undefined;
    this.#asked.delete(answer.id);
    const { method, taskId } = asked;
    const seen = seenInAnswer(method, taskId, answer);
    const put = (result: unknown): string => {
      const message = (whole: unknown): object => ({ jsonrpc: "2.0", id: answer.id, result: whole });
      if (method === "tasks/result") return written(message(result), () => message(errorAnswer(UNSEEN_TASK, false)));
      return written(message({ ...(answer.body as object), result }), () => message({ taskId, status: "completed", result: errorAnswer(UNSEEN_TASK, true) })); // a task: it carries one
    };
    return seen === undefined ? undefined : this.#look(seen, method !== "tasks/result", put);
  }

  #notified(method: string, params: unknown): Promise<string | undefined> | undefined {
    const seen = seenInNotification(method, params);
    if (seen === undefined) return undefined;
    const message = (told: object): object => ({ jsonrpc: "2.0", method, params: told });
    return this.#look(seen, true, (result) => written(message({ ...(params as object), result }), () => message({ taskId: seen.taskId, status: "completed" }))); // a task: it was read
  }

  #look(seen: SeenTask, modern: boolean, put: (result: unknown) => string): Promise<string | undefined> | undefined {
    const { tasks, scope, inspects } = this.#options;
    const { end, taskId } = seen;
    const owner = scope();
    const outcome = owner === undefined ? undefined : tasks.saw(owner, seen);
    const result = end?.kind === "completed" ? end.result : undefined;
    if (result === undefined) return undefined;
    if (outcome !== undefined) return outcome.then((ended) => settled(ended, result, modern, put));
    if (owner !== undefined && tasks.knows(owner, taskId)) return undefined;
    const looks = inspects();
    const withheld = (): string => put(errorAnswer(UNSEEN_TASK, modern));
    if (looks instanceof Promise) return looks.then((yes) => (yes ? withheld() : undefined), withheld);
    return looks ? Promise.resolve(withheld()) : undefined;
  }
}

export function inspectsResults(governance: Governance | Promise<Governance>): boolean | Promise<boolean> {
  const looks = ({ ports }: Governance): boolean => ports.inspect.inspections.length > 0;
  return governance instanceof Promise ? governance.then(looks) : looks(governance);
}

/** The result that was looked into, in place of this one, where they differ. */
function settled(outcome: Outcome | undefined, result: unknown, modern: boolean, put: (result: unknown) => string): string | undefined {
  if (outcome === undefined || outcome.kind === "pending") return put(errorAnswer(UNSEEN_TASK, modern));
  if (outcome.kind === "refused") return put(errorAnswer(refusalText(outcome.error), modern));
  const told = withEditNotice(outcome.result, outcome.changed);
  return told === result || isWrittenAs(told, result) ? undefined : put(told);
}

/** The message as a line. A server may nest what it says so deep that nobody writes it: `instead` is said then. */
function written(message: object, instead: () => object): string {
  try {
    return `${JSON.stringify(message)}\n`;
  } catch {
    return `${JSON.stringify(instead())}\n`;
  }
}

function isWrittenAs(one: unknown, other: unknown): boolean {
  try {
    return JSON.stringify(one) === JSON.stringify(other);
  } catch {
    return false;
  }
}

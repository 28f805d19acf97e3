/**
 * Rounds of a call in the protocol without sessions, where no request is held for long: what a client comes back with, and what it is told
 * to come back with. What it carries meanwhile is request-state.ts's; an execution that waits for it is in open-executions.ts.
 */
import { callDigest, snapshotObject, type JsonObject } from "@countersign/sdk/call";
import { readCall, type ProposedCall } from "@countersign/sdk/enforcement";
import type { Execution } from "./execution.ts";
import { OpenExecutions } from "./open-executions.ts";
import { OpenQuestions } from "./open-questions.ts";
import { OpenTasks } from "./open-tasks.ts";
import { RequestStates, type RequestStatesOptions, type StateBinding } from "./request-state.ts";

export interface RoundsOptions extends RequestStatesOptions {
  /** How long a server that asked for more is answered, in milliseconds. Default 15 minutes. */
  readonly continuationMs?: number;
}

/** Shared by all whom a client may reach with its next round; one for each gateway process will do. */
export class Rounds {
  readonly states: RequestStates;
  readonly executions: OpenExecutions<Execution>;
  readonly tasks = new OpenTasks();
  readonly questions = new OpenQuestions();

  constructor({ continuationMs, ...options }: RoundsOptions = {}) {
    this.states = new RequestStates(options);
    this.executions = new OpenExecutions(continuationMs);
  }

  /** Nobody comes back any more. */
  end(): void {
    this.executions.end();
    this.questions.end();
  }

  /** Resolves when nothing of it is under way. */
  async drained(): Promise<void> {
    await this.executions.drained();
    await this.questions.drained();
  }
}

export type Round =
  /** To be decided on. `requestId`: people are asked about it already, by an earlier round. */
  | { readonly kind: "decide"; readonly proposed: ProposedCall; readonly round: number; readonly requestId: string | undefined; readonly responses: JsonObject | undefined }
  /** To be gone on with. */
  | { readonly kind: "continue"; readonly proposed: ProposedCall; readonly execution: Execution; readonly meta: JsonObject | undefined; readonly responses: JsonObject | undefined }
  /** `why`: for the log. */
  | { readonly kind: "refused"; readonly why: string };

const CALL = "tools/call";

/** What a client of the protocol without sessions sends. `inspects`: contents are looked into. Never throws. */
export function readRound(proposed: ProposedCall, credential: string, { states, executions }: Rounds, inspects: boolean): Round {
  const { params } = proposed;
  const fields = params !== null && typeof params === "object" && !Array.isArray(params) ? (params as JsonObject) : {}; // JSON of a message
  if (!Object.hasOwn(fields, "requestState") && !Object.hasOwn(fields, "inputResponses")) return first(proposed);
  const { requestState, inputResponses, ...own } = fields;
  const stripped = { ...proposed, params: own, eraKeys: [] };
  const binding = bindingOf(stripped, credential);
  if (binding === undefined) return first(stripped); // malformed: guard says so
  const given = inputResponses === undefined ? undefined : snapshotObject(inputResponses, { depth: 2, at: "/inputResponses", ...(proposed.maxBytes === undefined ? {} : { maxBytes: proposed.maxBytes }) });
  if (given?.ok === false) return { kind: "refused", why: given.reason };
  // Answers to nothing that was asked belong to the call: decided on, shown and bound with it. Looked into are only those that were asked for.
  if (requestState === undefined && !inspects) return first({ ...proposed, eraKeys: ["inputResponses"] });
  if (typeof requestState !== "string") return { kind: "refused", why: "answers without the state they belong to" };
  const opened = states.open(requestState, binding.binding);
  if (!opened.ok) return { kind: "refused", why: opened.why };
  const { kind, id, round } = opened.state;
  if (kind === "held") return { kind: "decide", proposed: stripped, round, requestId: id, responses: given?.value };
  const execution = executions.get(id);
  if (execution === undefined) return { kind: "refused", why: "the execution that it names has ended" };
  const { definition } = execution.call;
  if (definition !== null && proposed.tools.definition(execution.call.tool)?.digest !== definition) {
    executions.giveUp(execution);
    return { kind: "refused", why: "the tool's definition has changed since the call was sent" };
  }
  return { kind: "continue", proposed: stripped, execution, meta: binding.meta, responses: given?.value };
}

export function first(proposed: ProposedCall): Round {
  return { kind: "decide", proposed, round: 0, requestId: undefined, responses: undefined };
}

/** What a state about this call is bound to; undefined where the call cannot be read. */
export function bindingOf(proposed: ProposedCall, credential: string): { readonly binding: StateBinding; readonly meta: JsonObject | undefined } | undefined {
  const read = readCall(proposed);
  if (!read.ok) return undefined;
  const { principal, agent, user } = read.call.caller;
  // Without the definition: where that changes while people are asked, they are asked anew, and the client's call is the same.
  const binding = { caller: { credential, principal, agent: agent.name, agentId: agent.id, user: user.id }, method: CALL, call: callDigest(read.call, null) };
  return { binding, meta: read.call.meta };
}

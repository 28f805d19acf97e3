/**
 * A server that makes a task of a call answers it later, under another method: that answer is the tool's result and is looked into like
 * any other before the caller gets it. Nothing of ours is asked or sent for it.
 */
import { blockMessage } from "../approval/question.ts";
import type { Call } from "../call/call.ts";
import { PolicyViolationError } from "../errors.ts";
import type { Ports } from "../guard.ts";
import { inspectResult } from "../inspection/inspect.ts";

export type InspectedTaskResult = { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly error: PolicyViolationError };

/** Whether results are looked into at all. */
export function inspectsResults({ inspect }: Pick<Ports, "inspect">): boolean {
  return inspect.inspections.some((inspection) => inspection.inspectResult !== undefined);
}

/** `call` is the one that became the task; undefined where that is not known, and then nobody can say what the result is. Never rejects. */
export async function inspectTaskResult(call: Call | undefined, result: unknown, ports: Pick<Ports, "inspect" | "policies">): Promise<InspectedTaskResult> {
  if (call === undefined) return withheld(undefined, "the result of a task that was not begun through this client is withheld, since it cannot be looked into");
  try {
    const seen = await inspectResult(call, result, ports.inspect, (finding) => ports.policies.findingAction(finding), undefined);
    return seen.action === "block" ? withheld(call, "the tool ran, and its result was withheld because of what it contains") : { ok: true, result: seen.result };
  } catch {
    return withheld(call, "the tool ran, and its result was withheld because it could not be looked into");
  }
}

function withheld(call: Call | undefined, reason: string): InspectedTaskResult {
  return { ok: false, error: new PolicyViolationError(blockMessage(call?.policyId ?? "tasks/result", reason), { code: "result_withheld", call }) };
}

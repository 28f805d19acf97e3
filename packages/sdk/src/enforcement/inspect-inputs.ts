/**
 * What a client answers to a server that asked for more while its call was under way: looked into as arguments are, before it is sent on.
 * The call itself was decided on; its digest is another matter and does not change.
 */
import type { Call } from "../call/call.ts";
import { canonicalJson } from "../call/canonical-json.ts";
import type { JsonObject } from "../call/json.ts";
import type { Ports } from "../guard.ts";
import { inspectCall } from "../inspection/inspect.ts";
import type { Finding } from "../inspection/inspection.ts";

export type InspectedInputs =
  /** `inputs`: the very object, unless something was redacted. */
  | { readonly ok: true; readonly inputs: JsonObject; readonly findings: readonly Finding[] }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/** An inspection that fails lets nothing through. Never rejects. */
export async function inspectInputs(call: Call, inputs: JsonObject, ports: Pick<Ports, "inspect" | "policies">, signal?: AbortSignal): Promise<InspectedInputs> {
  if (ports.inspect.inspections.length === 0) return { ok: true, inputs, findings: [] };
  try {
    const about = { ...call, arguments: inputs, argumentsText: canonicalJson(inputs) };
    const seen = await inspectCall(about, ports.inspect, (finding) => ports.policies.findingAction(finding), signal);
    if (seen.action === "block") return { ok: false, findings: seen.findings };
    return { ok: true, inputs: seen.call.arguments, findings: seen.findings };
  } catch {
    return { ok: false, findings: [] };
  }
}

/** Runs the inspections of a call or a result, and redacts what the document says. Called by guard.ts; whatever throws here blocks. */
import { withArguments } from "../call/bind-call.ts";
import type { ReadCall } from "../call/call.ts";
import type { JsonValue } from "../call/json.ts";
import { snapshotJson } from "../call/snapshot.ts";
import { INSPECTION_ACTIONS, type Finding, type Inspection, type InspectionAction } from "./inspection.ts";

/** What the document says of one finding. */
export type FindingAction = (finding: Finding) => InspectionAction;

/** The inspection step as guard.ts sees it. */
export interface InspectPort {
  readonly inspections: readonly Inspection[];
}

export interface InspectedCall {
  readonly call: ReadCall;
  readonly findings: readonly Finding[];
  readonly action: InspectionAction | undefined;
}

/** Findings of all inspections in order; redaction before the call is bound, so that people see what will be sent. */
export async function inspectCall(call: ReadCall, port: InspectPort, action: FindingAction, signal: AbortSignal | undefined): Promise<InspectedCall> {
  let seen = call;
  const findings: Finding[] = [];
  for (const inspection of port.inspections) {
    const found = (await inspection.inspectCall?.(seen, signal)) ?? [];
    findings.push(...found);
    const redact = found.filter((finding) => action(finding) === "redact");
    if (redact.length === 0) continue;
    if (inspection.redactCall === undefined) throw new TypeError(`the inspection ${inspection.name} cannot redact arguments`);
    seen = withArguments(seen, await inspection.redactCall(seen, redact));
  }
  return { call: seen, findings, action: strictest(findings, action) };
}

export interface InspectedResult {
  /** The very object the tool answered, unless something was redacted. */
  readonly result: unknown;
  readonly findings: readonly Finding[];
  readonly action: InspectionAction | undefined;
}

/** Inspects a result that a tool has already given. */
export async function inspectResult(call: ReadCall, result: unknown, port: InspectPort, action: FindingAction, signal: AbortSignal | undefined): Promise<InspectedResult> {
  const looking = port.inspections.filter((inspection) => inspection.inspectResult !== undefined);
  if (looking.length === 0) return { result, findings: [], action: undefined };
  const copied = snapshotJson(result, { maxBytes: Number.MAX_SAFE_INTEGER });
  if (!copied.ok) throw new TypeError(`the result cannot be inspected: ${copied.reason}`);
  let seen: JsonValue = copied.value;
  let redacted = false;
  const findings: Finding[] = [];
  for (const inspection of looking) {
    const found = (await inspection.inspectResult?.(call, seen, signal)) ?? [];
    findings.push(...found);
    const redact = found.filter((finding) => action(finding) === "redact");
    if (redact.length === 0) continue;
    if (inspection.redactResult === undefined) throw new TypeError(`the inspection ${inspection.name} cannot redact results`);
    seen = await inspection.redactResult(call, seen, redact);
    redacted = true;
  }
  return { result: redacted ? seen : result, findings, action: strictest(findings, action) };
}

function strictest(findings: readonly Finding[], action: FindingAction): InspectionAction | undefined {
  if (findings.length === 0) return undefined;
  return INSPECTION_ACTIONS[Math.max(...findings.map((finding) => INSPECTION_ACTIONS.indexOf(action(finding))))];
}

/** Runs the inspections of a call or a result, and redacts what the document says. Called by guard.ts; whatever throws here blocks. */
import { frozenCopy, withArguments } from "../call/bind-call.ts";
import type { ReadCall } from "../call/call.ts";
import type { JsonValue } from "../call/json.ts";
import { parseJson } from "../call/parse-json.ts";
import { INSPECTION_ACTIONS, type Finding, type Inspection, type InspectionAction } from "./inspection.ts";
import { readFindings } from "./read-findings.ts";

/** What the document says of one finding. */
export type FindingAction = (finding: Finding) => InspectionAction;

/** The inspection step as guard.ts sees it. */
export interface InspectPort {
  readonly inspections: readonly Inspection[];
}

export interface InspectedCall {
  readonly call: ReadCall;
  readonly findings: readonly Finding[];
  /** The strictest that the document says of any finding; undefined where there is none. */
  readonly action: InspectionAction | undefined;
}

/**
 * Findings of all inspections in order, each of which sees what those before it redacted, as a frozen copy. Redaction comes before the call is
 * bound, so that people see what will be sent.
 */
export async function inspectCall(call: ReadCall, port: InspectPort, action: FindingAction, signal: AbortSignal | undefined): Promise<InspectedCall> {
  let seen = call;
  let shown = frozenCopy(seen); // one that redacts in place must not change what runs and leave what is bound as it was
  const all: Finding[] = [];
  for (const inspection of port.inspections) {
    const findings = readFindings(await inspection.inspectCall?.(shown, signal), inspection.name, "input");
    for (const finding of findings) all.push(finding);
    const redact = findings.filter((finding) => action(finding) === "redact");
    if (redact.length === 0) continue;
    if (inspection.redactCall === undefined) throw new TypeError(`the inspection ${inspection.name} cannot redact arguments`);
    seen = withArguments(seen, await inspection.redactCall(structuredClone(shown), redact)); // its own, to change as it likes
    shown = frozenCopy(seen);
  }
  return { call: seen, findings: all, action: strictest(all, action) };
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
  let seen = copyOf(result);
  let redacted = false;
  const all: Finding[] = [];
  for (const inspection of looking) {
    const findings = readFindings(await inspection.inspectResult?.(call, seen, signal), inspection.name, "output");
    for (const finding of findings) all.push(finding);
    const redact = findings.filter((finding) => action(finding) === "redact");
    if (redact.length === 0) continue;
    if (inspection.redactResult === undefined) throw new TypeError(`the inspection ${inspection.name} cannot redact results`);
    seen = copyOf(await inspection.redactResult(call, seen, redact));
    redacted = true;
  }
  return { result: redacted ? seen : result, findings: all, action: strictest(all, action) };
}

/** As JSON carries it. Not the strict snapshot: a result is not bound, and one that holds a large integer is no reason to withhold it. */
function copyOf(result: unknown): JsonValue {
  const text = JSON.stringify(result);
  if (text === undefined) throw new TypeError("a result that is not JSON cannot be inspected");
  // Text from JSON.stringify parses to JSON.
  return parseJson(text);
}

function strictest(findings: readonly Finding[], action: FindingAction): InspectionAction | undefined {
  let worst = -1;
  for (const finding of findings) worst = Math.max(worst, INSPECTION_ACTIONS.indexOf(action(finding)));
  return INSPECTION_ACTIONS[worst];
}

/** `countersign policy diff A B [--record DIR]`: what changes, for which calls. `!` marks what lets something run that did not run before. */
import { createTrial, trialCall, type PolicyDocument, type Verdict } from "@countersign/sdk/policy";
import { callUniverse } from "./call-universe.ts";
import { compareDocuments, type DocumentChange } from "./compare-documents.ts";
import { compareVerdicts, type VerdictChange } from "./compare-verdicts.ts";
import { createJudge } from "../trial/judge-recorded.ts";
import { loadPolicy } from "./load-policy.ts";
import { printJson, type ExitCode, type Format, type Ports } from "./ports.ts";
import { readDecisions } from "./read-decisions.ts";
import { plural } from "../trial/verdict-words.ts";

export interface DiffOptions {
  /** Judge the calls of this record, instead of those that the patterns speak of. */
  readonly record?: string | undefined;
  readonly format: Format;
}

/** Calls for which the same changes. */
export interface CallChange extends VerdictChange {
  /** Policy ids, each once. */
  readonly calls: readonly string[];
  readonly count: number;
}

export interface PolicyDiff {
  readonly documents: readonly DocumentChange[];
  readonly calls: readonly CallChange[];
  readonly judged: number;
  /** Recorded calls that could not be judged: a condition asks for arguments that are not there. */
  readonly unjudged: number;
  readonly over: "record" | "patterns";
  /** Conditions cannot be tried without arguments. */
  readonly conditional: boolean;
}

export async function policyDiff(before: string, after: string, options: DiffOptions, ports: Ports): Promise<ExitCode> {
  const documents = [await loadPolicy(before, ports), await loadPolicy(after, ports)] as const;
  const diff = options.record === undefined ? diffPatterns(...documents) : await diffRecord(...documents, options.record, ports);
  if (options.format === "json") printJson(ports, diff);
  else ports.out(lines(before, after, diff).join("\n"));
  return 0;
}

function diffPatterns(before: PolicyDocument, after: PolicyDocument): PolicyDiff {
  const [old, young] = [createTrial(before), createTrial(after)];
  const group = new Groups();
  const universe = callUniverse([before, after]);
  for (const { server, tool } of universe) {
    const call = trialCall({ server, tool });
    group.add(call.policyId, old.judge(call, { charge: false }), young.judge(call, { charge: false }));
  }
  const conditional = [before, after].some(({ policies }) => policies.some(({ when }) => when !== undefined));
  return { documents: compareDocuments(before, after), calls: group.all(), judged: universe.length, unjudged: 0, over: "patterns", conditional };
}

async function diffRecord(before: PolicyDocument, after: PolicyDocument, directory: string, ports: Ports): Promise<PolicyDiff> {
  const [old, young] = [createJudge(before), createJudge(after)];
  const group = new Groups();
  const { calls } = await readDecisions(directory, ports);
  let judged = 0;
  for (const call of calls) {
    const [first, second] = [old.judge(call), young.judge(call)];
    if (first === undefined || second === undefined) continue;
    judged += 1;
    group.add(call.policyId, first, second);
  }
  return { documents: compareDocuments(before, after), calls: group.all(), judged, unjudged: calls.length - judged, over: "record", conditional: false };
}

class Groups {
  readonly #groups = new Map<string, { readonly change: VerdictChange; readonly calls: Set<string>; count: number }>();

  add(policyId: string, before: Verdict, after: Verdict): void {
    const change = compareVerdicts(before, after);
    if (change === undefined) return;
    const key = JSON.stringify([change.before, change.after]);
    const group = this.#groups.get(key) ?? { change, calls: new Set<string>(), count: 0 };
    this.#groups.set(key, group);
    group.calls.add(policyId);
    group.count += 1;
  }

  /** What lets something run first. */
  all(): readonly CallChange[] {
    const all = [...this.#groups.values()].map(({ calls, change, count }) => ({ ...change, calls: [...calls], count }));
    return all.toSorted((a, b) => Math.sign(b.looser.length) - Math.sign(a.looser.length));
  }
}

const SHOWN = 6;

function lines(before: string, after: string, { calls, conditional, documents, judged, over, unjudged }: PolicyDiff): readonly string[] {
  if (documents.length === 0 && calls.length === 0) return [`${before} and ${after} say the same.`];
  const found = [`${before} → ${after}`];
  for (const { detail, kind, looser, what } of documents) found.push(`${looser === undefined ? " " : "!"} ${kind} ${what}: ${detail}${looser === undefined ? "" : `\n    ! ${looser}`}`);
  const about = over === "record" ? plural(judged, "recorded call") : `${plural(judged, "call")} made from the patterns`;
  found.push("", calls.length === 0 ? `The verdict changes for none of ${about}.` : `The verdict changes, of ${about}:`);
  for (const change of calls) {
    found.push(`${change.looser.length === 0 ? " " : "!"} ${sayCalls(change, over)}`, `    before: ${change.before}`, `    after:  ${change.after}`, ...change.looser.map((why) => `    ! ${why}`));
  }
  if (unjudged > 0) found.push(`${plural(unjudged, "recorded call")} could not be judged: a condition asks for arguments that the record does not have.`);
  if (conditional) found.push("Conditions (`when`) were tried with empty arguments only. With --record they are tried on real calls.");
  if (documents.some(({ looser }) => looser !== undefined) || calls.some(({ looser }) => looser.length > 0)) found.push("", "! lets, or may let, something run that did not run before.");
  return found;
}

function sayCalls({ calls, count }: CallChange, over: PolicyDiff["over"]): string {
  const shown = calls.slice(0, SHOWN).join(", ");
  const more = calls.length > SHOWN ? ` and ${calls.length - SHOWN} more` : "";
  return `${shown}${more}${over === "record" ? ` (${plural(count, "call")})` : ""}`;
}

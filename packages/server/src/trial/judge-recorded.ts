/** Recorded calls under a document of today, in recorded order. */
import type { Finding } from "@countersign/sdk";
import { argumentReads, createTrial, trialCall, type PolicyDocument, type Trial, type Verdict } from "@countersign/sdk/policy";
import type { RecordedDecision, RecordedFindingRow } from "./recorded-call.ts";

export interface Judge {
  /**
   * Undefined where it cannot be judged: a condition asks for what the record does not have, arguments or what the server claimed of its
   * tool. Call it in recorded order.
   */
  judge(call: RecordedDecision): Verdict | undefined;
}

export function createJudge(document: PolicyDocument): Judge {
  const trials = new Map<string, Trial>();
  const reading = readingPolicies(document);
  return {
    judge(recorded) {
      const { agent, at, definition, file, principal, server, session, tool, user } = recorded;
      let trial = trials.get(file);
      if (trial === undefined) trials.set(file, (trial = createTrial(document)));
      // Arguments are nobody's business where no condition asks for them.
      const isRead = trial.match(server, tool).policies.some(({ name }) => reading.has(name));
      const args = isRead ? recorded.arguments : undefined;
      if (isRead && args === undefined) return undefined;
      const call = trialCall({ server, tool, arguments: args, definition, principal, agent: { name: agent }, user, session });
      const verdict = trial.judge(call, { findings: findingsFor(recorded, document), now: at, at });
      return verdict.faults.some(({ error }) => error.field?.startsWith("tool.claims") === true) ? undefined : verdict;
    },
  };
}

/** Names of the policies whose conditions look at arguments. */
export function readingPolicies({ policies }: PolicyDocument): ReadonlySet<string> {
  return new Set(policies.filter(({ when }) => when !== undefined && argumentReads(when).length > 0).map(({ name }) => name));
}

/** What was found in the call's arguments then, as the document's `inspection` speaks of it. */
export function findingsFor({ findings }: Pick<RecordedDecision, "findings">, { inspection = {} }: PolicyDocument): readonly Finding[] {
  return findings.map((finding) => ({ ...finding, group: finding.group ?? guessGroup(finding, Object.entries(inspection)) }));
}

const SECRETS = /^(?:password|jwt|private_key|aws_access_key|aws_secret_key|gcp_api_key|github_token|slack_token|stripe_key|openai_key|generic_secret)$/;

/** For rows that keep the type of a finding and not its group. A group that names the type has it; else it goes by the type. */
function guessGroup({ type }: RecordedFindingRow, groups: readonly (readonly [string, unknown])[]): string {
  if (type === "changed" || type === "suspicious" || type === "shadowing") return "tools";
  const named = groups.find(([, section]) => isNamed(section, type));
  return named?.[0] ?? (SECRETS.test(type) ? "secret" : "pii");
}

function isNamed(section: unknown, type: string): boolean {
  if (section === null || typeof section !== "object" || !("input" in section)) return false;
  return section.input !== null && typeof section.input === "object" && Object.hasOwn(section.input, type);
}

/** Recorded calls under a document of today. Each record file is one process, so each has throttle counters of its own. */
import { createTrial, trialCall, type PolicyDocument, type Trial, type Verdict } from "@countersign/sdk/policy";
import type { RecordedCall, RecordedFindingRow } from "./read-decisions.ts";

export interface Judge {
  /** Undefined where it cannot be judged: a condition asks for arguments that the record does not have. Call it in recorded order. */
  judge(call: RecordedCall): Verdict | undefined;
}

export function createJudge(document: PolicyDocument): Judge {
  const trials = new Map<string, Trial>();
  const conditional = new Set(document.policies.filter(({ when }) => when !== undefined).map(({ name }) => name));
  const groups = Object.entries(document.inspection ?? {});
  return {
    judge(recorded) {
      const { agent, arguments: args, at, file, findings, principal, server, session, tool, user } = recorded;
      const trial = trials.get(file) ?? createTrial(document);
      trials.set(file, trial);
      if (args === undefined && trial.match(server, tool).policies.some(({ name }) => conditional.has(name))) return undefined;
      const call = trialCall({ server, tool, arguments: args, principal, agent: { name: agent }, user, session });
      return trial.judge(call, { findings: findings.map((finding) => ({ ...finding, group: finding.group ?? guessGroup(finding, groups) })), now: at });
    },
  };
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

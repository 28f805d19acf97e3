/** `countersign policy replay CANDIDATE --record DIR`: recorded calls under a document that is not in force yet. Runs nothing. */
import type { FailOn } from "./fail-on.ts";
import { parseDuration } from "@countersign/sdk/policy";
import { loadPolicy } from "./load-policy.ts";
import { CheckFailure, UsageError, type ExitCode, type Ports } from "./ports.ts";
import { readDecisions } from "./read-decisions.ts";
import { replayMarkdown, replayText } from "./replay-report.ts";
import { replay, type ReplayReport } from "./replay.ts";


export interface ReplayOptions {
  /** A state directory, or the `record/` in one. */
  readonly record: string;
  /** Compare with this document instead of with what was recorded. */
  readonly baseline?: string | undefined;
  /** How far back, such as `7d`. Default: everything. */
  readonly since?: string | undefined;
  readonly markdown?: boolean | undefined;
  readonly failOn?: FailOn | undefined;
}

export async function policyReplay(candidate: string, options: ReplayOptions, ports: Ports): Promise<ExitCode> {
  const since = sinceOf(options.since, ports);
  const document = await loadPolicy(candidate, ports);
  const baseline = options.baseline === undefined ? undefined : await loadPolicy(options.baseline, ports);
  const { calls, undecided } = await readDecisions(options.record, ports, since);
  const report = replay(calls, document, baseline, undecided);
  ports.out(options.markdown === true ? replayMarkdown(candidate, report) : replayText(report));
  return options.failOn === undefined ? 0 : exitCode(report, options.failOn);
}

function sinceOf(written: string | undefined, { now }: Ports): number {
  if (written === undefined) return 0;
  const ms = parseDuration(written);
  if (ms === undefined) throw new UsageError("--since: must be a duration such as 12h or 7d.");
  return now() - ms;
}

/** Nothing judged proves nothing: a gate that asks to fail does. */
function exitCode(report: ReplayReport, failOn: FailOn): ExitCode {
  if (report.judged === 0) throw new CheckFailure("--fail-on: no recorded call could be judged, so nothing is proven. Check --record and --since.");
  const { approvalsFewer, approvalsMore, newlyAllowed, newlyBlocked } = report;
  switch (failOn) {
    case "newly-allowed":
      return newlyAllowed.length > 0 ? 1 : 0;
    case "newly-blocked":
      return newlyBlocked.length > 0 ? 1 : 0;
    case "any":
      return [newlyAllowed, newlyBlocked, approvalsMore, approvalsFewer].some((changes) => changes.length > 0) ? 1 : 0;
  }
}

/**
 * The record of a process that has a control plane: kept here as configured, and shipped there. What the control plane writes
 * itself (how an approval went, the intent, the outcome of a request it holds) is not shipped; and its intent, which is
 * durable there with the claim, is written here without waiting for the disk.
 */
import type { OutcomeEntry, Queued, RecordEntry, RecordedFinding, RecordPort } from "../record/entry.ts";
import type { RecordShipper } from "./record-shipper.ts";

export interface ShippedRecordOptions {
  readonly shipper: Pick<RecordShipper, "offer">;
  /** Whether a request is the control plane's. */
  readonly isRow: (requestId: string) => boolean;
  /** Whether arguments may leave with the rows. */
  readonly withArguments: boolean;
}

/** As much as the contract takes. These are words of agents, servers and inspections: an entry must not be refused there for how long they are. */
const LONGEST_NAME = 2_100;
const LONGEST_WHERE = 4_096;
const LONGEST_TEXT = 16_384;
const MOST_FINDINGS = 10_000;

export function shipRecord(local: RecordPort, { shipper, isRow, withArguments }: ShippedRecordOptions): RecordPort {
  /** Calls whose outcome the control plane is told otherwise. */
  const claimed = new Set<string>();

  function ship(entry: RecordEntry): void {
    if ((entry.type === "approval" || entry.type === "intent") && isRow(entry.requestId)) return;
    if (entry.type === "decision" && !withArguments && entry.argumentsText !== undefined) {
      const { argumentsText: _, ...rest } = entry;
      return shipper.offer(bounded(rest));
    }
    return shipper.offer(bounded(entry));
  }

  function append(entry: RecordEntry): Queued | Promise<Queued> {
    const queued = local.append(entry);
    if (!(queued instanceof Promise)) {
      ship(entry);
      return queued;
    }
    return queued.then((later) => {
      ship(entry);
      return later;
    });
  }

  return {
    append,
    async commit(entry) {
      if (entry.type !== "intent" || !isRow(entry.requestId)) {
        await local.commit(entry);
        return ship(entry);
      }
      await append(entry);
      claimed.add(entry.callId);
      return undefined;
    },
    complete(queued: Queued, outcome: OutcomeEntry) {
      local.complete(queued, outcome);
      if (!claimed.delete(outcome.callId)) shipper.offer(bounded(outcome));
    },
  };
}

function bounded(entry: RecordEntry): RecordEntry {
  switch (entry.type) {
    case "decision": {
      const { principal, agent, user, session, reason, findings } = entry;
      const isShort = principal.length + agent.length + user.length + session.length + reason.length <= LONGEST_NAME && findings.length === 0;
      if (isShort) return entry; // nearly always
      return { ...entry, principal: cut(principal), agent: cut(agent), user: cut(user), session: cut(session), reason: cut(reason, LONGEST_TEXT), findings: boundedFindings(findings) };
    }
    case "approval": {
      const { approver, reason, error } = entry;
      return { ...entry, approver: cut(approver), ...(reason === undefined ? {} : { reason: cut(reason, LONGEST_TEXT) }), ...(error === undefined ? {} : { error: cut(error, LONGEST_TEXT) }) };
    }
    case "outcome":
      return entry.findings === undefined ? entry : { ...entry, findings: boundedFindings(entry.findings) };
    default:
      return entry;
  }
}

function boundedFindings(findings: readonly RecordedFinding[]): readonly RecordedFinding[] {
  return findings.slice(0, MOST_FINDINGS).map((finding) => (finding.where.length <= LONGEST_WHERE ? finding : { ...finding, where: cut(finding.where, LONGEST_WHERE) }));
}

function cut(text: string, longest = LONGEST_NAME): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1).toWellFormed()}\u2026`;
}

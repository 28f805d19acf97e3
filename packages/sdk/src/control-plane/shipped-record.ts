/**
 * The record of a process that has a control plane: kept here as configured, and shipped there. What the control plane writes
 * itself (how an approval went, the intent, the outcome of a request it holds) is not shipped; and its intent, which is
 * durable there with the claim, is written here without waiting for the disk.
 */
import type { OutcomeEntry, Queued, RecordEntry, RecordPort } from "../record/entry.ts";
import type { RecordShipper } from "./record-shipper.ts";

export interface ShippedRecordOptions {
  readonly shipper: Pick<RecordShipper, "offer">;
  /** Whether a request is the control plane's. */
  readonly isRow: (requestId: string) => boolean;
  /** Whether arguments may leave with the rows. */
  readonly withArguments: boolean;
}

export function shipRecord(local: RecordPort, { shipper, isRow, withArguments }: ShippedRecordOptions): RecordPort {
  /** Calls whose outcome the control plane is told otherwise. */
  const claimed = new Set<string>();

  function ship(entry: RecordEntry): void {
    if ((entry.type === "approval" || entry.type === "intent") && isRow(entry.requestId)) return;
    if (entry.type === "decision" && !withArguments && entry.argumentsText !== undefined) {
      const { argumentsText: _, ...rest } = entry;
      return shipper.offer(rest);
    }
    return shipper.offer(entry);
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
      if (!claimed.delete(outcome.callId)) shipper.offer(outcome);
    },
  };
}

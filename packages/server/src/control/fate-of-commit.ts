import { canonicalJson, parseJson } from "@countersign/sdk/call";
import type { Change, CommitResult, Key, Store, WriteSet } from "../store/store.ts";

/**
 * What became of a commit whose answer was lost. The row in its place tells: ours, with its hash, or another's. Where there is
 * none yet, or where it cannot be told any more, undefined: nobody knows.
 */
export async function fateOfCommit(store: Pick<Store, "read" | "readRecord">, { tenant, after, lines, changes }: WriteSet): Promise<CommitResult | undefined> {
  const [line] = await store.readRecord({ tenant, after: after.seq, limit: 1 });
  if (line === undefined) return undefined;
  if (line.line !== lines[0]?.line) return { ok: false, why: "conflict" };
  // Another instance may have written the very same row in the same millisecond, and changed something else by it.
  const keys = changes.map(({ table, id }): Key => ({ table, id }));
  const stored = await store.read(tenant, keys);
  const fates = new Set(changes.map((change) => fateOfChange(change, stored.get(change.table, change.id))));
  if (fates.has("another")) return { ok: false, why: "conflict" };
  return fates.has("unknown") ? undefined : { ok: true };
}

function fateOfChange({ rev, data }: Change, stored: { readonly rev: number; readonly data: object } | undefined): "ours" | "another" | "unknown" {
  if (data === null) return stored === undefined ? "ours" : stored.rev === rev ? "another" : "unknown";
  if (stored === undefined || stored.rev > rev + 1) return "unknown";
  return stored.rev === rev + 1 && textOf(stored.data) === textOf(data) ? "ours" : "another";
}

/** The same for the same data, whatever a database did to the order of its keys. */
function textOf(data: object): string {
  return canonicalJson(parseJson(JSON.stringify(data)));
}

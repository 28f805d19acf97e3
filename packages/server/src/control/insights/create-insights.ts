/**
 * Insights as a resource: figures over the last days, made from the record. Everybody sees of them what they may read otherwise, and no
 * more: votes need the role approver or auditor, calls that nobody was asked about are the record's. Called by control/http.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { insights as wire } from "@countersign/sdk/wire";
import type { z } from "zod";
import { includesRole, type Identity } from "../../auth/identity.ts";
import type { Store } from "../../store/store.ts";
import type { Ledger } from "../ledger.ts";
import { actor, isRefusal } from "../people/rights.ts";
import { refuse, type Answer } from "../refusal.ts";
import { createRecordScan } from "./record-scan.ts";
import { spanOf, summarise, type MaySee, type Span, type Summary } from "./summarise.ts";

export type InsightsQuery = z.infer<typeof wire.insightsQuery>;

export interface Insights {
  read(identity: Identity, query: InsightsQuery): Promise<Answer<{ readonly insights: wire.Insights }>>;
  close(): Promise<void>;
}

export interface InsightsOptions {
  readonly ledger: Pick<Ledger, "tenant" | "head" | "resident">;
  readonly store: Pick<Store, "readRecord" | "tallyCalls">;
  /** How long a question waits for older rows to be counted before it is answered with what there is. Default 2,000. */
  readonly patienceMs?: number;
  readonly slice?: number;
  readonly mostRequests?: number;
}

const DAY_MS = 86_400_000;
const MOST_DAYS = 90;
const DEFAULT_DAYS = 7;
/** So long the same figures do for everybody who asks for them, where nothing has come since. */
const FRESH_MS = 1_000;

export function createInsights({ ledger, store, patienceMs = 2_000, ...limits }: InsightsOptions): Insights {
  const scan = createRecordScan({ store, tenant: ledger.tenant, head: () => ledger.head.seq, now: () => ledger.resident.now, keepMs: (MOST_DAYS + 1) * DAY_MS, ...limits });
  const made = new Map<string, { readonly at: number; readonly summary: Promise<Summary> }>();
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other, however many ask. */
  function summaryOf(span: Span, offsetMs: number, maySee: MaySee): Promise<Summary> {
    const key = JSON.stringify([span.from, offsetMs, maySee, scan.version]);
    const known = made.get(key);
    if (known !== undefined && span.until - known.at < FRESH_MS) return known.summary;
    const summary = last.then(() => summarise({ facts: scan.facts, unasked: scan.unasked, span, offsetMs, maySee }));
    last = summary.catch(() => undefined);
    for (const [old, { at }] of made) if (span.until - at >= FRESH_MS) made.delete(old);
    made.set(key, { at: span.until, summary });
    return summary;
  }

  return {
    async read(identity, { days = DEFAULT_DAYS, offsetMinutes = 0 }) {
      const by = actor(ledger.resident, identity, ["auditor", "policy_editor", "approver"]);
      if (isRefusal(by)) return identity.kind === "operator" ? refuse("forbidden", "only people look at the figures") : by;
      const { roles } = by.data;
      const isAuditor = includesRole(roles, "auditor");
      const maySee: MaySee = { record: isAuditor, votes: isAuditor || includesRole(roles, "approver") };
      const offsetMs = offsetMinutes * 60_000;
      const span = spanOf(ledger.resident.now, days, offsetMs);
      const complete = await isDoneWithin(scan.readBack(span.from), patienceMs);
      const summary = await summaryOf(span, offsetMs, maySee);
      return { ok: true, insights: { ...summary, complete, countedFrom: Math.max(summary.from, scan.reach) } };
    },
    close: () => scan.close(),
  };
}

/** Rejects where the work does in that time; what fails later is told to whoever asks next. */
async function isDoneWithin(work: Promise<void>, ms: number): Promise<boolean> {
  const over = new AbortController();
  try {
    return await Promise.race([work.then(() => true), pause(ms, false, { signal: over.signal })]);
  } finally {
    over.abort();
    work.catch(() => undefined);
  }
}

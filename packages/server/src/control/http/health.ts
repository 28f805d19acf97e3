/** Whether calls can be decided here, and if not, which part is in the way. Asked by anyone, so what the store says is kept for a second. */
import type { Ledger } from "../ledger.ts";

export const PARTS = ["store", "ledger", "policy", "clock"] as const;
export type Part = (typeof PARTS)[number];
export interface Readiness {
  readonly ready: boolean;
  readonly parts: Readonly<Record<Part, "ok" | "failing" | "unknown">>;
}

export interface HealthPorts {
  readonly ledger: Pick<Ledger, "run" | "resident">;
  /** Fails where the store does not answer. Answers its clock, in milliseconds since the epoch. */
  readonly readStore: () => Promise<number>;
  /** This machine's clock, in milliseconds since the epoch. */
  readonly wallClock: () => number;
  readonly timeoutMs?: number;
  /** How far the two clocks may be apart. */
  readonly clockSkewMs?: number;
}

const KEPT_MS = 1000;

export function createHealth({ ledger, readStore, wallClock, timeoutMs = 2000, clockSkewMs = 5000 }: HealthPorts): () => Promise<Readiness> {
  let kept: { readonly until: number; readonly answer: Promise<Omit<Readiness["parts"], "policy">> } | undefined;

  async function look(): Promise<Omit<Readiness["parts"], "policy">> {
    const [storeNow, passed] = await Promise.all([
      within(timeoutMs, readStore()),
      // A command that changes nothing goes through the same queue as every decision.
      within(timeoutMs, ledger.run({ needs: [], apply: () => ({ answer: true }) })),
    ]);
    return {
      store: storeNow === undefined ? "failing" : "ok",
      ledger: passed === undefined ? "failing" : "ok",
      clock: storeNow === undefined ? "unknown" : Math.abs(storeNow - wallClock()) > clockSkewMs ? "failing" : "ok",
    };
  }

  return async () => {
    const at = performance.now();
    if (kept === undefined || at >= kept.until) kept = { until: at + KEPT_MS, answer: look() };
    const looked = await kept.answer;
    // Known at once, and so said as it is: a document was put in force, and whoever did so looks.
    const parts = { ...looked, policy: ledger.resident.policy === undefined ? "failing" : "ok" } as const;
    return { ready: PARTS.every((part) => parts[part] === "ok"), parts };
  };
}

/** Undefined where it failed or took longer. */
async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([work, late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

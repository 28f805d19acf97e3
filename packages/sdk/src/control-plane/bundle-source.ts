/**
 * The control plane's policy document as a policy source: fetched when it may have changed, evaluated in this process. The
 * last good one stays in force while the control plane is away, for as long as `maxStalenessMs` says and no longer.
 */
import type { PolicyContent, PolicySource } from "../policy/policy-source.ts";
import type { PolicyStore } from "../policy/policy-store.ts";
import type { Bundle } from "../wire/bundle.ts";
import type { WireClient } from "../wire/wire-client.ts";
import { backOff } from "../wire/wire-exchange.ts";

export interface BundleSource extends PolicySource {
  /** A document with this digest was activated. */
  announce(digest: string): void;
  /** Something may have been missed. */
  look(): void;
  /** Milliseconds since the control plane last said which document is in force; undefined before it has. */
  staleMs(): number | undefined;
  readonly bundle: Pick<Bundle, "version" | "digest" | "activatedAt"> | undefined;
}

const POLL_MS = 30_000;
const FIRST_RETRY_MS = 500;
const LOAD_PATIENCE = { withinMs: 1_800, attemptMs: 900 };
/** A document may be so large, or the way to it so slow, that it never comes in that time. Nobody waits for what is asked again. */
const LONGEST_LOAD_MS = 30_000;

export function createBundleSource(client: Pick<WireClient, "bundle" | "name">, pollMs = POLL_MS): BundleSource {
  let latest: Bundle | undefined;
  /** Monotonic. */
  let confirmedAt: number | undefined;
  let failures = 0;
  /** In a row. */
  let timeouts = 0;
  let changed: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;

  function schedule(): void {
    clearTimeout(timer);
    if (changed === undefined) return;
    timer = setTimeout(() => changed?.(), failures === 0 ? pollMs : backOff(failures - 1, Math.min(FIRST_RETRY_MS, pollMs), pollMs));
    timer.unref();
  }

  async function load(): Promise<PolicyContent> {
    const patience = timeouts === 0 ? LOAD_PATIENCE : { withinMs: Math.min(LONGEST_LOAD_MS, LOAD_PATIENCE.withinMs * 2 ** timeouts) };
    const answer = await client.bundle(latest === undefined ? undefined : `"${latest.digest}"`, patience);
    failures = answer.ok ? 0 : failures + 1;
    timeouts = !answer.ok && answer.code === "timeout" ? timeouts + 1 : 0;
    schedule();
    if (!answer.ok) throw new Error(answer.code === "policy_unavailable" ? "no document was activated there yet. Put one in force: countersign policy push FILE" : `the control plane could not be asked (${answer.code})`);
    confirmedAt = performance.now();
    if (answer.value !== "unchanged") latest = answer.value;
    if (latest === undefined) throw new Error("the control plane answered that an unknown document is unchanged");
    return { text: latest.text };
  }

  return {
    name: client.name,
    load,
    watch(told) {
      changed = told;
      schedule();
      return () => {
        changed = undefined;
        clearTimeout(timer);
      };
    },
    announce: (digest) => (digest === latest?.digest ? undefined : changed?.()),
    look: () => changed?.(),
    staleMs: () => (confirmedAt === undefined ? undefined : performance.now() - confirmedAt),
    get bundle() {
      return latest;
    },
  };
}

/** A store that has no answer once its source was silent for too long. */
export function freshPolicies(store: PolicyStore, source: Pick<BundleSource, "staleMs" | "name">, maxStalenessMs: number): PolicyStore {
  const isStale = (): boolean => (source.staleMs() ?? 0) > maxStalenessMs;
  return {
    get loading() {
      return store.loading;
    },
    get generation() {
      return store.generation;
    },
    get whyNone() {
      if (isStale()) return `the control plane was not reached for more than ${describe(maxStalenessMs)}, and an older policy document does not count (maxStalenessMs)`;
      return store.status().generation === 0 ? "the control plane has delivered no policy document yet: put one in force (countersign policy push FILE)" : undefined;
    },
    get throttles() {
      return store.throttles;
    },
    findingAction: (finding) => (isStale() ? "block" : store.findingAction(finding)),
    evaluate: (call, findings, options) => (isStale() ? undefined : store.evaluate(call, findings, options)),
    status: () => store.status(),
    close: () => store.close(),
  };
}

function describe(ms: number): string {
  return ms >= 60_000 ? `${Math.round(ms / 6_000) / 10} minutes` : `${ms / 1_000} s`;
}

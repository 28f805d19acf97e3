/**
 * The claims that this process is executing. Three times in a lease it says that it still is; without that they count as lost. What became
 * of a lost one is known here all the same, and told under the same claim.
 */
import type { WireClient } from "../wire/wire-client.ts";

const BEATS_PER_LEASE = 3;
const SHORTEST_MS = 100;
const LONGEST_MS = 10_000;

interface Held {
  readonly claimId: string;
  /** The control plane counts it as lost, and is told no more that it goes on. */
  isLost: boolean;
}

export class ExecutingClaims {
  readonly #client: Pick<WireClient, "leases">;
  readonly #onWarning: (message: string) => void;
  /** By request id. */
  readonly #claims = new Map<string, Held>();
  #timer: NodeJS.Timeout | undefined;
  #heartbeatMs = Infinity;

  constructor(client: Pick<WireClient, "leases">, onWarning: (message: string) => void) {
    this.#client = client;
    this.#onWarning = onWarning;
  }

  get size(): number {
    return this.#claims.size;
  }

  /** `leaseMs`: as the control plane said with the claim. */
  begin(id: string, claimId: string, leaseMs: number): void {
    this.#claims.set(id, { claimId, isLost: false });
    const heartbeatMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, leaseMs / BEATS_PER_LEASE));
    if (this.#timer !== undefined && heartbeatMs >= this.#heartbeatMs) return;
    clearInterval(this.#timer);
    this.#heartbeatMs = heartbeatMs;
    this.#timer = setInterval(() => void this.#beat(), this.#heartbeatMs);
    this.#timer.unref(); // a process that executes something has reasons of its own to live
  }

  claimIdOf(id: string): string | undefined {
    return this.#claims.get(id)?.claimId;
  }

  /** Another claim of the same request, made since, goes on. */
  end(id: string, claimId: string): void {
    if (this.#claims.get(id)?.claimId !== claimId) return;
    this.#claims.delete(id);
    if (this.#claims.size === 0) this.close();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#heartbeatMs = Infinity;
  }

  async #beat(): Promise<void> {
    const told = new Map([...this.#claims].filter(([, { isLost }]) => !isLost));
    if (told.size === 0) return;
    const claims = [...told].map(([id, { claimId }]) => ({ id, claimId }));
    const answer = await this.#client.leases({ claims }, { withinMs: this.#heartbeatMs / 2 });
    if (!answer.ok) return; // the next one tells; the control plane allows for two to be missed
    for (const id of answer.value.lost) {
      const held = told.get(id);
      if (held === undefined || held.isLost || this.#claims.get(id) !== held) continue;
      held.isLost = true;
      this.#onWarning(`approval request ${id}: the control plane no longer counts its execution as ours, so its outcome is unknown there. It goes on here.`);
    }
  }
}

/** Calls that nobody was asked about, by hour: in all, by tool and by caller. Bounded: callers can make up as many tool names as they like. */
import type { CallTally } from "../../store/call-tally.ts";

export interface UnaskedCounts {
  readonly ran: number;
  readonly refused: number;
}

interface Hour {
  readonly tools: Map<string, UnaskedCounts>;
  readonly callers: Map<string, UnaskedCounts>;
}

/** So many names of each kind are told apart; what comes later counts under the empty name. */
const MOST_NAMES = 5_000;
const NONE: UnaskedCounts = { ran: 0, refused: 0 };

export class UnaskedCalls {
  /** By whole hours since the epoch. */
  readonly hours = new Map<number, Hour>();
  readonly #names = { tools: new Set<string>(), callers: new Set<string>() };

  take(tallies: readonly CallTally[]): void {
    for (const { hour, policyId, principal, refused, calls } of tallies) {
      let of = this.hours.get(hour);
      if (of === undefined) this.hours.set(hour, (of = { tools: new Map(), callers: new Map() }));
      const more = refused ? { ran: 0, refused: calls } : { ran: calls, refused: 0 };
      add(of.tools, this.#name("tools", policyId), more);
      add(of.callers, this.#name("callers", principal), more);
    }
  }

  dropBefore(at: number): void {
    const first = Math.floor(at / 3_600_000);
    for (const hour of this.hours.keys()) if (hour < first) this.hours.delete(hour);
  }

  #name(kind: "tools" | "callers", name: string | null): string {
    const names = this.#names[kind];
    if (name === null) return "";
    if (!names.has(name) && names.size >= MOST_NAMES) return "";
    names.add(name);
    return name;
  }
}

function add(to: Map<string, UnaskedCounts>, name: string, { ran, refused }: UnaskedCounts): void {
  const before = to.get(name) ?? NONE;
  to.set(name, { ran: before.ran + ran, refused: before.refused + refused });
}

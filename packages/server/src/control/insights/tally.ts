/** A count of calls by what became of them, with the times that decisions took. Called by summarise.ts. */
import { paceOf } from "./pace.ts";
import type { RequestEnd, RequestFacts } from "./request-facts.ts";
import type { UnaskedCounts } from "./unasked-calls.ts";

export class Tally {
  readonly #counts = { held: 0, approved: 0, denied: 0, expired: 0, granted: 0, withdrawn: 0, open: 0 };
  readonly #unasked = { ran: 0, refused: 0 };
  readonly #times: number[] = [];

  size(withUnasked: boolean): number {
    return this.#counts.held + (withUnasked ? this.#unasked.ran + this.#unasked.refused : 0);
  }

  takeHeld(end: RequestFacts["end"], createdAt: number): void {
    const how: RequestEnd | "open" = end?.how ?? "open";
    this.#counts.held += 1;
    this.#counts[how] += 1;
    if (end !== null && (how === "approved" || how === "denied")) this.#times.push(end.at - createdAt);
  }

  takeUnasked({ ran, refused }: UnaskedCounts): void {
    this.#unasked.ran += ran;
    this.#unasked.refused += refused;
  }

  held() {
    return { ...this.#counts, ...paceOf(this.#times) };
  }

  /** Null where whoever asks may not see it. */
  unasked(mayRead: boolean) {
    return mayRead ? { ...this.#unasked } : { ran: null, refused: null };
  }
}

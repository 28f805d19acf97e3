/**
 * What governs the calls of a server, until the server is about to end or is to be judged by other policies: who waits for people is answered
 * then. What they were asked stays, and the same call made again is judged by what is in force.
 */
import type { Governance } from "@countersign/sdk/enforcement";
import { askLeaving } from "../gateway/call/ask-leaving.ts";

export type LeavingGovernance = (leaving: AbortSignal, governance: Governance) => Governance;

/** Made once: what it answers is the same for the same two, since it is asked with every call. */
export function leavingGovernance(): LeavingGovernance {
  const made = new WeakMap<AbortSignal, WeakMap<Governance, Governance>>();
  return (leaving, governance) => {
    const known = made.get(leaving) ?? new WeakMap<Governance, Governance>();
    made.set(leaving, known);
    const own = known.get(governance) ?? {
      ...governance,
      askWith(handler) {
        const ask = governance.askWith(handler);
        return ask === undefined ? undefined : askLeaving(ask, leaving, () => undefined);
      },
    };
    known.set(governance, own);
    return own;
  };
}

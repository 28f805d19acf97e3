/**
 * Permits: proof, in the types, that a decision was taken. `send()` takes nothing else, so running a tool without a
 * decision does not compile. Minted in guard.ts only, from an allowing verdict or a claim, and spent once, on the one call
 * it names. This file must stay the only place that can make one.
 */
import type { Call } from "../call/call.ts";

/** Why a call may run. */
export type PermitBasis =
  | { readonly kind: "allowed"; readonly policies: readonly string[] }
  | { readonly kind: "claimed"; readonly requestId: string };

/** Known to this file alone: whoever holds a permit could otherwise make more with its constructor. */
const MINT = Symbol("mint");

class SinglePermit {
  readonly basis: PermitBasis;
  readonly #call: Call;
  #spent = false;

  constructor(mint: typeof MINT, basis: PermitBasis, call: Call) {
    if (mint !== MINT) throw new TypeError("permits are made in guard.ts, from a decision");
    this.basis = basis;
    this.#call = call;
  }

  static spend(permit: SinglePermit, call: Call): void {
    if (permit === null || typeof permit !== "object" || !(#spent in permit)) throw new TypeError("not a permit");
    if (permit.#spent) throw new Error("this permit was spent before; one decision releases one call");
    // The very object: another one could carry the same digest over other arguments.
    if (permit.#call !== call) throw new Error("this permit is for another call");
    permit.#spent = true;
  }
}

/** The right to send one call, once. */
export type Permit = SinglePermit;

/** Mints a permit. Imported by guard.ts alone; `npm run check` says so. */
export function mintPermit(basis: PermitBasis, call: Call): Permit {
  return new SinglePermit(MINT, basis, call);
}

/** Spends a permit on its call. Throws where it is no permit, was spent, or names another call. The first line of every `send()`. */
export function spendPermit(permit: Permit, call: Call): void {
  SinglePermit.spend(permit, call);
}

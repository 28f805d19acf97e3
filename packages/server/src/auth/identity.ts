/**
 * Who is asking: what a credential proves, and nothing that a caller says of itself. An agent's key never becomes a person, and
 * a person's sign-in never becomes an agent; whatever is not known, not whole or not live any more is anonymous.
 * Made by control/sign-in/identify.ts alone; every resource in control/ takes it first and decides by ids, never by names.
 */
import type { Assurance } from "@countersign/sdk";
import type { Role } from "../store/entity/directory.ts";
import type { SignIn } from "../store/entity/sign-in.ts";

export interface AgentIdentity {
  readonly kind: "agent";
  readonly keyId: string;
  readonly principal: `key:${string}`;
  /** The person the key is bound to: "self" in rules about self-approval. */
  readonly ownerId: string | null;
  readonly name: string;
}

export interface PersonIdentity {
  readonly kind: "person";
  readonly personId: string;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly assurance: Assurance;
  /** When a passkey was last used in this sign-in, or null. */
  readonly passkeyAt: number | null;
  /** The request digest that the passkey signed then, or null: the proof that this person confirmed this very request. */
  readonly signedDigest: string | null;
  readonly signInId: string;
  readonly signedInAt: number;
  readonly via: SignIn["via"];
}

/** Whoever can read the secret in the state directory: may open, look at the state, put policies in force and stop, never decide. */
export interface OperatorIdentity {
  readonly kind: "operator";
}

export interface AnonymousIdentity {
  readonly kind: "anonymous";
}

export type Identity = AgentIdentity | PersonIdentity | OperatorIdentity | AnonymousIdentity;

export const OPERATOR: OperatorIdentity = Object.freeze({ kind: "operator" });
export const ANONYMOUS: AnonymousIdentity = Object.freeze({ kind: "anonymous" });

/** After a passkey was used, so long its assurance lasts; then the sign-in is worth what any other is. */
export const PASSKEY_FRESH_MS = 10 * 60_000;

/** What a vote on this request is worth: `passkey` only where a passkey has just signed this very request. */
export function assuranceFor(identity: PersonIdentity, requestDigest: string): Assurance {
  return identity.assurance === "passkey" && identity.signedDigest !== requestDigest ? "authenticated" : identity.assurance;
}

/** An owner has every role. */
export function includesRole(roles: readonly Role[], role: Role): boolean {
  return roles.includes(role) || roles.includes("owner");
}

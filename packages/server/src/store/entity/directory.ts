/** People, groups, keys and what may be done without asking: small tables that every instance holds in memory. */
import type { JsonValue } from "@countersign/sdk";

export const ROLES = ["owner", "policy_editor", "approver", "auditor"] as const;
export type Role = (typeof ROLES)[number];

export interface Passkey {
  /** Credential id, base64url. */
  readonly id: string;
  /** COSE public key, base64url. */
  readonly publicKey: string;
  readonly counter: number;
  readonly transports: readonly string[];
  readonly name: string;
  readonly createdAt: number;
}

export interface Person {
  /** Random and never used again: rights hang on it, never on name or address. */
  readonly id: string;
  readonly email: string | null;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly status: "active" | "disabled";
  /** scrypt, in the PHC string form; null where the person has no password. Never leaves the server. */
  readonly passwordHash: string | null;
  readonly passkeys: readonly Passkey[];
  /** Identities at OpenID providers. */
  readonly subjects: readonly { readonly issuer: string; readonly subject: string }[];
  readonly createdAt: number;
  /** Sign-ins and links made before are void: after a new password, a disabling, a newer link. Unset: none are. */
  readonly signInsFrom?: number;
  readonly linksFrom?: number;
}

export interface Group {
  readonly id: string;
  /** As in `group:name` of a policy. Unique. */
  readonly name: string;
  /** Ids of people and of groups inside it. */
  readonly members: readonly string[];
  readonly createdAt: number;
}

export interface AgentKey {
  readonly id: string;
  readonly name: string;
  /** Hex SHA-256 of the secret. */
  readonly secretHash: string;
  /** The person it is bound to, or null. */
  readonly ownerId: string | null;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
}

export interface Delegation {
  readonly id: string;
  readonly fromId: string;
  readonly toId: string;
  readonly from: number;
  readonly until: number;
  readonly createdAt: number;
  readonly revokedAt: number | null;
}

/** The right to run calls without asking again. Narrower than what was asked: same principal, agent, server, tool and definition. */
export interface StandingGrant {
  readonly id: string;
  readonly requestId: string;
  readonly grantedBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
  readonly endReason: string | null;
  readonly principal: string;
  readonly agent: string;
  /** Whom a gateway's key asked for, where it said so: calls of that subject alone. */
  readonly onBehalfOf?: { readonly issuer: string; readonly subject: string };
  /** Only calls of this session, where it is no null. */
  readonly session: string | null;
  readonly server: { readonly name: string | null; readonly identity: string | null };
  readonly tool: string;
  readonly definition: string | null;
  /** What is asked for now must be what was granted: digest over the requirements it met. */
  readonly requirementsDigest: string;
  /** `exact`: these very arguments, by call digest. `pattern`: all but the free JSON Pointers is as it was, by a digest: arguments are kept sealed alone. */
  readonly scope: { readonly kind: "exact"; readonly callDigest: string } | { readonly kind: "pattern"; readonly pinnedDigest: string; readonly free: readonly string[] };
}

/** A fact about the installation that changes seldom, by name. */
export interface Setting {
  readonly name: string;
  readonly value: JsonValue;
}

/** A data key, wrapped by the installation's key. Erasure drops `wrapped`; the chain still verifies. */
export interface DataKey {
  readonly id: string;
  readonly wrapped: string | null;
  readonly createdAt: number;
  readonly erasedAt: number | null;
}

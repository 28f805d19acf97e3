/** The durable question put to people about one call, as it is stored. States and their moves: control/request/move.ts. */
import type { Assurance, Finding, JsonObject, JsonValue, Requirement } from "@countersign/sdk";

export const REQUEST_STATES = [
  "pending",
  "approved",
  "executing",
  "completed",
  "failed",
  "outcome_unknown",
  "denied",
  "expired",
  "cancelled",
  "superseded",
] as const;
export type RequestState = (typeof REQUEST_STATES)[number];

export const END_STATES = ["completed", "failed", "outcome_unknown", "denied", "expired", "cancelled", "superseded"] as const satisfies readonly RequestState[];

/** What a request is found by: open until it ends, then how it ended. */
export function phaseOf(state: string): string {
  return END_STATES.find((end) => end === state) ?? "open";
}

/** Bytes that are sealed under a key of the installation (AES-256-GCM). Binary fields are base64. */
export interface Sealed {
  readonly alg: "A256GCM";
  /** Id of the data key. */
  readonly key: string;
  readonly iv: string;
  readonly tag: string;
  readonly data: string;
}

export interface RequestCaller {
  /** Who the credential proves, such as `key:<id>`. */
  readonly principal: string;
  readonly keyId: string;
  /** The person the credential is bound to: "self" in rules about self-approval. Null where it is bound to nobody. */
  readonly ownerId: string | null;
  /** Claims of the caller. */
  readonly agent: { readonly name: string; readonly id: string };
  readonly user: { readonly id: string };
  readonly session: { readonly id: string };
  /** Whom a gateway's key asks for. Told by the gateway: it takes rights away, and gives none. */
  readonly onBehalfOf?: { readonly issuer: string; readonly subject: string };
}

/** What will run, without its arguments. */
export interface RequestedCall {
  readonly callId: string;
  readonly server: { readonly name: string | null; readonly identity: string | null; readonly transport: string };
  readonly tool: string;
  /** Digest of the tool definition last listed, hex, or null. */
  readonly definition: string | null;
  /** Call digest, hex. */
  readonly digest: string;
  readonly policyId: string;
  /** What inspections saw in the arguments; never the values. */
  readonly findings: readonly Finding[];
}

export interface Vote {
  readonly personId: string;
  /** Address, or else name, as it was when the vote was cast; for display. */
  readonly name: string;
  readonly choice: "approve" | "deny";
  readonly at: number;
  /** "inbox", "terminal", "slack" … */
  readonly channel: string;
  readonly assurance: Assurance;
  /** The request digest that was voted on. */
  readonly requestDigest: string;
  /** Digest of the view that was shown, where the channel proves it. */
  readonly viewedDigest: string | null;
  readonly reason: string;
  /** The voter is the person the requesting credential is bound to. */
  readonly selfApproved: boolean;
  /** Names of the policies whose requirement this vote counts for, by whom it counts where that is a delegation. */
  readonly countsFor: readonly string[];
  readonly onBehalfOf: string | null;
}

/** Who is running an approved call, and for how long we believe so without news. */
export interface Claim {
  /** Hex SHA-256 of the claim id that the claimer made up. */
  readonly claimHash: string;
  readonly claimedAt: number;
  /** Rises with every claim; a report of an older one is refused. */
  readonly epoch: number;
}

export interface RequestOutcome {
  readonly outcome: "completed" | "failed" | "withheld" | "outcome_unknown";
  readonly isError: boolean;
  readonly elapsedMs: number;
  readonly at: number;
  /** Why it is unknown, where it is. */
  readonly reason: string;
}

/** What a person says really happened, where the outcome is unknown. */
export interface Annotation {
  readonly personId: string;
  readonly happened: boolean;
  readonly note: string;
  readonly at: number;
}

export interface ApprovalRequest {
  readonly id: string;
  readonly state: RequestState;
  readonly createdAt: number;
  /** When silence has become a no; after an approval, until when it may be claimed. Store's clock. */
  readonly expiresAt: number;
  readonly endedAt: number | null;
  readonly nonce: string;
  /** Request digest, hex: what votes name. */
  readonly requestDigest: string;
  /** Hex SHA-256 over principal, agent and call digest; null once the request has ended, so that the same call can be asked anew. */
  readonly dedupeKey: string | null;
  readonly caller: RequestCaller;
  readonly call: RequestedCall;
  /** Sealed RFC 8785 text of `{"arguments":…,"context":…}`. Null after erasure. */
  readonly sealed: Sealed | null;
  readonly reason: string;
  readonly policies: readonly string[];
  /** Digest of the document it was asked under. */
  readonly policyDigest: string | null;
  /** Frozen at creation; people are resolved when they vote and again at the claim. */
  readonly requirements: readonly Requirement[];
  /** Said by the agent or the server: shown apart, decides nothing. */
  readonly narration: { readonly description: string; readonly definition: JsonObject | null };
  readonly votes: readonly Vote[];
  readonly epoch: number;
  readonly claim: Claim | null;
  readonly outcome: RequestOutcome | null;
  readonly annotation: Annotation | null;
  /** Why it ended, in words for the caller and for people. */
  readonly endReason: string | null;
  readonly supersededBy: string | null;
  /** The standing grant that approved it, where no one was asked. */
  readonly grantId: string | null;
  readonly approvedAt: number | null;
  /** W3C trace context of the caller's span, so that the story can be found. */
  readonly traceparent: string | null;
  /** Room for later facts; readers ignore what they do not know. */
  readonly extra: { readonly [key: string]: JsonValue };
}

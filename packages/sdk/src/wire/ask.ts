/** What an agent's process and the control plane say to each other about one held call. Times in milliseconds since the epoch, digests in hex. */
import { z } from "zod";
import { ASSURANCES } from "../policy/result.ts";
import { OUTCOMES } from "../record/entry.ts";

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const name = z.string().max(1024);
const json = z.record(z.string(), z.json());

export const REQUEST_STATES = ["pending", "approved", "executing", "completed", "failed", "outcome_unknown", "denied", "expired", "cancelled", "superseded"] as const;
export const requestState = z.enum(REQUEST_STATES);
export type RequestState = z.infer<typeof requestState>;

export const requirement = z.object({
  policy: z.string(),
  approvers: z.array(z.string()).max(1000),
  quorum: z.int().min(1).max(1000),
  assurance: z.enum(ASSURANCES).optional(),
  selfApproval: z.boolean().optional(),
  timeoutMinutes: z.number().positive().nullable(),
  grants: z.array(z.string()),
  edits: z.boolean(),
  requireReason: z.boolean(),
  escalate: z.array(z.object({ afterMs: z.number(), to: z.array(z.string()) })),
});

export const finding = z.object({
  type: z.string().max(200),
  group: z.string().max(200),
  direction: z.enum(["input", "output"]),
  where: z.string().max(4096),
  count: z.int().min(1).optional(),
});

/** POST /v1/approvals: asks about a call, or joins the request about the same call. */
export const askBody = z.strictObject({
  call: z.strictObject({
    callId: z.string().max(100),
    server: z.strictObject({ name: name.nullable(), identity: digest.nullable(), transport: z.string().max(40) }),
    tool: name.min(1),
    definition: digest.nullable(),
    arguments: json,
    context: json,
    digest,
  }),
  /** Claims of the caller; the principal is the credential's. */
  caller: z.strictObject({
    agent: z.strictObject({ name, id: name }),
    user: z.strictObject({ id: name }),
    session: z.strictObject({ id: name }),
    /**
     * Whom a gateway's key asks for, where it knows its clients by OAuth. It gives no right: whoever signs in as that subject is kept from
     * approving what they asked for themselves.
     */
    onBehalfOf: z.strictObject({ issuer: z.string().max(2048), subject: name.min(1) }).optional(),
  }),
  findings: z.array(finding).max(10_000),
  reason: z.string().max(10_000),
  policies: z.array(z.string()).max(10_000),
  /** What the caller's own document asks for; the control plane's document adds its own. Empty where only that one counts. */
  requirements: z.array(requirement).max(1000),
  /** Digest of the document the caller judged by. */
  policyDigest: digest.nullable(),
  /** Where no policy says: the caller's own window. */
  timeoutMs: z.number().positive().max(30 * 86_400_000).nullable(),
  /** What agent and server say: shown apart, decides nothing. Capped at 64 KiB of JSON. */
  narration: z.strictObject({ description: z.string().max(16_384), definition: json.nullable() }),
  traceparent: z.string().max(200).nullable(),
});
export type AskBody = z.infer<typeof askBody>;

/** What the asking side may know of its request. Votes only as the outcome names them. */
export const askedRequest = z.object({
  id: z.string(),
  rev: z.int(),
  state: requestState,
  requestDigest: digest,
  callDigest: digest,
  createdAt: z.number(),
  expiresAt: z.number(),
  /** The store's clock when this was said: `expiresAt - now` is what is left. */
  now: z.number(),
  /** Of the decision: who, how, why. Set from `approved` and `denied` on. */
  decision: z
    .object({
      approver: z.string(),
      channel: z.string(),
      human: z.boolean(),
      reason: z.string(),
      at: z.number(),
      grantId: z.string().nullable(),
      selfApproved: z.boolean(),
    })
    .nullable(),
  endReason: z.string().nullable(),
  /** The request that took its place, because an approver changed the arguments. */
  supersededBy: z.string().nullable(),
  /** The request in whose place it stands, where an approver changed the arguments: then `callDigest` is that of the changed call. */
  editOf: z.string().nullable().default(null),
  requirements: z.array(requirement),
  /** Where people look at it. */
  url: z.string(),
});
export type AskedRequest = z.infer<typeof askedRequest>;

/** GET /v1/approvals/{id}/edit: the arguments that an approver wrote, for whoever asked. RFC 8785 text. */
export const editAnswer = z.object({ request: askedRequest, argumentsText: z.string() });
export type EditAnswer = z.infer<typeof editAnswer>;

/** True where this call made the request, false where it joined one. */
export const askAnswer = z.object({ request: askedRequest, created: z.boolean() });
export type AskAnswer = z.infer<typeof askAnswer>;

/** POST /v1/approvals/{id}/claim. `claimId` is made up by the claimer (256 random bits, hex): the same again is the same claim. */
export const claimBody = z.strictObject({ claimId: digest, callDigest: digest, definition: digest.nullable(), serverIdentity: digest.nullable() });
export type ClaimBody = z.infer<typeof claimBody>;
export const claimAnswer = z.object({ claimed: z.literal(true), epoch: z.int(), leaseMs: z.number(), request: askedRequest });
export type ClaimAnswer = z.infer<typeof claimAnswer>;

/** POST /v1/approvals/{id}/release: provably nothing was sent. */
export const releaseBody = z.strictObject({ claimId: digest });
export type ReleaseBody = z.infer<typeof releaseBody>;

/** POST /v1/approvals/{id}/outcome. */
export const outcomeBody = z.strictObject({ claimId: digest, outcome: z.enum(OUTCOMES), isError: z.boolean(), elapsedMs: z.number().min(0) });
export type OutcomeBody = z.infer<typeof outcomeBody>;

/** POST /v1/approvals/{id}/cancel and /supersede. */
export const endBody = z.strictObject({ reason: z.string().max(1000) });
export type EndBody = z.infer<typeof endBody>;

/** POST /v1/leases: these claims are still being executed. Answers which are not known as that (any more). */
export const leaseBody = z.strictObject({ claims: z.array(z.strictObject({ id: z.string(), claimId: digest })).max(10_000) });
export type LeaseBody = z.infer<typeof leaseBody>;
export const leaseAnswer = z.object({ leaseMs: z.number(), lost: z.array(z.string()) });
export type LeaseAnswer = z.infer<typeof leaseAnswer>;

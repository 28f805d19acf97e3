/** What people do: look, vote, and look after policies, people, keys and grants. Times in milliseconds since the epoch. */
import { z } from "zod";
import { ASSURANCES } from "../policy/result.ts";
import { requestState, requirement, finding } from "./ask.ts";
import { PROBLEM_CODES } from "./problem.ts";

const page = { after: z.string().max(200).optional(), limit: z.coerce.number().int().min(1).max(500).optional() };
const id = z.string().min(1).max(100);
const shortText = z.string().max(200);

export const ROLES = ["owner", "policy_editor", "approver", "auditor"] as const;
export const role = z.enum(ROLES);

export const requestSummary = z.object({
  id,
  rev: z.int(),
  state: requestState,
  createdAt: z.number(),
  expiresAt: z.number(),
  endedAt: z.number().nullable(),
  requestDigest: z.string(),
  callDigest: z.string(),
  principal: z.string(),
  agent: z.string(),
  user: z.string(),
  session: z.string(),
  server: z.string().nullable(),
  tool: z.string(),
  policyId: z.string(),
  reason: z.string(),
  policies: z.array(z.string()),
  /** Per requirement: how many eligible approvals it has and needs. */
  progress: z.array(z.object({ policy: z.string(), have: z.int(), need: z.int() })),
  findings: z.array(z.string()),
  /** An approver has changed the arguments. */
  edited: z.boolean(),
  /** Whether the person who asks may approve it now, and why not. `code`: as a vote would be refused; `assurance`: a passkey opens it. */
  mayVote: z.object({ allowed: z.boolean(), why: z.string(), code: z.enum(PROBLEM_CODES).nullable() }),
});
export type RequestSummary = z.infer<typeof requestSummary>;

export const vote = z.object({
  personId: id,
  name: z.string(),
  choice: z.enum(["approve", "deny"]),
  at: z.number(),
  channel: z.string(),
  assurance: z.enum(ASSURANCES),
  reason: z.string(),
  selfApproved: z.boolean(),
  countsFor: z.array(z.string()),
  onBehalfOf: z.string().nullable(),
});

export const requestDetail = requestSummary.extend({
  /** RFC 8785 text of the bound arguments and context; null after erasure. What is shown is made from these very bytes. */
  argumentsText: z.string().nullable(),
  contextText: z.string().nullable(),
  serverIdentity: z.string().nullable(),
  transport: z.string(),
  definition: z.string().nullable(),
  keyId: z.string(),
  ownerId: z.string().nullable(),
  requirements: z.array(requirement),
  findingsFull: z.array(finding),
  votes: z.array(vote),
  outcome: z.object({ outcome: z.string(), isError: z.boolean(), elapsedMs: z.number(), at: z.number(), reason: z.string() }).nullable(),
  annotation: z.object({ personId: id, happened: z.boolean(), note: z.string(), at: z.number() }).nullable(),
  endReason: z.string().nullable(),
  supersededBy: z.string().nullable(),
  /** Where an approver changed the arguments: the request in whose place it stands, who did it, and where the arguments differ (JSON Pointers). */
  edit: z.object({ of: z.string(), personId: id, changed: z.array(z.string()) }).nullable(),
  grantId: z.string().nullable(),
  /** Whose words `reason` is: the document in force here, or the process that asks. */
  heldBy: z.enum(["document", "caller"]),
  /** What the process that asks gave as the reason, where that is another. Said by the agent's side. */
  callerReason: z.string().nullable(),
  /** Said by the agent or the server. */
  narration: z.object({ description: z.string(), definition: z.record(z.string(), z.json()).nullable() }),
  traceparent: z.string().nullable(),
});
export type RequestDetail = z.infer<typeof requestDetail>;

export const requestListQuery = z.object({
  ...page,
  state: z.string().max(200).optional(),
  tool: z.string().max(1024).optional(),
  server: z.string().max(1024).optional(),
  agent: z.string().max(1024).optional(),
  callDigest: z.string().max(64).optional(),
  order: z.enum(["urgent", "newest"]).optional(),
});
export const requestList = z.object({ requests: z.array(requestSummary), next: z.string().nullable(), total: z.int() });

/** What a grant beside a yes would cover. Always narrower than what was asked. */
export const grantScope = z.strictObject({
  /** `session`, or a duration such as `30m`; must be among the `grants` of every requirement. */
  for: z.string().max(20),
  /** JSON Pointers into the arguments that may vary; empty: these very arguments. */
  free: z.array(z.string().max(1000)).max(100),
});
export const voteBody = z.strictObject({
  choice: z.enum(["approve", "deny"]),
  requestDigest: z.string().regex(/^[0-9a-f]{64}$/),
  /** Digest of the view that was shown in full; see the docs of the inbox. */
  viewedDigest: z.string().regex(/^[0-9a-f]{64}$/).nullable(),
  reason: z.string().max(4000),
  grant: grantScope.nullable(),
});
export type VoteBody = z.infer<typeof voteBody>;
/** POST /v1/approvals/{id}/edit: a yes to the same call with other arguments. */
export const editBody = z.strictObject({
  /** Of the question that was shown. */
  requestDigest: z.string().regex(/^[0-9a-f]{64}$/),
  /** The arguments whole, as JSON text: parsed as strictly as a call. */
  argumentsText: z.string().max(4 * 1024 * 1024),
  /** Digest of the changed call as it was shown in full: `viewText` with the digest of the question, these arguments as RFC 8785 text, and its context. */
  viewedDigest: z.string().regex(/^[0-9a-f]{64}$/),
  reason: z.string().max(4000),
});
export type EditBody = z.infer<typeof editBody>;
export const annotateBody = z.strictObject({ happened: z.boolean(), note: z.string().max(4000) });

export const standingGrant = z.object({
  id,
  requestId: id,
  grantedBy: id,
  createdAt: z.number(),
  expiresAt: z.number(),
  revokedAt: z.number().nullable(),
  endReason: z.string().nullable(),
  live: z.boolean(),
  principal: z.string(),
  agent: z.string(),
  session: z.string().nullable(),
  server: z.string().nullable(),
  tool: z.string(),
  free: z.array(z.string()),
});
export const grantList = z.object({ grants: z.array(standingGrant) });
export const grantPreviewBody = z.strictObject({ requestId: id, grant: grantScope });
/** Recorded calls of the last 30 days that it would have covered. */
export const grantPreview = z.object({ covered: z.int(), ofHeld: z.int(), examples: z.array(z.object({ requestId: id, at: z.number(), state: requestState })) });

export const person = z.object({
  id,
  name: z.string(),
  email: z.string().nullable(),
  roles: z.array(role),
  status: z.enum(["active", "disabled"]),
  hasPassword: z.boolean(),
  passkeys: z.array(z.object({ id: z.string(), name: z.string(), createdAt: z.number() })),
  createdAt: z.number(),
});
export const personBody = z.strictObject({ name: shortText.min(1), email: z.email().max(254).nullable(), roles: z.array(role) });
export const personChange = z.strictObject({ name: shortText.min(1).optional(), email: z.email().max(254).nullable().optional(), roles: z.array(role).optional(), status: z.enum(["active", "disabled"]).optional() });
/** The link works once, for 24 hours, and is shown only here. */
export const invitation = z.object({ person, url: z.string(), expiresAt: z.number() });
export const group = z.object({ id, name: z.string(), members: z.array(id), createdAt: z.number() });
export const groupBody = z.strictObject({ name: shortText.regex(/^[a-zA-Z0-9][\w.-]*$/), members: z.array(id).max(10_000) });
export const delegation = z.object({ id, fromId: id, toId: id, from: z.number(), until: z.number(), revokedAt: z.number().nullable() });
export const delegationBody = z.strictObject({ toId: id, from: z.number(), until: z.number() });
export const agentKey = z.object({ id, name: z.string(), ownerId: id.nullable(), createdAt: z.number(), createdBy: z.string(), expiresAt: z.number().nullable(), revokedAt: z.number().nullable() });
export const agentKeyBody = z.strictObject({ name: shortText.min(1), ownerId: id.nullable(), expiresAt: z.number().nullable() });
export const gatewayKeyBody = z.strictObject({ name: shortText.min(1) });
/** GET /v1/key, for whoever holds the key: what its calls are decided by and recorded as. `now`: the store's clock. */
export const ownKey = z.object({ id, name: z.string(), principal: z.string(), owner: z.object({ id, name: z.string() }).nullable(), expiresAt: z.number().nullable(), now: z.number() });
export type OwnKey = z.infer<typeof ownKey>;
/** The secret is shown only here. */
export const agentKeyMade = z.object({ key: agentKey, secret: z.string() });

export const policyVersion = z.object({ version: z.int(), digest: z.string(), size: z.int(), comment: z.string(), createdAt: z.number(), createdBy: z.string(), active: z.boolean() });
export const policyText = policyVersion.extend({ text: z.string() });
export const policyBody = z.strictObject({ text: z.string().max(64 * 1024 * 1024), comment: z.string().max(1000) });
export const documentProblem = z.object({ line: z.int(), column: z.int(), message: z.string(), mend: z.string().optional(), severity: z.enum(["error", "warning"]), code: z.string() });
export const policyCheck = z.object({ ok: z.boolean(), digest: z.string().nullable(), size: z.int(), problems: z.array(documentProblem) });
/** `expect`: the version that is in force now, so that two editors do not overwrite each other. */
export const activateBody = z.strictObject({ expect: z.int().nullable(), comment: z.string().max(1000) });
export const activation = z.object({ version: policyVersion, superseded: z.int() });

/** Without the CSRF token: only the answer to a sign-in has it, and the page keeps it for its own origin. */
export const me = z.object({ person, assurance: z.enum(ASSURANCES), passkeyAt: z.number().nullable(), onePersonMode: z.boolean(), signInId: z.string() });
export const passwordBody = z.strictObject({ email: z.string().max(254), password: z.string().max(1000) });
export const newPasswordBody = z.strictObject({ current: z.string().max(1000).nullable(), password: z.string().min(10).max(1000) });
export const linkBody = z.strictObject({ token: z.string().max(200) });
/** A personal token: everything its person may do, with assurance `authenticated`. At most 90 days. */
export const tokenBody = z.strictObject({ about: shortText.min(1), days: z.int().min(1).max(90) });
export const tokenMade = z.object({ token: z.string(), expiresAt: z.number() });
export const signIn = z.object({ id, via: z.string(), about: z.string(), assurance: z.enum(ASSURANCES), createdAt: z.number(), lastUsedAt: z.number(), current: z.boolean() });
/** What is unsafe in an installation, in words, with what to do about it. `countersign doctor` adds what can be seen from its machine. */
export const diagnosis = z.object({ code: z.string(), severity: z.enum(["danger", "warning", "note"]), message: z.string(), mend: z.string() });
export type Diagnosis = z.infer<typeof diagnosis>;
export const installationDiagnosis = z.object({ diagnoses: z.array(diagnosis), lastCheckpoint: z.object({ seq: z.int(), at: z.number() }).nullable() });
export const installation = z.object({
  id,
  version: z.string(),
  onePersonMode: z.boolean(),
  people: z.int(),
  storage: z.enum(["sqlite", "postgres"]),
  head: z.object({ seq: z.int(), hash: z.string() }),
  policy: z.object({ version: z.int(), digest: z.string() }).nullable(),
  openRequests: z.int(),
  diagnoses: z.array(diagnosis),
});

export const recordQuery = z.object({
  after: z.coerce.number().int().min(0).optional(),
  before: z.coerce.number().int().min(1).optional(),
  from: z.coerce.number().optional(),
  until: z.coerce.number().optional(),
  type: z.string().max(40).optional(),
  event: z.string().max(60).optional(),
  callId: z.string().max(100).optional(),
  requestId: z.string().max(100).optional(),
  policyId: z.string().max(2100).optional(),
  principal: z.string().max(200).optional(),
  order: z.enum(["oldest", "newest"]).optional(),
  limit: z.coerce.number().int().min(1).max(1000).optional(),
});
export const recordPage = z.object({ rows: z.array(z.string()), head: z.object({ seq: z.int(), hash: z.string() }) });
export const checkpoint = z.object({ tenant: z.string(), seq: z.int(), hash: z.string(), at: z.number(), keyId: z.string(), signature: z.string() });
export const eraseBody = z.strictObject({ requestId: id.optional(), before: z.number().optional(), reason: z.string().min(1).max(1000) });

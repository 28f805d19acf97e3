/**
 * Rows that agents' processes send: what they decided and how it went. Whatever they say of who they are is replaced by what
 * their credential proves, and rows that only the control plane may write are refused.
 */
import { OUTCOMES, type RecordEntry } from "@countersign/sdk/record";
import { ACTIONS } from "@countersign/sdk/policy";
import { z } from "zod";
import type { AgentIdentity } from "../../auth/identity.ts";

const text = z.string().max(16_384);
const name = z.string().max(2_100);
const id = z.string().max(100);
const digest = z.string().regex(/^[0-9a-f]{64}$/);
/** A moment that a calendar has: the last of ECMAScript's. */
const at = z.number().int().min(0).max(8_640_000_000_000_000);
const names = z.array(name).max(10_000);
const finding = z.strictObject({ type: name, group: name.optional(), direction: z.enum(["input", "output"]), where: z.string().max(4_096), count: z.number().int().min(1) });
const findings = z.array(finding).max(10_000);
const fault = z.strictObject({ policy: name, source: name, line: z.number().int().optional(), column: z.number().int().optional(), field: name.optional(), message: text });
const common = { callId: id, at };

const decision = z.strictObject({
  type: z.literal("decision"),
  ...common,
  policyId: name,
  server: name.nullable(),
  tool: name,
  principal: name,
  agent: name,
  user: name,
  session: name,
  digest: digest.nullable(),
  definition: digest.nullable(),
  action: z.enum(ACTIONS),
  reason: text,
  policies: names,
  decisive: names,
  findings,
  faults: z.array(fault).max(10_000).optional(),
  wouldAction: z.enum(ACTIONS).optional(),
  wouldPolicies: names.optional(),
  code: name.optional(),
  retryAfterMs: z.number().min(0).optional(),
  argumentsText: z.string().optional(),
});

const approval = z.strictObject({
  type: z.literal("approval"),
  ...common,
  requestId: id,
  requestDigest: digest,
  digest,
  status: z.enum(["approved", "denied", "timeout", "superseded"]),
  approver: name,
  elapsedMs: z.number().min(0),
  channel: name.optional(),
  human: z.boolean().optional(),
  reason: text.optional(),
  error: text.optional(),
});

const intent = z.strictObject({ type: z.literal("intent"), ...common, digest, requestId: id, approver: name });

const outcome = z.strictObject({
  type: z.literal("outcome"),
  ...common,
  outcome: z.enum(OUTCOMES),
  elapsedMs: z.number().min(0),
  isError: z.boolean().optional(),
  requestId: id.optional(),
  findings: findings.optional(),
});

/** What happens in an agent's process beside calls. Events of the control plane itself are not among them. */
const event = z.strictObject({
  type: z.literal("event"),
  at,
  event: z.enum(["gap", "policy_activated", "policy_refused", "intent_withdrawn", "call_continued"]),
  detail: z.record(z.string().regex(/^\w{1,100}$/), z.union([text, z.number(), z.boolean(), z.null(), names])),
});

const shipped = z.discriminatedUnion("type", [decision, approval, intent, outcome, event]);

/** The entry, marked as reported by its key; or where in it something is wrong, never what. */
export function readShipped(given: unknown, { keyId, principal }: AgentIdentity): RecordEntry | string {
  const read = shipped.safeParse(given);
  // The names inside `detail` are the caller's own words.
  if (!read.success) return read.error.issues.slice(0, 5).map(({ path, code }) => `/${path[0] === "detail" ? "detail" : path.join("/")}: ${code}`).join("; ");
  const { data } = read;
  // What an agent's process has in force is not what the control plane has.
  if (data.type === "event") return { ...data, event: data.event === "policy_activated" ? "policy_reported" : data.event, detail: { ...data.detail, reportedBy: keyId } };
  // The schema gives the entry's own types; codes it does not know are kept as they came, and only ever shown.
  return { ...data, reportedBy: keyId, ...(data.type === "decision" ? { principal } : {}) } as RecordEntry;
}

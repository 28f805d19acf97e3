/** A policy document that is tried on recorded calls before it is in force: lists, explanations, replays. Nothing of it changes anything. */
import { z } from "zod";
import { ACTIONS } from "../policy/result.ts";

const id = z.string().min(1).max(100);

/** Longer documents are tried with `countersign policy explain` and `replay`. */
export const MAX_TRIED_TEXT = 2 * 1024 * 1024;
const text = z.string().max(MAX_TRIED_TEXT);

/**
 * What a verdict means for the call. `throttled`: over its rate, so it did not run. `block`: it runs after a yes. `never`: nobody can let
 * it run.
 */
export const VERDICT_KINDS = ["allow", "warn", "throttle", "throttled", "block", "never"] as const;
export const verdictKind = z.enum(VERDICT_KINDS);
export type VerdictKind = (typeof VERDICT_KINDS)[number];

export const recordedCall = z.object({
  callId: z.string(),
  /** Of the row of the record that says what was decided. */
  seq: z.int(),
  at: z.number(),
  policyId: z.string(),
  server: z.string().nullable(),
  tool: z.string(),
  agent: z.string(),
  kind: verdictKind,
  reason: z.string(),
  decisive: z.array(z.string()),
});
export type RecordedCall = z.infer<typeof recordedCall>;
/** Newest first. `before`: a `seq`, exclusive. */
export const recordedCallQuery = z.object({
  before: z.coerce.number().int().min(1).optional(),
  policyId: z.string().max(2100).optional(),
  limit: z.coerce.number().int().min(1).max(100).optional(),
});
export const recordedCallList = z.object({ calls: z.array(recordedCall), next: z.int().nullable() });

/** Either a recorded call or the call of a request. */
export const explainBody = z.strictObject({ text, callId: id.optional(), requestId: id.optional() });
export type ExplainBody = z.infer<typeof explainBody>;

const conditionReading = z.object({
  source: z.string(),
  /** `unknown`: the arguments are not there, or are not for whoever asks. */
  result: z.enum(["true", "false", "no answer", "unknown"]),
  why: z.string().nullable(),
  reads: z.array(z.object({ path: z.string(), value: z.string().nullable() })),
});
const explainedPolicy = z.object({
  name: z.string(),
  action: z.enum(ACTIONS),
  /** `decides` and `matched` take part, `observed` would, `near` does not, and `why` says what is in the way. */
  part: z.enum(["decides", "matched", "observed", "near"]),
  patterns: z.array(z.string()),
  why: z.string().nullable(),
  condition: conditionReading.nullable(),
  /** Where it stands in the text, from 1. Null where there is no text. */
  place: z.object({ line: z.int(), column: z.int() }).nullable(),
});
export type ExplainedPolicy = z.infer<typeof explainedPolicy>;
export const explanation = z.object({
  /** Null where it cannot be told: a condition asks for arguments that are not there. */
  verdict: z
    .object({
      kind: verdictKind,
      words: z.string(),
      reason: z.string(),
      decisive: z.array(z.string()),
      needs: z.array(z.object({ policy: z.string(), words: z.string() })),
      wouldAction: z.enum(ACTIONS).nullable(),
    })
    .nullable(),
  policies: z.array(explainedPolicy),
  /** How many policies are about something else. */
  others: z.int(),
});
export type Explanation = z.infer<typeof explanation>;
export const explainAnswer = z.object({
  call: recordedCall,
  /** `hidden`: your roles do not let you read them; `gone`: they were not recorded, or were erased. */
  arguments: z.enum(["used", "hidden", "gone"]),
  draft: explanation,
  inForce: explanation.extend({ version: z.int() }).nullable(),
});
export type ExplainAnswer = z.infer<typeof explainAnswer>;

export const REPLAY_DAYS = [1, 7, 30] as const;
/** `record`: what was decided then. `in_force`: what the version in force would decide. */
export const REPLAY_AGAINST = ["record", "in_force"] as const;
export const replayBody = z.strictObject({ text, days: z.union([z.literal(1), z.literal(7), z.literal(30)]), against: z.enum(REPLAY_AGAINST) });
export type ReplayBody = z.infer<typeof replayBody>;

const counts = z.record(verdictKind, z.int());
const answers = { approved: z.int(), denied: z.int(), unanswered: z.int() };
const replayGroup = z.object({
  policyId: z.string(),
  /** Policies that decide under the draft, or why none does. */
  because: z.string(),
  calls: z.int(),
  ...answers,
  /** The last of them. */
  examples: z.array(z.object({ callId: z.string(), at: z.number(), agent: z.string(), requestId: z.string().nullable() })),
});
export type ReplayGroup = z.infer<typeof replayGroup>;
const replayMove = z.object({
  before: verdictKind,
  after: verdictKind,
  calls: z.int(),
  /** How people answered then. */
  ...answers,
  groups: z.array(replayGroup),
  moreGroups: z.int(),
});
export type ReplayMove = z.infer<typeof replayMove>;
export const replayReport = z.object({
  from: z.number(),
  until: z.number(),
  /** The record of that time is longer than one replay takes, so only its end was looked at; `from` says since when. */
  cut: z.boolean(),
  calls: z.int(),
  judged: z.int(),
  /** A condition asks for arguments that the record does not have, or that are not for whoever asks. */
  unjudged: z.int(),
  /** Calls that ended before any policy was asked. */
  undecided: z.int(),
  arguments: z.enum(["used", "hidden"]),
  against: z.object({ kind: z.enum(REPLAY_AGAINST), version: z.int().nullable() }),
  before: counts,
  after: counts,
  moves: z.array(replayMove),
  elapsedMs: z.number(),
});
export type ReplayReport = z.infer<typeof replayReport>;

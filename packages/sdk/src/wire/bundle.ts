/** What flows between an agent's process and the control plane beside requests: the policy bundle, rows, throttle counters, live events. */
import { z } from "zod";
import { askedRequest } from "./ask.ts";

/** GET /v1/bundle, with ETag `"{digest}"`; If-None-Match answers 304. */
export const bundle = z.object({
  version: z.int(),
  digest: z.string(),
  /** The document as it was written. */
  text: z.string(),
  activatedAt: z.number(),
  /** The key this was asked with, as principals and conditions see it. */
  principal: z.string(),
});
export type Bundle = z.infer<typeof bundle>;

/** POST /v1/record: rows of an agent's process, in order. `batch` names them: the same batch again is taken once. */
export const recordBody = z.strictObject({
  process: z.string().max(100),
  batch: z.int().min(1),
  /** `RecordEntry` of record/entry.ts; arguments in the clear here (TLS), sealed at rest. */
  entries: z.array(z.record(z.string(), z.json())).max(1000),
});
export type RecordBody = z.infer<typeof recordBody>;
export const recordAnswer = z.object({ batch: z.int(), head: z.object({ seq: z.int(), hash: z.string() }) });
export type RecordAnswer = z.infer<typeof recordAnswer>;

/** POST /v1/throttle: tokens taken here since the last exchange; answers what the others took meanwhile. */
export const throttleBody = z.strictObject({
  process: z.string().max(100),
  taken: z.array(z.strictObject({ policy: z.string().max(1024), key: z.string().max(4096), tokens: z.number().min(0) })).max(10_000),
});
export type ThrottleBody = z.infer<typeof throttleBody>;
export const throttleAnswer = z.object({ others: z.array(z.object({ policy: z.string(), key: z.string(), tokens: z.number() })), refreshMs: z.number() });
export type ThrottleAnswer = z.infer<typeof throttleAnswer>;

/**
 * GET /v1/events, server-sent events. `id:` is the seq of the record's row that it tells of, so `Last-Event-ID` resumes.
 * An agent's key hears of its own requests and of policies; people hear what their role may see.
 */
export const EVENT_NAMES = ["hello", "request", "policy", "policy_saved", "directory", "grant"] as const;
export type EventName = (typeof EVENT_NAMES)[number];
/** data of `hello`: where the stream stands. `resumed` false: what came before is not told, so read everything anew. */
export const helloEvent = z.object({ seq: z.int(), now: z.number(), installation: z.string(), resumed: z.boolean().optional() });
/** data of `request` for an agent's key: the whole answer, so that the waiter holds the decision when it wakes. */
export const requestEvent = z.object({ request: askedRequest });
/** data of `policy_saved`, for people who read policies: there is a new version, which is not in force. */
export const policySavedEvent = z.object({ version: z.int() });
/** data of `policy`: a document was activated; fetch the bundle. */
export const policyEvent = z.object({ version: z.int(), digest: z.string() });

/** How the control plane says that something did not work: RFC 9457 problem details, `application/problem+json`. */
import { z } from "zod";

export const PROBLEM_CODES = [
  "bad_request", // 400 the body or a parameter is not what the schema says
  "unauthenticated", // 401 no credential, or one that is not known (any more)
  "csrf", // 403 a browser's request without its CSRF token
  "origin", // 403 Host or Origin is not on the list
  "forbidden", // 403 this credential may not do this, in any state
  "not_eligible", // 403 this person may not decide this request; `detail` says why
  "self_approval", // 403 the person the requesting credential is bound to
  "assurance", // 403 a passkey is asked for
  "not_found", // 404
  "conflict", // 409 it was changed meanwhile, or exists already
  "ended", // 409 the request has ended; `state` says how
  "in_progress", // 409 the same call is being executed
  "not_approved", // 409 a claim of a request that is not approved
  "superseded", // 409 at the claim: the question is another now
  "stale_digest", // 409 the vote names another request digest
  "not_viewed", // 409 the part of the call that was not shown must be shown first
  "policy_block", // 403 the document in force blocks it and nobody can be asked
  "policy_unavailable", // 503 no document was activated
  "invalid_document", // 422 the policy document has problems; see `problems`
  "invalid_arguments", // 422 changed arguments are not what the tool's definition takes; see `fields`
  "digest_mismatch", // 422 the call digest is not that of the call
  "too_large", // 413
  "too_many", // 429 see `Retry-After`
  "store_unavailable", // 503 the store does not answer; nothing was changed
  "internal", // 500
] as const;
export type ProblemCode = (typeof PROBLEM_CODES)[number];

export const problem = z.object({
  /** `https://countersign.dev/problems/{code}`: an identifier; nothing is there to be fetched. */
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.enum(PROBLEM_CODES),
  detail: z.string().optional(),
  /** With `ended`, `in_progress`, `not_approved`. */
  state: z.string().optional(),
  requestId: z.string().optional(),
  retryAfterMs: z.number().optional(),
  problems: z.array(z.object({ line: z.int(), column: z.int(), message: z.string(), mend: z.string().optional() })).optional(),
  /** With `invalid_arguments`: what is wrong where, by JSON Pointer. */
  fields: z.array(z.object({ pointer: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof problem>;

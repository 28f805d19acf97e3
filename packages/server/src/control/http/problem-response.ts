/** Problem details (RFC 9457): what a caller is told when something did not work. Never internals, never what was in a body. */
import type { Problem, ProblemCode } from "@countersign/sdk/wire";
import { z } from "zod";
import { refuse } from "../refusal.ts";
import type { Refusal } from "../refusal.ts";

/** A refusal with what only some routes know beside it. */
export interface ProblemFacts extends Refusal {
  readonly state?: string;
  readonly requestId?: string;
  readonly problems?: NonNullable<Problem["problems"]>;
  readonly fields?: readonly { readonly pointer: string; readonly message: string }[];
}

const MEANINGS: { readonly [K in ProblemCode]: readonly [status: number, title: string] } = {
  bad_request: [400, "The request is not what this route takes"],
  unauthenticated: [401, "No credential, or one that is not known"],
  csrf: [403, "The CSRF token is missing or another"],
  origin: [403, "Host or Origin is not on the list"],
  forbidden: [403, "This credential may not do this"],
  not_eligible: [403, "You may not decide this request"],
  self_approval: [403, "You may not approve your own agent's call"],
  assurance: [403, "A passkey is asked for"],
  not_found: [404, "There is no such thing here"],
  conflict: [409, "It was changed meanwhile, or exists already"],
  ended: [409, "The request has ended"],
  in_progress: [409, "The same call is being executed"],
  not_approved: [409, "The request is not approved"],
  superseded: [409, "The question is another now"],
  stale_digest: [409, "The vote names another question"],
  not_viewed: [409, "The whole call must be shown first"],
  policy_block: [403, "The policy blocks this call, and nobody can be asked"],
  policy_unavailable: [503, "No policy document was activated"],
  invalid_document: [422, "The policy document has problems"],
  invalid_arguments: [422, "The changed arguments are not what the tool takes"],
  digest_mismatch: [422, "The call digest is not that of the call"],
  too_large: [413, "Larger than the limit"],
  too_many: [429, "Too many"],
  store_unavailable: [503, "The store does not answer; nothing was changed"],
  internal: [500, "Something went wrong here"],
};

export function statusOf(code: ProblemCode): number {
  return MEANINGS[code][0];
}

/** `status` only where HTTP has a narrower one than the code's own. */
function problemOf(refusal: ProblemFacts, status = statusOf(refusal.code)): Problem {
  const { code, detail, state, requestId, retryAfterMs, problems, fields } = refusal;
  return {
    type: `https://countersign.dev/problems/${code}`,
    title: MEANINGS[code][1],
    status,
    code,
    ...(detail === "" ? {} : { detail }),
    ...(state === undefined ? {} : { state }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(problems === undefined ? {} : { problems }),
    ...(fields === undefined ? {} : { fields: [...fields] }),
  };
}

export function problemResponse(refusal: ProblemFacts, status?: number, headers: Readonly<Record<string, string>> = {}): Response {
  const body = problemOf(refusal, status);
  const all: Record<string, string> = { ...headers, "content-type": "application/problem+json" };
  if (refusal.retryAfterMs !== undefined) all["retry-after"] = String(Math.max(1, Math.ceil(refusal.retryAfterMs / 1000)));
  if (body.status === 401) all["www-authenticate"] = 'Bearer realm="countersign"';
  return new Response(JSON.stringify(body), { status: body.status, headers: all });
}

/**
 * Where a body or query is not what the schema says. Names the place by the schema's own words alone: keys that the caller made
 * up, such as names of arguments, and values are never repeated.
 */
export function schemaRefusal(part: "body" | "query", schema: z.ZodType, error: z.ZodError): Refusal {
  const places = error.issues.slice(0, 5).map(({ path, code }) => `/${ownPath(schema, path).join("/")} ${code}`);
  return refuse("bad_request", `${part}: ${places.join("; ")}`);
}

/** As far as the schema itself names the steps. */
function ownPath(schema: unknown, path: readonly PropertyKey[]): readonly string[] {
  const [step, ...rest] = path;
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional) return ownPath(schema.unwrap(), path);
  if (schema instanceof z.ZodObject && typeof step === "string" && Object.hasOwn(schema.shape, step)) return [step, ...ownPath(schema.shape[step], rest)];
  if (schema instanceof z.ZodArray && typeof step === "number") return [String(step), ...ownPath(schema.element, rest)];
  return [];
}

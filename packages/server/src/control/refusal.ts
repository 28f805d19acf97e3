/** How a resource of the control plane says no: a code of the HTTP contract and a sentence for whoever asked. Never thrown. */
import type { Problem, ProblemCode } from "@countersign/sdk/wire";

export interface Refusal {
  readonly ok: false;
  readonly code: ProblemCode;
  readonly detail: string;
  readonly retryAfterMs?: number;
  /** With `invalid_document`. */
  readonly problems?: NonNullable<Problem["problems"]>;
}

export type Answer<T> = ({ readonly ok: true } & T) | Refusal;

export function refuse(code: ProblemCode, detail: string, retryAfterMs?: number): Refusal {
  return retryAfterMs === undefined ? { ok: false, code, detail } : { ok: false, code, detail, retryAfterMs };
}

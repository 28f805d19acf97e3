/** How a resource of the control plane says no: a code of the HTTP contract and a sentence for whoever asked. Never thrown. */
import type { ProblemCode } from "@countersign/sdk/wire";

export interface Refusal {
  readonly ok: false;
  readonly code: ProblemCode;
  readonly detail: string;
  readonly retryAfterMs?: number;
  /** With `invalid_document`. */
  readonly problems?: readonly { readonly line: number; readonly column: number; readonly message: string; readonly mend?: string | undefined }[];
}

export type Answer<T> = ({ readonly ok: true } & T) | Refusal;

export function refuse(code: ProblemCode, detail: string, retryAfterMs?: number): Refusal {
  return retryAfterMs === undefined ? { ok: false, code, detail } : { ok: false, code, detail, retryAfterMs };
}

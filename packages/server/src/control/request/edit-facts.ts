/** What a request tells of edits: whether its arguments may be changed, and whether an approver has. Pure. */
import type { ApprovalRequest } from "../../store/entity/approval-request.ts";

export interface EditFacts {
  /** The request in whose place it stands. */
  readonly of: string;
  readonly personId: string;
  /** JSON Pointers to what differs from that, those of the first places. */
  readonly changed: readonly string[];
}

/** Every requirement says so. */
export function allowsEdits({ requirements }: Pick<ApprovalRequest, "requirements">): boolean {
  return requirements.every(({ edits }) => edits);
}

/** Null of a request that no edit made. */
export function editOf({ extra }: Pick<ApprovalRequest, "extra">): EditFacts | null {
  const { edit } = extra;
  // Written by edit-request.ts, and by nothing else.
  return edit === undefined || edit === null ? null : (edit as unknown as EditFacts);
}

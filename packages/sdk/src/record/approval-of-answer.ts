import type { Answer, JoinedRequest } from "../approval/ask.ts";
import type { ApprovalStory } from "./story.ts";

/** What the record and the span keep of an answer. `claimed` is false where a yes came to a question that had changed. */
export function approvalOfAnswer(request: JoinedRequest, answer: Exclude<Answer, { kind: "pending" }>, claimed: boolean): ApprovalStory {
  const { approver, channel, human, reason } = answer.decision;
  return {
    status: answer.kind === "edited" || (answer.kind === "approved" && !claimed) ? "superseded" : answer.kind,
    requestId: request.id,
    requestDigest: request.digest,
    approver,
    elapsedMs: answer.elapsedMs,
    ...(channel === undefined ? {} : { channel }),
    ...(human === undefined ? {} : { human }),
    ...(reason === undefined ? {} : { reason }),
    ...("error" in answer && answer.error !== undefined ? { error: answer.error } : {}),
  };
}

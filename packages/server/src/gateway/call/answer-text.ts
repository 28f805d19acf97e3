/**
 * What the model is told where a call did not run: a tool result with `isError`, in text alone, since clients check structured content and
 * some throw on JSON-RPC errors (then the model learns nothing). Says what happened, why, and what would help; never an argument.
 */
import { escapeText, type PolicyViolationError, type RefusalCode } from "@countersign/sdk/enforcement";

export interface ToolAnswer {
  readonly content: readonly { readonly type: "text"; readonly text: string }[];
  readonly isError: true;
  readonly resultType?: "complete";
}

/** `modern`: of the protocol without sessions, where every result says what it is. */
export function errorAnswer(text: string, modern: boolean): ToolAnswer {
  return { content: [{ type: "text", text }], isError: true, ...(modern ? { resultType: "complete" } : {}) };
}

export interface PendingFacts {
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
  readonly url: string | undefined;
}

export function pendingText(tool: string, { requestId, until, url }: PendingFacts): string {
  const where = url === undefined ? "" : ` at ${url}`;
  return (
    `This call waits for a person's approval and has not run. Approval request ${requestId} can be answered${where} until ${new Date(until).toISOString()}. ` +
    `To go on, call ${escapeText(tool.slice(0, 200))} again with the same arguments: that joins the same request, and once it is approved the call runs, once.`
  );
}

export const STATE_REFUSED =
  "Refused by Countersign: this requestState was not given for this call and this caller, was used before, or is too old. Nothing ran. " +
  "Make the call again without it, with the same arguments: a request for approval that is still open is joined.";

export const UNASKED_TASK =
  "The server was sent the call and made a task of it, which this client did not ask for and cannot follow. Whether it has run, or will, is not known. Do not call it again before you have looked.";

export const UNSEEN_TASK =
  "The result of this task is withheld: results are looked into here, and how this one came about was not seen. The tool may have run; do not call it again for the same result.";

export const UNSEEN_RESULT =
  "The result is withheld: results are looked into here, and what was passed on of this one is not known any more. The tool has run; do not call it again for the same result.";

export const UNTELLABLE =
  "The server was sent the call, and what it answered cannot be passed on. The tool may have run; do not call it again before you have looked.";

export const INPUT_HELD_BACK =
  "What the server had asked for was not sent on, because of what it contains, and the call ends here. How far it got at the server is not known.";

export const INPUT_UNRECORDED =
  "What the server had asked for was not sent on, since it could not be recorded, and the call ends here. How far it got at the server is not known. Whoever runs the gateway has to mend that.";

export function waitingText({ requestId, url }: Pick<PendingFacts, "requestId" | "url">): string {
  return `Waiting for approval${url === undefined ? "" : ` at ${url}`} (request ${requestId})`;
}

/** `listFailure`: why the server's list of tools could not be had. A tool that is in no list is one thing, a list that nobody has another. */
export function refusalText(error: PolicyViolationError, listFailure?: () => string | undefined): string {
  const why = error.code === "unknown_tool" ? listFailure?.() : undefined;
  if (why !== undefined) return `The call did not run, since the tools of the server are not known: ${why}`;
  const said = error.approval?.reason ?? "";
  const reason = said === "" ? "" : ` The approver says: "${escapeText(said.slice(0, 2_000), { quoted: true })}".`;
  return `${error.message}.${reason} ${adviceOn(error.code, error.retryAfterMs)}`;
}

function adviceOn(code: RefusalCode, retryAfterMs: number | undefined): string {
  switch (code) {
    case "policy_block":
      return "It did not run. The policy lets nobody approve it here; do without it, or ask whoever owns the policy.";
    case "policy_throttle":
      return `It did not run: too many calls. It may be called again${retryAfterMs === undefined ? " later" : ` in ${Math.ceil(retryAfterMs / 1_000)} s`}.`;
    case "inspection_block":
      return "It did not run, because of what its arguments contain. Call it without that.";
    case "approval_denied":
      return "A person denied it; it did not run. Do not call it again in the same way.";
    case "approval_timeout":
      return "Nobody approved it in time; it did not run. Calling it again asks anew.";
    case "approval_needs_control_plane":
      return "It did not run: it needs the approval of people, and there is no control plane to ask them at.";
    case "cancelled":
      return "It was cancelled and did not run.";
    case "control_plane_unavailable":
      return "It did not run: the control plane, where people approve, cannot be reached. Call it again later.";
    case "in_progress":
      return "The same call was approved and is being executed already; this one did not run a second time.";
    case "superseded":
      return "It did not run, since what was asked about has changed. Calling it again asks about what it is now.";
    case "malformed_call":
      return "It did not run: the call is not well-formed.";
    case "unknown_tool":
      return "It did not run: the server has no tool of this name.";
    case "result_withheld":
      return "It ran, and its result is withheld. Do not call it again for the same result.";
    case "record_unavailable":
      return "It did not run, since it could not be recorded. Whoever runs the gateway has to mend that.";
    case "policy_unavailable":
      return "It did not run, since no policy is in force. Whoever runs the gateway has to put one in force: `countersign policy push FILE`, or a gateway with a file of its own (`--policies FILE`).";
    case "internal_error":
      return "It did not run. Whoever runs the gateway finds more in its log.";
  }
}

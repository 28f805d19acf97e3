/**
 * Calls, contexts and errors for tests of approval handlers, ours and users'.
 * They carry real digests and are deeply frozen like the ones guard.ts hands out, but nothing here governs anything.
 * Called by tests only.
 */
import type { ApprovalContext } from "../approval/decision.ts";
import { bindCall, frozenCopy } from "../call/bind-call.ts";
import type { Call, ReadCall } from "../call/call.ts";
import { canonicalJson } from "../call/canonical-json.ts";
import { PolicyViolationError } from "../errors.ts";
import type { PolicyViolationOptions } from "../errors.ts";
import type { PolicyMetadata, PolicyResult } from "../policy/result.ts";

const WINDOW_MS = 5 * 60_000;

/** `write_file` on `filesystem`, by agent `file-manager` for `user-123`. Texts, policy id and digest follow from what is given. */
export function fakeCall(partial: Partial<Call> = {}): Call {
  const args = partial.arguments ?? { path: "/tmp/allowed/output.txt", content: "Hello from governed agent!" };
  const context = partial.context ?? {};
  const read: ReadCall = {
    server: { name: "filesystem", identity: null, transport: "stdio" },
    tool: "write_file",
    argumentsText: canonicalJson(args),
    contextText: canonicalJson(context),
    meta: undefined,
    era: {},
    caller: {
      principal: "local",
      agent: { name: "file-manager", id: "" },
      user: { id: "user-123" },
      session: { id: "session-1" },
    },
    ...partial,
    arguments: args,
    context,
  };
  return frozenCopy({ ...bindCall(read, partial.definition ?? null), ...partial });
}

/** What a handler gets as second argument. The window ends in 5 minutes; the signal is never aborted unless one is given. */
export function fakeContext(partial: Partial<ApprovalContext> = {}): ApprovalContext {
  const call = partial.call ?? fakeCall();
  return Object.freeze({
    call,
    digest: call.digest,
    deadline: new Date(Date.now() + WINDOW_MS),
    signal: new AbortController().signal,
    ...partial,
  });
}

export interface FakeViolation {
  readonly call?: Call;
  /** Default "File writes require approval". */
  readonly reason?: string;
  /** Default `["ops-team@company.com"]`. */
  readonly approvers?: readonly string[];
  /** Minutes as a policy would have written them. Default null. */
  readonly timeoutMinutes?: number | null;
  /** More of the policy's own metadata, such as `workflowType`. */
  readonly metadata?: Partial<PolicyMetadata>;
  /** Replaces the whole policy result; undefined (given) is a block that no policy led to. */
  readonly policyResult?: PolicyResult | undefined;
}

/** The error that a blocked call throws and that handlers get as first argument. */
export function fakeViolation(partial: FakeViolation = {}): PolicyViolationError {
  const call = partial.call ?? fakeCall();
  const reason = partial.reason ?? "File writes require approval";
  const policyResult = "policyResult" in partial ? partial.policyResult : fakeBlock(call, reason, partial);
  const options: PolicyViolationOptions = { call, policyResult };
  return new PolicyViolationError(`MCP tool call blocked: ${call.policyId}: ${reason}`, options);
}

function fakeBlock(call: Call, reason: string, partial: FakeViolation): PolicyResult {
  const approvers = partial.approvers ?? ["ops-team@company.com"];
  const timeoutMinutes = partial.timeoutMinutes ?? null;
  return {
    action: "block",
    reason,
    policies: ["file-writes-need-approval"],
    decisive: ["file-writes-need-approval"],
    requirements: [
      {
        policy: "file-writes-need-approval",
        approvers,
        quorum: 1,
        assurance: undefined,
        selfApproval: undefined,
        timeoutMinutes,
        grants: [],
        edits: false,
        requireReason: false,
        escalate: [],
      },
    ],
    metadata: { ...partial.metadata, workflowName: call.policyId, approvers, timeoutMinutes },
  };
}

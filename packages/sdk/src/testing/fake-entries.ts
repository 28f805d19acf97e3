import type { ApprovalEntry, DecisionEntry, IntentEntry, OutcomeEntry } from "../record/entry.ts";

const AT = Date.UTC(2026, 0, 31, 12, 0, 0);

/** A decision about call `call-<n>`, allowed, with arguments. */
export function fakeDecision(n: number, partial: Partial<DecisionEntry> = {}): DecisionEntry {
  return {
    type: "decision",
    callId: `call-${n}`,
    at: AT + n,
    policyId: "mcp:filesystem:write_file",
    server: "filesystem",
    tool: "write_file",
    principal: "local:jane",
    agent: "file-manager",
    user: "user-123",
    session: "session-1",
    digest: n.toString(16).padStart(64, "0"),
    definition: null,
    action: "allow",
    reason: "No policy matched; the default allows.",
    policies: [],
    decisive: [],
    findings: [],
    argumentsText: `{"content":"Hello from governed agent!","path":"/tmp/allowed/output-${n}.txt"}`,
    ...partial,
  };
}

export function fakeApproval(n: number, partial: Partial<ApprovalEntry> = {}): ApprovalEntry {
  return {
    type: "approval",
    callId: `call-${n}`,
    at: AT + n,
    requestId: `request-${n}`,
    requestDigest: "ab".repeat(32),
    digest: n.toString(16).padStart(64, "0"),
    status: "approved",
    approver: "jane@company.com",
    elapsedMs: 1_200,
    ...partial,
  };
}

export function fakeIntent(n: number): IntentEntry {
  return {
    type: "intent",
    callId: `call-${n}`,
    at: AT + n,
    digest: n.toString(16).padStart(64, "0"),
    requestId: `request-${n}`,
    approver: "jane@company.com",
  };
}

export function fakeOutcome(n: number, partial: Partial<OutcomeEntry> = {}): OutcomeEntry {
  return { type: "outcome", callId: `call-${n}`, at: AT + n, outcome: "completed", elapsedMs: 12.5, isError: false, ...partial };
}

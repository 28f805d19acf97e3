/** The public surface of @countersign/sdk, each symbol by name. What is not here is no API. */
export { configureSession, init, shutdown } from "./client.ts";
export type { Initialized, InitOptions } from "./client.ts";
export type { GovernanceSettings, GovernanceStatus, RecordDestination, RecordSettings } from "./enforcement/open-governance.ts";
export type { ControlPlaneOptions } from "./control-plane/control-plane-options.ts";
export type { ControlPlaneStatus } from "./control-plane/control-plane.ts";
export type { GovernanceConfig, SessionOptions } from "./client/session.ts";
export type { ClientClass } from "./client/client-like.ts";
export type { GovernedClass } from "./client/find-classes.ts";

export { PolicyDocumentError, PolicyViolationError } from "./errors.ts";
export type { PolicyProblem, PolicyViolationOptions, RefusalCode } from "./errors.ts";

export { ApprovalDecision } from "./approval/decision.ts";
export type { ApprovalAnswer, ApprovalContext, ApprovalDecisionFields, ApprovalHandler, ApprovalStatus } from "./approval/decision.ts";
export { extractBlockMetadata } from "./approval/metadata.ts";
export type { BlockMetadata } from "./approval/metadata.ts";
export { renderCall, viewLines } from "./approval/call-view.ts";
export type { CallView, CallViewOptions } from "./approval/call-view.ts";
export { escapeText, quoteText } from "./approval/escape.ts";
export type { EscapeOptions } from "./approval/escape.ts";

export { inboxApproval } from "./handlers/inbox-approval.ts";
export { promptApproval } from "./handlers/prompt-approval.ts";
export { autoApprove, autoApproveUsed, autoDeny } from "./handlers/auto.ts";
export { allOf, firstOf } from "./handlers/combine.ts";
export { escalate } from "./handlers/escalate.ts";
export { withTimeout } from "./handlers/with-timeout.ts";
export { auditOnly } from "./handlers/audit-only.ts";
export { approveWhen } from "./handlers/approve-when.ts";
export { businessHours } from "./handlers/business-hours.ts";
export type { EscalationLevel } from "./handlers/escalate.ts";
export type { HandlerWindow } from "./handlers/with-timeout.ts";
export type { WarnLogger } from "./handlers/audit-only.ts";
export type { BusinessHoursOptions } from "./handlers/business-hours.ts";
export { webhookApproval } from "./handlers/webhook-approval.ts";
export type { WebhookApprovalEvent } from "./handlers/webhook-approval.ts";
export type { WebhookApprovalOptions } from "./handlers/webhook-options.ts";

export { filePolicies, functionPolicies, objectPolicies } from "./policy/policy-source.ts";
export type { PolicyContent, PolicySource, PolicyText } from "./policy/policy-source.ts";
export type { PolicyDocument } from "./policy/document.ts";
export type { Action, Assurance, PolicyMetadata, PolicyResult, Requirement } from "./policy/result.ts";

export type { Call, Caller, ServerRef } from "./call/call.ts";
export type { JsonObject, JsonValue } from "./call/json.ts";
export type { Finding, Inspection, InspectionAction } from "./inspection/inspection.ts";

export { JsonlSink } from "./record/jsonl-sink.ts";
export { MemorySink } from "./record/memory-sink.ts";
export type { RecordSink } from "./record/record-sink.ts";
export { readArgumentKey } from "./record/argument-key.ts";
export { readRecord } from "./record/read-record.ts";
export { verifyRecord, verifyRecordFile } from "./record/verify-record.ts";
export { verifyRecordDirectory } from "./record/verify-directory.ts";
export { stateDirectory } from "./record/state-directory.ts";

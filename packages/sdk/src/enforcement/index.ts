/**
 * The door `@countersign/sdk/enforcement`: guard and what it takes to build its ports around something else than the official clients,
 * as the gateway does. Whoever comes through here sends calls only with a permit, and guard.ts alone mints permits. It is quick to load:
 * what opens policies, the record and the control plane, and brings their parsers, is `@countersign/sdk/governance`.
 */
export { guard } from "../guard.ts";
export type { GuardOptions, Outcome, Ports } from "../guard.ts";
export type { GovernanceSettings, GovernanceStatus, OpenedGovernance } from "./open-governance.ts";
export type { Governance } from "./governance.ts";
export { withEditNotice } from "./edit-notice.ts";
export { inspectInputs } from "./inspect-inputs.ts";
export type { InspectedInputs } from "./inspect-inputs.ts";
export { localPrincipal } from "./local-principal.ts";
export { PolicyDocumentError, PolicyViolationError } from "../errors.ts";
export type { RefusalCode } from "../errors.ts";
export { escapeText } from "../approval/escape.ts";
export { renderCall, viewLines } from "../approval/call-view.ts";
export { ApprovalDecision } from "../approval/decision.ts";
export type { AskPort } from "../approval/ask.ts";
export { assertServerName } from "../call/policy-id.ts";
export { readCall } from "../call/read-call.ts";
export type { ProposedCall } from "../call/read-call.ts";
export { serverIdentity } from "../call/server-identity.ts";
export type { ServerLaunch } from "../call/server-identity.ts";
export { createToolCatalog } from "../call/tool-catalog.ts";
export type { ListTools, ToolCatalog } from "../call/tool-catalog.ts";
export { spendPermit } from "../execution/permit.ts";
export type { Permit } from "../execution/permit.ts";
export { firstOf } from "../handlers/combine.ts";
export { inboxApproval } from "../handlers/inbox-approval.ts";
export { paramsOf } from "../execution/send.ts";
export type { Carrier, SendPort, Sent } from "../execution/send.ts";

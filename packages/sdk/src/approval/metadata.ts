import type { PolicyViolationError } from "../errors.ts";

/** What `extractBlockMetadata` returns. */
export interface BlockMetadata {
  readonly reason: string;
  /** `metadata.workflowType` of the policy, else the tool name, else "". */
  readonly actionType: string;
  readonly approvers: readonly string[];
  /** Minutes as the policy says, or null. */
  readonly timeoutMinutes: number | null;
}

/** The facts of a block that a handler shows people. Never throws; without a policy result it falls back to the message. */
export function extractBlockMetadata(error: PolicyViolationError): BlockMetadata {
  const result = error?.policyResult;
  const metadata = result?.metadata;
  const workflowType = metadata?.["workflowType"];
  return {
    reason: result?.reason ?? error?.message ?? "",
    actionType: typeof workflowType === "string" ? workflowType : (error?.call?.tool ?? ""),
    approvers: metadata?.approvers ?? [],
    timeoutMinutes: metadata?.timeoutMinutes ?? null,
  };
}

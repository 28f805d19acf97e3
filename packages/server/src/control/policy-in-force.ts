/** The activated policy document, compiled. The setting `policy.active` names its version. */
import type { CompiledDocument } from "@countersign/sdk/policy";

export interface PolicyInForce {
  readonly version: number;
  readonly digest: string;
  readonly compiled: CompiledDocument;
}

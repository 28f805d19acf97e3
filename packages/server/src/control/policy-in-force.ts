/** The activated policy document, compiled. The setting `policy.active` holds the number of its version. */
import { compileDocument, readPolicyText } from "@countersign/sdk/policy";
import type { CompiledDocument } from "@countersign/sdk/policy";
import type { PolicyVersion } from "../store/entity/policy-version.ts";

export const ACTIVE_POLICY = "policy.active";

export interface PolicyInForce {
  readonly version: number;
  readonly digest: string;
  readonly compiled: CompiledDocument;
}

/** Compiles documents and keeps the last few: the one in force, and those that a roll back or an activation under way names. */
export function createPolicyCompiler(): (version: PolicyVersion) => PolicyInForce {
  const known = new Map<number, PolicyInForce>();
  return ({ version, digest, text }) => {
    const kept = known.get(version);
    if (kept?.digest === digest) return kept;
    const made = { version, digest, compiled: compileDocument(readPolicyText(text, `version ${version}`)) };
    known.delete(version);
    known.set(version, made);
    for (const oldest of known.keys()) {
      if (known.size <= KEPT) break;
      known.delete(oldest);
    }
    return made;
  };
}

const KEPT = 3;

/** What the document in force says of a call: at the question, at the claim, and when another document has come into force. Takes no tokens. */
import { evaluate, readToolClaims, TokenBuckets } from "@countersign/sdk/policy";
import type { Verdict } from "@countersign/sdk/policy";
import { canonicalJson, definitionDigest } from "@countersign/sdk/call";
import type { Call, JsonObject } from "@countersign/sdk/call";
import type { Finding } from "@countersign/sdk";
import type { View } from "../ledger.ts";

/** Of no use where nothing is charged, and never changed. */
const COUNTERS = { enforced: new TokenBuckets(), observed: new TokenBuckets() };

/** Undefined where no document was activated. `definition` is what the agent says of the tool; it counts only where it has the bound digest. */
export function judgeCall({ policy, now }: Pick<View, "policy" | "now">, call: Call, findings: readonly Finding[], definition: JsonObject | null): Verdict | undefined {
  if (policy === undefined) return undefined;
  const claims = () => (definition !== null && definitionDigest(canonicalJson(definition)) === call.definition ? readToolClaims(definition["annotations"]) : {});
  return evaluate(call, findings, policy.compiled, COUNTERS, { charge: false, now, at: now, claims });
}

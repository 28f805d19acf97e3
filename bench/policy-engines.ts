/** Other engines on our rules. Each decides whether a call is blocked. */
import { preparsePolicySet, statefulIsAuthorized } from "@cedar-policy/cedar-wasm/nodejs";
import { newEnforcer, newModelFromString } from "casbin";
import picomatch from "picomatch";
import type { Call } from "../packages/sdk/src/call/call.ts";

/** Opens an engine with these patterns, each a rule that blocks; a text says why it cannot. */
export type OpenEngine = (patterns: readonly string[], name: string) => Promise<((call: Call) => boolean) | string>;

/** Patterns that match, one after the other, as the simplest gate there is would. */
const openPicomatch: OpenEngine = (patterns) => {
  const matchers = patterns.map((pattern) => picomatch(pattern, { nobrace: true, noextglob: true, dot: true }));
  return Promise.resolve(({ policyId }) => {
    let matched = 0;
    for (const matches of matchers) if (matches(policyId)) matched += 1; // all of them: the strictest decides
    return matched > 0;
  });
};

const openCedar: OpenEngine = (patterns) => {
  const id = `rules-${patterns.length}`;
  const rules = patterns.map((pattern) => `forbid(principal, action, resource) when { context.id like ${JSON.stringify(pattern)} };`);
  const parsed = preparsePolicySet(id, { staticPolicies: `permit(principal, action, resource);\n${rules.join("\n")}` });
  if (parsed.type !== "success") return Promise.resolve("refused");
  const entity = (type: string) => ({ type, id: "x" });
  return Promise.resolve(({ policyId }) => {
    const answer = statefulIsAuthorized({ principal: entity("Agent"), action: entity("Action"), resource: entity("Tool"), context: { id: policyId }, entities: [], preparsedPolicySetId: id });
    if (answer.type !== "success") throw new Error("cedar did not answer");
    return answer.response.decision === "deny";
  });
};

const CASBIN_MODEL = `[request_definition]
r = id
[policy_definition]
p = id, eft
[policy_effect]
e = !some(where (p.eft == deny))
[matchers]
m = regexMatch(r.id, p.id)`;

const openCasbin: OpenEngine = async (patterns) => {
  const enforcer = await newEnforcer(newModelFromString(CASBIN_MODEL));
  // Our patterns as expressions: its own keyMatch knows a star at the end only.
  await enforcer.addPolicies(patterns.map((pattern) => [`^${pattern.replaceAll("*", ".*")}$`, "deny"]));
  return ({ policyId }) => !enforcer.enforceSync(policyId);
};

/** `largest`: beyond it one decision or the building takes seconds. */
export const OTHER_ENGINES: readonly { readonly name: string; readonly largest: number; readonly open: OpenEngine }[] = [
  { name: "linear picomatch", largest: 100_000, open: openPicomatch },
  { name: "@cedar-policy/cedar-wasm, preparsed", largest: 100_000, open: openCedar },
  { name: "casbin, regexMatch", largest: 100_000, open: openCasbin },
];

/** Other engines on our rules, loaded if they are installed. Each decides whether a call is blocked. */
import type { Call } from "../packages/sdk/src/call/call.ts";

/** Opens an engine with these patterns, each a rule that blocks; a text says why it cannot. */
export type OpenEngine = (patterns: readonly string[], name: string) => Promise<((call: Call) => boolean) | string>;

/** Patterns that match, one after the other, as the simplest gate there is would. */
const openPicomatch: OpenEngine = async (patterns) => {
  // The package's own types say the same; it may not be there.
  const picomatch = defaultOf(await load("picomatch")) as ((glob: string, options: object) => (text: string) => boolean) | undefined;
  if (picomatch === undefined) return NOT_INSTALLED;
  const matchers = patterns.map((pattern) => picomatch(pattern, { nobrace: true, noextglob: true, dot: true }));
  return ({ policyId }) => {
    let matched = 0;
    for (const matches of matchers) if (matches(policyId)) matched += 1; // all of them: the strictest decides
    return matched > 0;
  };
};

interface CedarLike {
  preparsePolicySet(id: string, policies: { staticPolicies: string }): { type: string };
  statefulIsAuthorized(call: object): { type: string; response?: { decision: string } };
}

const openCedar: OpenEngine = async (patterns) => {
  const cedar = (await load("@cedar-policy/cedar-wasm/nodejs")) as CedarLike | undefined;
  if (cedar === undefined) return NOT_INSTALLED;
  const id = `rules-${patterns.length}`;
  const rules = patterns.map((pattern) => `forbid(principal, action, resource) when { context.id like ${JSON.stringify(pattern)} };`);
  const parsed = cedar.preparsePolicySet(id, { staticPolicies: `permit(principal, action, resource);\n${rules.join("\n")}` });
  if (parsed.type !== "success") return "refused";
  const entity = (type: string) => ({ type, id: "x" });
  return ({ policyId }) => {
    const answer = cedar.statefulIsAuthorized({ principal: entity("Agent"), action: entity("Action"), resource: entity("Tool"), context: { id: policyId }, entities: [], preparsedPolicySetId: id });
    return answer.response?.decision === "deny";
  };
};

interface CasbinLike {
  newModelFromString(text: string): unknown;
  newEnforcer(model: unknown): Promise<{ addPolicies(rules: string[][]): Promise<boolean>; enforceSync(...values: string[]): boolean }>;
}

const CASBIN_MODEL = `[request_definition]
r = id
[policy_definition]
p = id, eft
[policy_effect]
e = !some(where (p.eft == deny))
[matchers]
m = regexMatch(r.id, p.id)`;

const openCasbin: OpenEngine = async (patterns) => {
  const casbin = (await load("casbin")) as CasbinLike | undefined;
  if (casbin === undefined) return NOT_INSTALLED;
  const enforcer = await casbin.newEnforcer(casbin.newModelFromString(CASBIN_MODEL));
  // Our patterns as expressions: its own keyMatch knows a star at the end only.
  await enforcer.addPolicies(patterns.map((pattern) => [`^${pattern.replaceAll("*", ".*")}$`, "deny"]));
  return ({ policyId }) => !enforcer.enforceSync(policyId);
};

const NOT_INSTALLED = "not installed";

/** `largest`: beyond it one decision or the building takes seconds. */
export const OTHER_ENGINES: readonly { readonly name: string; readonly largest: number; readonly open: OpenEngine }[] = [
  { name: "linear picomatch", largest: 100_000, open: openPicomatch },
  { name: "@cedar-policy/cedar-wasm, preparsed", largest: 10_000, open: openCedar },
  { name: "casbin, regexMatch", largest: 10_000, open: openCasbin },
];

async function load(name: string): Promise<unknown> {
  try {
    return await import(name);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

/** What a CommonJS package exports. */
function defaultOf(module: unknown): unknown {
  return module !== null && typeof module === "object" && "default" in module ? module.default : module;
}

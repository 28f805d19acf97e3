/** Two documents, policy by policy. What a text alone cannot tell is said as "may": a call has to be judged to know. */
import { isDeepStrictEqual } from "node:util";
import { parseDuration, type DocumentPolicy, type PolicyDocument } from "@countersign/sdk/policy";

export interface DocumentChange {
  readonly kind: "added" | "removed" | "changed";
  /** `default`, `policy <name>`, or a path such as `inspection.pii.input.email`. */
  readonly what: string;
  readonly detail: string;
  /** Why it lets, or may let, something run that did not run before. */
  readonly looser: string | undefined;
}

export function compareDocuments(before: PolicyDocument, after: PolicyDocument): readonly DocumentChange[] {
  return [...compareDefaults(before.default, after.default), ...comparePolicies(before, after), ...compareInspection(before.inspection, after.inspection)];
}

type Default = PolicyDocument["default"];

function compareDefaults(before: Default = "allow", after: Default = "allow"): readonly DocumentChange[] {
  const whole = (written: NonNullable<Default>): unknown => (written === "block" ? { action: "block" } : written);
  if (isDeepStrictEqual(whole(before), whole(after))) return [];
  const never = (written: Default): boolean => typeof written === "object" && written.approval === "never";
  const looser =
    before !== "allow" && after === "allow" ? "calls that no policy is about run" : never(before) && !never(after) ? "calls that no policy is about can run after a yes" : before !== "allow" && after !== "allow" ? "it may be easier to meet what it asks for" : undefined;
  return [{ kind: "changed", what: "default", detail: `${JSON.stringify(before)} → ${JSON.stringify(after)}`, looser }];
}

function comparePolicies(before: PolicyDocument, after: PolicyDocument): readonly DocumentChange[] {
  const [old, young] = [before, after].map(({ policies }) => new Map(policies.map((policy) => [policy.name, policy])));
  const names = new Set([...(old?.keys() ?? []), ...(young?.keys() ?? [])]);
  const lifts = after.default !== undefined && after.default !== "allow";
  return [...names].flatMap((name) => comparePolicy(old?.get(name), young?.get(name), lifts));
}

function comparePolicy(before: DocumentPolicy | undefined, after: DocumentPolicy | undefined, lifts: boolean): readonly DocumentChange[] {
  if (before !== undefined && after !== undefined) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => !isDeepStrictEqual(fieldOf(before, key), fieldOf(after, key)));
    if (keys.length === 0) return [];
    const detail = keys.map((key) => `${key}: ${say(fieldOf(before, key))} → ${say(fieldOf(after, key))}`).join("; ");
    return [{ kind: "changed", what: `policy ${after.name}`, detail, looser: looserPolicy(before, after, keys, lifts) }];
  }
  if (after !== undefined) return [{ kind: "added", what: `policy ${after.name}`, detail: sayPolicy(after), looser: isAllow(after) && lifts ? "it lifts the blocking default for what it matches" : undefined }];
  if (before !== undefined) return [{ kind: "removed", what: `policy ${before.name}`, detail: sayPolicy(before), looser: holdsBack(before) ? `what it ${before.action === "block" ? "blocked" : "throttled"} may run` : undefined }];
  return [];
}

/** A match of one pattern may be written as a list, and `mode: enforce` not at all. */
function fieldOf(policy: DocumentPolicy, key: string): unknown {
  // Keys of a record: those of `policy` itself.
  const value = (policy as unknown as Readonly<Record<string, unknown>>)[key];
  if (key === "mode") return value ?? "enforce";
  return (key === "match" || key === "except") && typeof value === "string" ? [value] : value;
}

function looserPolicy(before: DocumentPolicy, after: DocumentPolicy, keys: readonly string[], lifts: boolean): string | undefined {
  if (isAllow(after) && lifts && (!isAllow(before) || keys.some((key) => ["match", "except", "when"].includes(key)))) return "it may lift the blocking default for more calls";
  if (!holdsBack(before)) return undefined;
  if (!holdsBack(after)) return "it no longer holds anything back";
  if (before.action !== after.action) return before.action === "block" ? "it no longer blocks" : undefined;
  if (keys.includes("when")) return "its condition changed, and may hold for fewer calls";
  if (keys.includes("match") || keys.includes("except")) return "it may hold back fewer calls";
  if (keys.includes("rate") && isFaster(before.rate, after.rate)) return "more calls run in the same time";
  if (!keys.includes("approval")) return undefined;
  return before.approval === "never" ? "what nobody could override can run after a yes" : "it may be easier to meet what it asks for";
}

function isFaster(before: DocumentPolicy["rate"], after: DocumentPolicy["rate"]): boolean {
  if (before === undefined || after === undefined) return true;
  const perMs = (rate: typeof before): number => rate.limit / (parseDuration(rate.per) ?? 1);
  return perMs(after) > perMs(before) || (after.burst ?? after.limit) > (before.burst ?? before.limit) || !isDeepStrictEqual(before.key ?? ["agent"], after.key ?? ["agent"]);
}

function isAllow({ action, mode }: DocumentPolicy): boolean {
  return action === "allow" && mode !== "observe";
}

function holdsBack({ action, mode }: DocumentPolicy): boolean {
  return (action === "block" || action === "throttle") && mode !== "observe";
}

function sayPolicy({ action, match, mode }: DocumentPolicy): string {
  return `${action} ${[match].flat().join(", ")}${mode === "observe" ? " (observed only)" : ""}`;
}

const STRICTNESS = ["allow", "warn", "redact", "block"];

function compareInspection(before: unknown, after: unknown): readonly DocumentChange[] {
  const [old, young] = [leaves(before, "inspection"), leaves(after, "inspection")];
  return [...new Set([...old.keys(), ...young.keys()])].flatMap((what): DocumentChange[] => {
    const [was, is] = [old.get(what), young.get(what)];
    if (was === is) return [];
    const looser = STRICTNESS.indexOf(is ?? "allow") < STRICTNESS.indexOf(was ?? "allow") ? "what was held back or redacted for it may go through" : undefined;
    return [{ kind: was === undefined ? "added" : is === undefined ? "removed" : "changed", what, detail: `${say(was)} → ${say(is)}`, looser }];
  });
}

function leaves(value: unknown, path: string): ReadonlyMap<string, string> {
  if (typeof value === "string") return new Map([[path, value]]);
  if (value === null || typeof value !== "object") return new Map();
  return new Map(Object.entries(value).flatMap(([key, inner]) => [...leaves(inner, `${path}.${key}`)]));
}

function say(value: unknown): string {
  return value === undefined ? "nothing" : typeof value === "string" ? value : JSON.stringify(value);
}

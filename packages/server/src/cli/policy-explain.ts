/** `countersign policy explain FILE …`: the verdict on one call, which policies led to it, and which nearly did. Runs nothing. */
import type { JsonObject } from "@countersign/sdk";
import { parseJson } from "@countersign/sdk/call";
import { sayFault, trialCall, type PolicyDocument, type Verdict } from "@countersign/sdk/policy";
import { explainCall, type Explanation } from "../trial/explain-call.ts";
import type { PolicyMatch } from "../trial/explain-match.ts";
import { loadPolicy, readText } from "./load-policy.ts";
import { printJson, UsageError, type ExitCode, type Format, type Ports } from "./ports.ts";
import { plural, sayRequirement, sayVerdict } from "../trial/verdict-words.ts";

export interface ExplainOptions {
  /** Undefined: a server without a name. */
  readonly server?: string | undefined;
  readonly tool: string;
  /** JSON, or `@file` with JSON in it. Default `{}`. */
  readonly args?: string | undefined;
  readonly agent?: string | undefined;
  readonly user?: string | undefined;
  readonly format: Format;
}

export async function policyExplain(file: string, options: ExplainOptions, ports: Ports): Promise<ExitCode> {
  const args = await readArguments(options.args, ports);
  const document = await loadPolicy(file, ports);
  const explanation = explain(document, { ...options, args });
  if (options.format === "json") printJson(ports, explanation);
  else ports.out(explanationLines(explanation).join("\n"));
  return 0;
}

type Explained = Omit<ExplainOptions, "args" | "format"> & { readonly args: JsonObject };

function explain(document: PolicyDocument, { agent, args, server, tool, user }: Explained): Explanation {
  return explainCall(document, inUsage(() => trialCall({ server, tool, arguments: args, agent: { name: agent }, user })));
}

function inUsage<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(`There can be no such call: ${error.message}.`);
    throw error;
  }
}

async function readArguments(given: string | undefined, ports: Ports): Promise<JsonObject> {
  if (given === undefined) return {};
  const text = given.startsWith("@") ? await readText(given.slice(1), ports) : given;
  const named = given.startsWith("@") ? given.slice(1) : "--args";
  try {
    const value = parseJson(text);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return value as JsonObject; // the only object that is no list
  } catch {
    // The parser's message quotes the text, which may hold a secret.
    throw new UsageError(`${named}: is not JSON. Write an object such as '{"path": "/tmp/a"}', or @file.`);
  }
  throw new UsageError(`${named}: must be a JSON object such as '{"path": "/tmp/a"}', or @file.`);
}

function explanationLines({ matched, nearMisses, observed, others, policyId, verdict }: Explanation): readonly string[] {
  const lines = [policyId, `  ${sayVerdict(verdict)}`];
  if (verdict.reason !== "") lines.push(`  reason: ${verdict.reason}`);
  lines.push(...section("Matched", matched.map((match) => `${sayMatch(match)}${verdict.decisive.includes(match.name) ? "; it decides" : ""}`), "no policy; the default decides"));
  if (verdict.requirements.length > 0) lines.push(...section("Needs", verdict.requirements.map((one) => `${one.policy}: ${sayRequirement(one)}`)));
  if (verdict.would !== undefined) {
    lines.push(...section(`Observed only; enforced, the action would be ${verdict.would.action}`, observed.map(sayMatch)));
  }
  if (verdict.faults.length > 0) lines.push(...section("Conditions without an answer, which count as the stricter side", verdict.faults.map(sayFault)));
  lines.push(...more(verdict));
  if (nearMisses.length > 0) lines.push(...section("Did not match", nearMisses.map(({ action, name, why }) => `${name} (${action}): ${why}`)));
  if (others > 0) lines.push(`${plural(others, "other policy").replace(/policys$/, "policies")}: about something else`);
  return lines;
}

function section(title: string, items: readonly string[], nothing = "nothing"): readonly string[] {
  return [`${title}:`, ...(items.length === 0 ? [nothing] : items).map((item) => `  ${item}`)];
}

function sayMatch({ action, lookAlike, name, patterns }: PolicyMatch): string {
  return `${name} (${action}), by ${patterns.join(" and ")}${lookAlike ? ", because the tool's name is a look-alike" : ""}`;
}

const SAID: ReadonlySet<string> = new Set(
  ["action", "reason", "askable", "policyResult", "requirements", "policies", "decisive", "rateLimited", "retryAfterMs", "confusable", "faults", "would"],
);

/** What else the engine says, such as conditions that could not be evaluated. */
function more(verdict: Verdict): readonly string[] {
  const rest = Object.entries(verdict).filter(([key, value]) => !SAID.has(key) && value !== undefined && !(Array.isArray(value) && value.length === 0));
  return rest.flatMap(([key, value]) => [`${key}:`, ...(Array.isArray(value) ? value : [value]).map((item) => `  ${sayItem(item)}`)]);
}

function sayItem(item: unknown): string {
  if (typeof item === "string") return item;
  if (item === null || typeof item !== "object") return String(item);
  return Object.entries(item)
    .map(([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}

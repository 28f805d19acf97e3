/**
 * Findings about conditions: those that are settled whatever the call is, and, where a tool's input schema is known, what they
 * read without asking, what the tool does not take, and what its types exclude. Called by lint.ts.
 */
import type { ASTNode } from "@marcbachmann/cel-js";
import { argumentAt } from "./argument-schema.ts";
import { typeArguments } from "./argument-types.ts";
import { parseCondition } from "./condition/condition.ts";
import { neverIs, type Conflict } from "./condition/conflict.ts";
import { truthFor } from "./condition/fold.ts";
import { createEnvironment } from "./condition/language.ts";
import { partsOf } from "./condition/parts.ts";
import { readPaths, type ReadPath } from "./condition/read-paths.ts";
import type { LintCode, LintFacts, LintFinding, LintTool } from "./lint.ts";
import type { ReadPolicy } from "./lint-cover.ts";
import { nearest } from "./nearest.ts";
import { matchesGlob } from "./pattern.ts";

export function lintConditions(policies: readonly ReadPolicy[], facts: LintFacts): LintFinding[] {
  return policies.flatMap((policy) => {
    const source = policy.written.when;
    const node = source === undefined ? undefined : parseCondition(source);
    if (source === undefined || node === undefined || "message" in node) return [];
    const truth = lintTruth(policy, node);
    return truth === undefined ? lintArguments(policy, source, node, facts) : [truth];
  });
}

function lintTruth(policy: ReadPolicy, node: ASTNode): LintFinding | undefined {
  const noTruth = neverIs(node, true);
  if (noTruth !== undefined) return found(policy, "never_true", noTruth.offset, `can never be true${because(noTruth)}.`, "Correct the condition, or remove the policy.");
  const noFalsehood = neverIs(node, false);
  if (noFalsehood === undefined) return undefined;
  return found(policy, "always_true", noFalsehood.offset, `is never false${because(noFalsehood)}.`, "Correct the condition, or remove `when` if every call is meant.");
}

function because({ why }: Conflict): string {
  return why === undefined ? ", whatever the call is" : `: ${why}`;
}

function found({ at, written: { name } }: ReadPolicy, code: LintCode, offset: number, what: string, mend: string): LintFinding {
  return { code, policy: name, path: `policies.${at}.when`, offset, message: `policies[${at}] (${name}): its condition ${what}`, mend };
}

/** A tool that the policy is about. */
interface AboutTool {
  readonly server: string;
  readonly tool: LintTool;
}

function lintArguments(policy: ReadPolicy, source: string, node: ASTNode, facts: LintFacts): LintFinding[] {
  const tools = toolsOf(policy, facts);
  const about = tools.filter(({ tool }) => tool.inputSchema !== undefined);
  const all = readPaths(node);
  const read = about.map((one) => ({ ...one, ...readPaths(node, (part) => truthFor(part, { server: one.server, tool: one.tool.name })) }));
  const findings: LintFinding[] = [];
  const unknown = new Set<string>();
  for (const mention of about.length === tools.length && isAllKnown(policy, facts) ? all.mentions : []) {
    const slip = unknownArgument(policy, mention, read);
    if (slip === undefined) continue;
    unknown.add(mention.path.join("."));
    findings.push(slip);
  }
  for (const mention of all.unguarded) {
    const key = mention.path.join(".");
    if ([...unknown].some((path) => key === path || key.startsWith(`${path}.`))) continue;
    const without = read.filter(({ tool, unguarded }) => argumentAt(tool.inputSchema, mention.path)?.required === false && unguarded.some(({ path }) => path.join(".") === key));
    if (without.length > 0) findings.push(optionalArgument(policy, mention, without));
  }
  const mistyped = new Map<string, { readonly offset: number; readonly said: readonly string[]; readonly about: AboutTool[]; readonly message: string }>();
  for (const one of read) {
    const problem = typeProblem(source, node, one.tool, all.mentions, one.mentions);
    if (problem === undefined) continue;
    const same = mistyped.get(JSON.stringify(problem));
    if (same === undefined) mistyped.set(JSON.stringify(problem), { ...problem, about: [one] });
    else same.about.push(one);
  }
  for (const { about: same, message, offset, said } of mistyped.values()) {
    findings.push(found(policy, "argument_type", offset, `does not fit the input schema of ${sayTools(same)}: ${message}.`, `There ${said.join(", ")}.`));
  }
  return findings;
}

function toolsOf({ except, match }: ReadPolicy, { tools = {} }: LintFacts): readonly AboutTool[] {
  return Object.entries(tools).flatMap(([server, list]) =>
    list
      .filter(({ name }) => {
        const isNamed = (patterns: ReadPolicy["match"]): boolean => patterns.some((pattern) => matchesGlob(pattern.server, server) && matchesGlob(pattern.tool, name));
        return isNamed(match) && !isNamed(except);
      })
      .map((tool) => ({ server, tool })),
  );
}

/** Whether every server that the policy can be about is one whose tools are known. */
function isAllKnown({ match }: ReadPolicy, { servers, tools = {} }: LintFacts): boolean {
  const isKnown = (name: string): boolean => Object.hasOwn(tools, name);
  return match.every(({ server }) => {
    const [literal = ""] = server.pieces;
    if (server.pieces.length === 1) return isKnown(literal);
    return servers !== undefined && servers.filter((name) => matchesGlob(server, name)).every(isKnown);
  });
}

interface ReadTool extends AboutTool {
  readonly mentions: readonly ReadPath[];
}

/** A path that no tool takes of those for which it is read. */
function unknownArgument(policy: ReadPolicy, { offset, path, text }: ReadPath, read: readonly ReadTool[]): LintFinding | undefined {
  const key = path.join(".");
  const readers = read.filter(({ mentions }) => mentions.some((one) => one.path.join(".") === key));
  const declared = readers.map(({ tool }) => argumentAt(tool.inputSchema, path));
  if (declared.length === 0 || declared.some((one) => one === undefined || one.declared)) return undefined;
  const near = nearest(path.at(-1) ?? "", [...new Set(declared.flatMap((one) => one?.siblings ?? []))]);
  const mend = near === undefined ? "Correct the name, or remove the comparison." : `Did you mean ${["args", ...path.slice(0, -1), near].join(".")}?`;
  return found(policy, "unknown_argument", offset, `reads ${text}, which ${sayTools(readers)} ${readers.length === 1 ? "does" : "do"} not take.`, mend);
}

function optionalArgument(policy: ReadPolicy, { offset, text }: ReadPath, without: readonly AboutTool[]): LintFinding {
  const side = policy.written.action === "allow" || !policy.enforced ? "does not match" : "matches";
  const [, map, key] = /^(.*)\[("[^"]*"|'[^']*')\]$/s.exec(text) ?? [];
  const asked = map === undefined ? `has(${text})` : `${key} in ${map}`;
  const what = `reads ${text} without asking whether it is there, and calls of ${sayTools(without)} need not have it. The condition has no answer then, and the policy ${side}.`;
  return found(policy, "optional_argument", offset, what, `Write \`${asked} && …\`, or \`!(${asked}) || …\` where calls without it are meant too.`);
}

/** What the type check says with the types of one tool; undefined where it has nothing to say. */
function typeProblem(source: string, node: ASTNode, { inputSchema }: LintTool, mentions: readonly ReadPath[], live: readonly ReadPath[]): { readonly message: string; readonly offset: number; readonly said: readonly string[] } | undefined {
  if (inputSchema === undefined || asksByName(node)) return undefined;
  const typed = typeArguments(inputSchema, mentions, live);
  const checked = typed === undefined ? undefined : parseCondition(source, createEnvironment(typed));
  if (typed === undefined || checked === undefined || !("message" in checked) || !MISMATCH.test(checked.message)) return undefined;
  return { message: checked.message.replaceAll(/\bdouble\b/g, "number"), offset: checked.offset, said: typed.said };
}

/** Other refusals come of how types are declared to the checker, and not of what the author wrote. */
const MISMATCH = /^(?:no such overload: (?!.*(?:\[|Arguments\d))|found no matching overload for (?!.*Arguments\d)|Logical operator requires|Ternary condition must be bool|Cannot index type .(?:double|string|bool).|must be true or false)/;

/** Maps are declared field by field, and cannot be asked by key then. */
function asksByName(node: ASTNode): boolean {
  return (node.op === "[]" && node.args[1].op === "value" && typeof node.args[1].args === "string") || node.op === "in" && node.args[1].op !== "list" || partsOf(node).some(asksByName);
}

const SHOWN = 3;

function sayTools(tools: readonly AboutTool[]): string {
  const named = tools.slice(0, SHOWN).map(({ server, tool }) => `${tool.name} (${server})`);
  return tools.length > SHOWN ? `${named.join(", ")} and ${tools.length - SHOWN} more tools` : named.join(" and ");
}

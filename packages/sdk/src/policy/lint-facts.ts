/** Findings that need more than the document: who can approve, which servers there are, which tools they list. Called by lint.ts. */
import type { ApprovalTerms, PolicyDocument } from "./document.ts";
import type { LintCode, LintFacts, LintFinding } from "./lint.ts";
import type { ReadPolicy } from "./lint-cover.ts";
import { nearest } from "./nearest.ts";
import { matchesGlob, type Glob } from "./pattern.ts";

export function lintFacts(document: PolicyDocument, policies: readonly ReadPolicy[], facts: LintFacts): LintFinding[] {
  const byDefault = typeof document.default === "object" ? lintApproval(document.default.approval, { policy: null, path: "default", words: "default" }, facts) : [];
  const servers = serversOf(facts);
  const mayBeOthers = facts.servers === undefined;
  const ofPolicies = policies.flatMap((policy) => {
    const place = { policy: policy.written.name, path: `policies.${policy.at}`, words: `policies[${policy.at}] (${policy.written.name})` };
    const known = servers === undefined ? [] : [...lintPatterns(policy, "match", place, servers, mayBeOthers), ...lintPatterns(policy, "except", place, servers, mayBeOthers)];
    return [...lintApproval(policy.written.approval, place, facts), ...known];
  });
  return [...byDefault, ...ofPolicies];
}

interface Place {
  readonly policy: string | null;
  readonly path: string;
  readonly words: string;
}

function found({ policy, path, words }: Place, code: LintCode, below: string, what: string, mend: string): LintFinding {
  return { code, policy, path: `${path}.${below}`, message: `${words}: ${what}`, mend };
}

function lintApproval(approval: "never" | ApprovalTerms | undefined, place: Place, { approvers: known }: LintFacts): LintFinding[] {
  if (approval === undefined || approval === "never") return [];
  const listed = approval.approvers ?? [];
  const named = [
    ...listed.map((name, at) => ({ name, path: `approval.approvers.${at}` })),
    ...(approval.escalate ?? []).flatMap(({ to }, step) => to.map((name, at) => ({ name, path: `approval.escalate.${step}.to.${at}` }))),
  ];
  const unknown = known === undefined ? [] : named.filter(({ name }) => !known.includes(name));
  const findings = unknown.map(({ name, path }) => found(place, "unknown_approver", path, `${JSON.stringify(name)} is nobody who is known, and adds nobody.`, meant(name, known ?? [], "Name a person or a `group:` that exists.")));
  if (listed.length > 0 && unknown.length === named.length) {
    findings.push(found(place, "unmeetable", "approval.approvers", "nobody it names is known, so what it asks for expires unanswered.", "Name at least one person or `group:` that exists."));
  }
  // A group can be of any size; a person votes once.
  const people = new Set(named.map(({ name }) => name));
  const { quorum = 1 } = approval;
  if (listed.length > 0 && quorum > people.size && ![...people].some((name) => name.startsWith("group:"))) {
    findings.push(found(place, "unmeetable", "approval.quorum", `asks for ${quorum} votes and names ${people.size} ${people.size === 1 ? "person" : "people"}, so it expires unanswered.`, "Lower the quorum, or name more people or a `group:`."));
  }
  return findings;
}

/** Known servers with their tools; undefined for a server whose tools are not known. */
type Servers = ReadonlyMap<string, ReadonlySet<string> | undefined>;

function serversOf({ servers, tools }: LintFacts): Servers | undefined {
  if (servers === undefined && tools === undefined) return undefined;
  const known = new Map<string, ReadonlySet<string> | undefined>((servers ?? []).map((name) => [name, undefined]));
  for (const [name, list] of Object.entries(tools ?? {})) known.set(name, new Set(list.map((tool) => tool.name)));
  return known;
}

function lintPatterns(policy: ReadPolicy, key: "match" | "except", place: Place, servers: Servers, mayBeOthers: boolean): LintFinding[] {
  return policy[key].flatMap((pattern, at) => {
    const said = JSON.stringify(pattern.text);
    const [server] = pattern.server.pieces;
    if (pattern.server.pieces.length === 1 && server === "") return []; // servers without a name list what they like
    const below = typeof policy.written[key] === "string" ? key : `${key}.${at}`;
    const about = [...servers].filter(([name]) => matchesGlob(pattern.server, name));
    if (mayBeOthers && (about.length === 0 || pattern.server.pieces.length > 1)) return [];
    if (about.length === 0) {
      return [found(place, "unknown_server", below, `${said} is about no server that is known.`, meant(literal(pattern.server), [...servers.keys()], "Correct the server's name, or remove the pattern."))];
    }
    const tools = about.map(([, list]) => list);
    if (tools.some((list) => list === undefined || listsTool(list, pattern.tool))) return [];
    const names = [...new Set(tools.flatMap((list) => [...(list ?? [])]))];
    const where = about.length === 1 ? `the server ${about[0]?.[0]}` : `the ${about.length} servers it is about`;
    return [found(place, "unknown_tool", below, `${said} matches no tool that ${where} ${about.length === 1 ? "lists" : "list"}.`, meant(literal(pattern.tool), names, "Correct the tool's name, or remove the pattern."))];
  });
}

function listsTool(tools: ReadonlySet<string>, glob: Glob): boolean {
  const name = literal(glob);
  if (name !== undefined) return tools.has(name);
  for (const tool of tools) if (matchesGlob(glob, tool)) return true;
  return false;
}

/** The text of a glob without stars. */
function literal({ pieces }: Glob): string | undefined {
  return pieces.length === 1 ? pieces[0] : undefined;
}

function meant(written: string | undefined, known: readonly string[], otherwise: string): string {
  const near = written === undefined ? undefined : nearest(written, known);
  return near === undefined ? otherwise : `Did you mean ${JSON.stringify(near)}?`;
}

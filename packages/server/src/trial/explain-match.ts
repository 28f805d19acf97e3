/**
 * Why a policy is or is not about a call, segment by segment. Which policies match is said by the engine, never here:
 * this only finds words for it, so it can be incomplete and never wrong about the verdict.
 */
import { foldName, matchesGlob, nearest, parsePattern, type DocumentPolicy, type Match, type Pattern } from "@countersign/sdk/policy";

export interface PolicyMatch {
  readonly name: string;
  readonly action: DocumentPolicy["action"];
  readonly observe: boolean;
  /** Its patterns that match. */
  readonly patterns: readonly string[];
  /** It matches only because the tool's name looks like one that it names. */
  readonly lookAlike: boolean;
}

export interface NearMiss {
  readonly name: string;
  readonly action: DocumentPolicy["action"];
  /** Plain words, without a full stop. */
  readonly why: string;
}

export function matchOf(policy: DocumentPolicy, server: string | undefined, tool: string, match: Match): PolicyMatch {
  const patterns = parsed(policy.match);
  const restricts = policy.action === "block" || policy.action === "throttle";
  const serverFits = (pattern: Pattern): boolean => fitsServer(pattern, server) || (server === undefined && restricts);
  const exact = patterns.filter((pattern) => serverFits(pattern) && matchesGlob(pattern.tool, tool));
  const found = exact.length > 0 ? exact : patterns.filter(serverFits);
  return {
    name: policy.name,
    action: policy.action,
    observe: policy.mode === "observe",
    patterns: found.map(({ text }) => text),
    lookAlike: match.alike.some(({ name }) => name === policy.name),
  };
}

/** Why a policy that is not in the match is not; undefined where it is about something else altogether. */
export function nearMissOf(policy: DocumentPolicy, server: string | undefined, tool: string): NearMiss | undefined {
  const why = whyNot(policy, server, tool);
  return why === undefined ? undefined : { name: policy.name, action: policy.action, why };
}

function whyNot(policy: DocumentPolicy, server: string | undefined, tool: string): string | undefined {
  const patterns = parsed(policy.match);
  if (patterns.some((pattern) => matchesGlob(pattern.tool, tool) && (fitsServer(pattern, server) || server === undefined && policy.action !== "allow" && policy.action !== "warn"))) {
    const except = parsed(policy.except).find((pattern) => matchesGlob(pattern.tool, tool));
    return except === undefined ? "it is about this call by name and does not take part" : `its \`except\` ${except.text} leaves this call out`;
  }
  const byTool = patterns.find((pattern) => matchesGlob(pattern.tool, tool));
  if (byTool !== undefined) {
    if (server === undefined) return `its pattern ${byTool.text} names a server, and the call's server has no name; ${policy.action} policies then match only where the server is * or empty`;
    return `its pattern ${byTool.text} is for the server ${quoted(segments(byTool).server)}, and the call's server is ${quoted(server)}`;
  }
  const byServer = patterns.filter((pattern) => fitsServer(pattern, server) && segments(pattern).server !== "*");
  const alike = patterns.find((pattern) => foldName(segments(pattern).tool) === foldName(tool) && fitsServer(pattern, server));
  if (alike !== undefined) return `its pattern ${alike.text} only looks like ${quoted(tool)}; ${policy.action} policies need the exact name`;
  const first = byServer[0] ?? patterns.find((pattern) => fitsServer(pattern, server) && nearest(tool, [segments(pattern).tool]) !== undefined);
  if (first === undefined) return undefined;
  const near = nearest(tool, byServer.map((pattern) => segments(pattern).tool));
  const meant = near === undefined ? first : (byServer.find((pattern) => segments(pattern).tool === near) ?? first);
  return `its pattern ${meant.text} is for the tool ${quoted(segments(meant).tool)}, and the call's tool is ${quoted(tool)}`;
}

function fitsServer({ server: glob, text }: Pattern, server: string | undefined): boolean {
  if (server !== undefined) return matchesGlob(glob, server);
  const { server: written } = segments({ text });
  return written === "" || /^\*+$/.test(written);
}

function parsed(patterns: string | readonly string[] | undefined): readonly Pattern[] {
  const list = patterns === undefined ? [] : typeof patterns === "string" ? [patterns] : patterns;
  return list.map(parsePattern).filter((pattern) => typeof pattern !== "string");
}

/** Server and tool of a pattern as they are written. */
function segments({ text }: Pick<Pattern, "text">): { readonly server: string; readonly tool: string } {
  const second = text.indexOf(":", 4);
  return { server: text.slice(4, second), tool: text.slice(second + 1) };
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

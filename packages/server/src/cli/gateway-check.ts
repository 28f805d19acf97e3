/**
 * `countersign gateway check FILE…`: reads documents as a gateway would, with the policy files they name, and says every problem with its
 * place and its mend. Starts nothing and reaches nobody.
 */
import { PolicyDocumentError, type PolicyProblem } from "@countersign/sdk";
import { lintDocument, matchesGlob, parsePattern, placesOf, type PolicyDocument } from "@countersign/sdk/policy";
import type { GatewayConfig } from "../config/gateway-config.ts";
import { GatewayDocumentError, readGatewayDocument } from "../config/read-gateway-document.ts";
import { plural } from "../trial/verdict-words.ts";
import { loadPolicy, readText } from "./load-policy.ts";
import { printJson, UsageError, type ExitCode, type Format } from "./ports.ts";
import type { UpPorts } from "./up.ts";

export interface GatewayCheckOptions {
  readonly format: Format;
  /** Warnings fail too. */
  readonly strict: boolean;
}

interface Finding extends PolicyProblem {
  readonly file: string;
  readonly severity: "error" | "warning";
}

export async function gatewayCheck(files: readonly string[], { format, strict }: GatewayCheckOptions, ports: UpPorts): Promise<ExitCode> {
  let ok = true;
  const all = [];
  for (const file of files) {
    const { config, findings } = await check(file, ports);
    const errors = findings.filter(({ severity }) => severity === "error").length;
    ok &&= errors === 0 && (!strict || findings.length === 0);
    all.push({ file, servers: [...(config?.servers.keys() ?? [])], findings });
    if (format === "json") continue;
    for (const { file: where, line, column, severity, message, mend } of findings) ports.err(`${where}:${line}:${column}: ${severity === "warning" ? "warning: " : ""}${message}${mend === undefined ? "" : ` ${mend}`}`);
    if (config !== undefined && errors === 0) ports.out(`${file}: ${plural(config.servers.size, "server")}${findings.length === 0 ? ", all fine." : `, ${plural(findings.length, "warning")}.`}`);
  }
  if (format === "json") printJson(ports, { ok, files: all });
  return ok ? 0 : 1;
}

async function check(file: string, ports: UpPorts): Promise<{ readonly config: GatewayConfig | undefined; readonly findings: readonly Finding[] }> {
  try {
    const config = readGatewayDocument(await readText(file, ports), file, ports.env);
    return { config, findings: await checkPolicies(config, file, ports) };
  } catch (error) {
    if (!(error instanceof GatewayDocumentError)) throw error;
    return { config: undefined, findings: error.problems.map((problem) => ({ ...problem, file, severity: "error" })) };
  }
}

async function checkPolicies({ servers }: GatewayConfig, file: string, ports: UpPorts): Promise<readonly Finding[]> {
  const users = new Map<string, string[]>();
  for (const { name, policies } of servers.values()) if (policies !== undefined) users.set(policies, [...(users.get(policies) ?? []), name]);
  const findings: Finding[] = [];
  for (const [path, names] of users) {
    try {
      const document = await loadPolicy(path, ports);
      findings.push(...lintDocument(document).map(({ line = 1, column = 1, message, mend }) => ({ file: path, line, column, message, mend, severity: "warning" as const })));
      findings.push(...strangersIn(document, path, names));
    } catch (error) {
      if (error instanceof PolicyDocumentError) findings.push(...error.problems.map((problem) => ({ ...problem, file: path, severity: "error" as const })));
      else if (error instanceof UsageError) findings.push({ file, line: 1, column: 1, message: error.message, severity: "error" });
      else throw error;
    }
  }
  return findings;
}

/** Policies about servers whose calls this file never sees: they hold nothing back, and look as if they did. */
function strangersIn(document: PolicyDocument, file: string, servers: readonly string[]): readonly Finding[] {
  return document.policies.flatMap(({ name, match }, index) => {
    const patterns = [match].flat().map(parsePattern);
    if (patterns.some((pattern) => typeof pattern === "string" || servers.some((server) => matchesGlob(pattern.server, server)))) return [];
    const { line = 1, column = 1 } = placesOf(document)?.at(["policies", index, "match"]) ?? {};
    const mend = `Only calls of ${servers.join(", ")} are judged by this file. Correct the name of the server, or move the policy.`;
    return [{ file, line, column, message: `${JSON.stringify(name)} can never match.`, mend, severity: "warning" as const }];
  });
}

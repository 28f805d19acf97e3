/**
 * `countersign policy check FILE… [-- COMMAND…]`: loads documents as the SDK would, and says every problem with its place and its
 * mend. Of documents that load it says what is probably not meant; with a server to ask, also what does not fit its tools.
 */
import { PolicyDocumentError, type PolicyProblem } from "@countersign/sdk";
import { lintDocument, type LintFacts, type LintFinding } from "@countersign/sdk/policy";
import { loadPolicy, readText } from "./load-policy.ts";
import type { ReadTools } from "./policy-init.ts";
import { printJson, UsageError, type ExitCode, type Format, type Ports } from "./ports.ts";
import { serverNameOf } from "./server-name.ts";
import { plural } from "../trial/verdict-words.ts";

export interface CheckOptions {
  readonly format: Format;
  /** Warnings fail too. */
  readonly strict?: boolean | undefined;
  /** Everyone who can be named as approver, separated by commas, or `@file` with one a line. */
  readonly approvers?: string | undefined;
  /** Name of the server that is asked for its tools. Default: from the command. */
  readonly server?: string | undefined;
}

interface Checked {
  readonly file: string;
  readonly ok: boolean;
  /** How many policies it has; 0 where it cannot be loaded. */
  readonly policies: number;
  readonly problems: readonly PolicyProblem[];
  readonly warnings: readonly LintFinding[];
}

/** `command` starts the server that is asked for its tools; empty: none is. */
export async function policyCheck(files: readonly string[], command: readonly string[], options: CheckOptions, ports: Ports, readTools: ReadTools): Promise<ExitCode> {
  if (files.length === 0) throw new UsageError("Name at least one policy file.");
  if (options.server !== undefined && command.length === 0) throw new UsageError("--server: names the server that is started by the command after --, and there is none.");
  const facts = await gatherFacts(command, options, ports, readTools);
  const checked: Checked[] = [];
  for (const file of files) checked.push(await check(file, facts, ports));
  const ok = checked.every((one) => one.ok && (options.strict !== true || one.warnings.length === 0));
  if (options.format === "json") printJson(ports, { ok, files: checked });
  else for (const one of checked) print(one, ports);
  return ok ? 0 : 1;
}

async function gatherFacts(command: readonly string[], { approvers, server }: CheckOptions, ports: Ports, readTools: ReadTools): Promise<LintFacts> {
  const [program, ...args] = command;
  const tools = program === undefined ? {} : { tools: { [server ?? serverNameOf(command)]: await readTools(program, args) } };
  return approvers === undefined ? tools : { ...tools, approvers: await readApprovers(approvers, ports) };
}

async function readApprovers(given: string, ports: Ports): Promise<readonly string[]> {
  const names = given.startsWith("@") ? (await readText(given.slice(1), ports)).split("\n") : given.split(",");
  return names.map((name) => name.trim()).filter((name) => name !== "");
}

async function check(file: string, facts: LintFacts, ports: Ports): Promise<Checked> {
  try {
    const document = await loadPolicy(file, ports);
    return { file, ok: true, policies: document.policies.length, problems: [], warnings: lintDocument(document, facts) };
  } catch (error) {
    if (!(error instanceof PolicyDocumentError)) throw error;
    return { file, ok: false, policies: 0, problems: error.problems, warnings: [] };
  }
}

function print({ file, ok, policies, problems, warnings }: Checked, { err, out }: Ports): void {
  for (const { column, line, mend, message } of problems) err(`${file}:${line}:${column}: ${message}${mend === undefined ? "" : ` ${mend}`}`);
  for (const { code, column = 1, line = 1, mend, message } of warnings) err(`${file}:${line}:${column}: warning: ${message} ${mend} [${code}]`);
  if (!ok) return;
  const count = policies === 1 ? "1 policy" : `${policies} policies`;
  out(warnings.length > 0 ? `${file}: ${count}, ${plural(warnings.length, "warning")}.` : `${file}: ${count} ${policies === 1 ? "is" : "are"} fine.`);
}

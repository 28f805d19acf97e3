/** `countersign policy test FILE [CASES…]`: runs cases, which say what the document wants of a call, and shows what differs. */
import { PolicyDocumentError } from "@countersign/sdk";
import { readPolicyCases, runPolicyCase, type CaseDifference, type PolicyCase, type PolicyDocument } from "@countersign/sdk/policy";
import { junitXml, type CaseResult, type SuiteResult } from "./junit.ts";
import { loadPolicy, readText, whyNot } from "./load-policy.ts";
import { UsageError, type ExitCode, type Ports } from "./ports.ts";
import { plural } from "../trial/verdict-words.ts";

export interface TestOptions {
  /** Where to write JUnit XML; replaced where it exists. */
  readonly junit?: string | undefined;
}

/** Without files of cases: the one beside the document, `countersign.policy.yaml` → `countersign.policy.cases.yaml`. */
export async function policyTest(file: string, caseFiles: readonly string[], { junit }: TestOptions, ports: Ports): Promise<ExitCode> {
  const document = await loadPolicy(file, ports);
  const suites: SuiteResult[] = [];
  for (const cases of caseFiles.length === 0 ? [casesBeside(file)] : caseFiles) suites.push(await runSuite(cases, document, ports));
  if (junit !== undefined) await writeReport(junit, suites, ports);
  return print(suites, ports);
}

function casesBeside(file: string): string {
  return `${file.replace(/\.(?:ya?ml|json)$/, "")}.cases.yaml`;
}

async function runSuite(file: string, document: PolicyDocument, ports: Ports): Promise<SuiteResult> {
  const cases = readPolicyCases(await readText(file, ports), file);
  if (cases.length === 0) throw new UsageError(`${file}:1:1: there are no cases in it. Write at least one.`);
  return { file, cases: cases.map((one) => ({ name: one.case, line: one.line, failure: failureOf(one, document) })) };
}

function failureOf(one: PolicyCase, document: PolicyDocument): string | undefined {
  try {
    const differences = runPolicyCase(one, document);
    return differences.length === 0 ? undefined : differences.map(sayDifference).join("\n");
  } catch (error) {
    if (error instanceof PolicyDocumentError) return `the case's own policies cannot be loaded:\n${error.problems.map(({ mend = "", message }) => `${message} ${mend}`.trim()).join("\n")}`;
    if (error instanceof TypeError) return `the case cannot be run: ${error.message}`;
    throw error;
  }
}

function sayDifference({ got, path, wanted }: CaseDifference): string {
  return `${path}\n  - wanted  ${say(wanted)}\n  + got     ${say(got)}`;
}

function say(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}

async function writeReport(path: string, suites: readonly SuiteResult[], ports: Ports): Promise<void> {
  try {
    await ports.writeFile(path, junitXml(suites), { replace: true });
  } catch (cause) {
    throw new UsageError(`${path}: cannot be written: ${whyNot(cause)}`);
  }
}

function print(suites: readonly SuiteResult[], { out }: Ports): ExitCode {
  const isFailed = ({ failure }: CaseResult): boolean => failure !== undefined;
  for (const { cases, file } of suites) {
    const failed = cases.filter(isFailed);
    out(`${file}: ${cases.length - failed.length} of ${plural(cases.length, "case")} passed`);
    for (const { failure = "", line, name } of failed) out(`  FAILED ${file}:${line}: ${name}\n${indent(failure)}`);
  }
  return suites.some(({ cases }) => cases.some(isFailed)) ? 1 : 0;
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "    ");
}

/** `countersign policy check FILE…`: loads documents as the SDK would, and says every problem with its place and its mend. */
import { PolicyDocumentError, type PolicyProblem } from "@countersign/sdk";
import { loadPolicy } from "./load-policy.ts";
import { printJson, UsageError, type ExitCode, type Format, type Ports } from "./ports.ts";

export interface CheckOptions {
  readonly format: Format;
}

interface Checked {
  readonly file: string;
  readonly ok: boolean;
  /** How many policies it has; 0 where it cannot be loaded. */
  readonly policies: number;
  readonly problems: readonly PolicyProblem[];
}

export async function policyCheck(files: readonly string[], options: CheckOptions, ports: Ports): Promise<ExitCode> {
  if (files.length === 0) throw new UsageError("Name at least one policy file.");
  const checked: Checked[] = [];
  for (const file of files) checked.push(await check(file, ports));
  const ok = checked.every((one) => one.ok);
  if (options.format === "json") printJson(ports, { ok, files: checked });
  else for (const one of checked) print(one, ports);
  return ok ? 0 : 1;
}

async function check(file: string, ports: Ports): Promise<Checked> {
  try {
    const { policies } = await loadPolicy(file, ports);
    return { file, ok: true, policies: policies.length, problems: [] };
  } catch (error) {
    if (!(error instanceof PolicyDocumentError)) throw error;
    return { file, ok: false, policies: 0, problems: error.problems };
  }
}

function print({ file, ok, policies, problems }: Checked, { err, out }: Ports): void {
  for (const { column, line, mend, message } of problems) err(`${file}:${line}:${column}: ${message}${mend === undefined ? "" : ` ${mend}`}`);
  if (ok) out(`${file}: ${policies === 1 ? "1 policy is" : `${policies} policies are`} fine.`);
}

/**
 * `countersign doctor`: what is unsafe in this installation, as the control plane sees it and as this machine shows it. Demonstrates
 * a hole rather than hiding it. Ends with 1 where something is dangerous.
 */
import { people as wire } from "@countersign/sdk/wire";
import { diagnoseFiles } from "../control/installation/diagnose-files.ts";
import type { ControlClient } from "./control-client.ts";
import { printJson, type ExitCode, type Format, type Ports } from "./ports.ts";

type Diagnosis = wire.Diagnosis;

const SIGNS: Readonly<Record<Diagnosis["severity"], string>> = { danger: "DANGER ", warning: "warning", note: "note   " };

export async function doctor(client: ControlClient, directory: string | undefined, format: Format, ports: Ports): Promise<ExitCode> {
  const { diagnoses } = wire.installation.parse(await client.request("GET", "/v1/installation"));
  const all = [...diagnoses, ...(directory === undefined ? [] : diagnoseFiles(directory))];
  const dangerous = all.some(({ severity }) => severity === "danger");
  if (format === "json") printJson(ports, { ok: !dangerous, diagnoses: all });
  else if (all.length === 0) ports.out(`${client.url}: nothing unsafe was found.`);
  else for (const { severity, code, message, mend } of all) ports.out(`${SIGNS[severity]} ${code}: ${message}\n        ${mend}`);
  return dangerous ? 1 : 0;
}

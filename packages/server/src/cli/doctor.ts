/**
 * `countersign doctor`: what is unsafe in this installation, as the control plane sees it and as this machine shows it. Demonstrates
 * a hole rather than hiding it. Ends with 1 where something is dangerous.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { people as wire } from "@countersign/sdk/wire";
import type { ControlClient } from "./control-client.ts";
import { printJson, type ExitCode, type Format, type Ports } from "./ports.ts";

type Diagnosis = wire.Diagnosis;

const PRIVATE_FILES = ["countersign.db", "countersign.db-wal", "master.key", "operator.secret", "control.json", "installation.key"] as const;
const SIGNS: Readonly<Record<Diagnosis["severity"], string>> = { danger: "DANGER ", warning: "warning", note: "note   " };

export async function doctor(client: ControlClient, directory: string | undefined, format: Format, ports: Ports): Promise<ExitCode> {
  const { diagnoses } = wire.installation.parse(await client.request("GET", "/v1/installation"));
  const all = [...diagnoses, ...(directory === undefined ? [] : ofFiles(directory))];
  const dangerous = all.some(({ severity }) => severity === "danger");
  if (format === "json") printJson(ports, { ok: !dangerous, diagnoses: all });
  else if (all.length === 0) ports.out(`${client.url}: nothing unsafe was found.`);
  else for (const { severity, code, message, mend } of all) ports.out(`${SIGNS[severity]} ${code}: ${message}\n        ${mend}`);
  return dangerous ? 1 : 0;
}

function ofFiles(directory: string): Diagnosis[] {
  if (process.platform === "win32") return []; // no mode bits; the profile directory is the user's own
  const found: Diagnosis[] = [];
  if ((modeOf(directory) ?? 0) & 0o077) found.push({ code: "open_directory", severity: "danger", message: `Other users of this machine can look into ${directory}.`, mend: `Run: chmod 700 ${directory}` });
  for (const name of PRIVATE_FILES) {
    const path = join(directory, name);
    if ((modeOf(path) ?? 0) & 0o077) found.push({ code: "open_file", severity: "danger", message: `Other users of this machine can read ${path}.`, mend: `Run: chmod 600 ${path}, and if anyone may have read it, make new keys.` });
  }
  return found;
}

function modeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mode;
}

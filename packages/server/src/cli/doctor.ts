/**
 * `countersign doctor`: what is unsafe in this installation, as the control plane sees it, as its gateways over HTTP do, and as this machine
 * shows it. Demonstrates a hole rather than hiding it. Ends with 1 where something is dangerous.
 */
import { people as wire } from "@countersign/sdk/wire";
import { diagnoseFiles } from "../control/installation/diagnose-files.ts";
import type { ControlClient } from "./control-client.ts";
import { registeredGateways } from "./gateway-register.ts";
import { lookAt } from "./gateway-status.ts";
import { printJson, type ExitCode, type Format, type Ports } from "./ports.ts";

type Diagnosis = wire.Diagnosis;

const SIGNS: Readonly<Record<Diagnosis["severity"], string>> = { danger: "DANGER ", warning: "warning", note: "note   " };

/** `directory`: of this machine; undefined where the control plane is another's. */
export async function doctor(reach: () => Promise<ControlClient>, directory: string | undefined, format: Format, ports: Ports): Promise<ExitCode> {
  const ofGateways = directory === undefined ? [] : await diagnoseGateways(directory);
  const { where, diagnoses } = await ofControlPlane(reach, ofGateways.length > 0);
  const all = [...diagnoses, ...(directory === undefined ? [] : diagnoseFiles(directory)), ...ofGateways];
  const dangerous = all.some(({ severity }) => severity === "danger");
  if (format === "json") printJson(ports, { ok: !dangerous, diagnoses: all });
  else if (all.length === 0) ports.out(`${where}: nothing unsafe was found.`);
  else for (const { severity, code, message, mend } of all) ports.out(`${SIGNS[severity]} ${code}: ${message}\n        ${mend}`);
  return dangerous ? 1 : 0;
}

/** A gateway may run without one; then that is one of the things to know. */
async function ofControlPlane(reach: () => Promise<ControlClient>, optional: boolean): Promise<{ readonly where: string; readonly diagnoses: readonly Diagnosis[] }> {
  try {
    const client = await reach();
    return { where: client.url, diagnoses: wire.installation.parse(await client.request("GET", "/v1/installation")).diagnoses };
  } catch (error) {
    if (!optional) throw error;
    return { where: "gateways", diagnoses: [{ code: "no_control_plane", severity: "warning", message: `The control plane could not be asked: ${error instanceof Error ? error.message : String(error)}`, mend: "Start it: countersign up" }] };
  }
}

async function diagnoseGateways(directory: string): Promise<readonly Diagnosis[]> {
  const found = await Promise.all(
    registeredGateways(directory).map(async ({ url }): Promise<readonly Diagnosis[]> => {
      const looked = await lookAt(url);
      if ("why" in looked) return [{ code: "gateway_silent", severity: "warning", message: `The gateway at ${url} cannot be looked at: ${looked.why}`, mend: "Look at what it printed, and start it again." }];
      return (looked.standing.diagnoses ?? []).map((one) => ({ ...one, message: `${one.message} (gateway at ${url})` }));
    }),
  );
  return found.flat();
}

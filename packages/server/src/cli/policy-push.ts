/**
 * `countersign policy push FILE`: a document from a file, checked by the control plane that will use it, saved there and put in force,
 * where nobody else was faster. For CI, which deploys policies from git.
 */
import { people as wire } from "@countersign/sdk/wire";
import type { ControlClient } from "./control-client.ts";
import { readText } from "./load-policy.ts";
import type { ExitCode, Ports } from "./ports.ts";

export interface PolicyPushOptions {
  readonly check: boolean;
  /** 0: none is in force. */
  readonly expect?: number | undefined;
  readonly comment: string;
}

export async function policyPush(client: ControlClient, file: string, { check, expect, comment }: PolicyPushOptions, ports: Ports): Promise<ExitCode> {
  const text = await readText(file, ports);
  const { policy } = wire.installation.parse(await client.request("GET", "/v1/installation"));
  const { ok, digest, problems, size } = wire.policyCheck.parse(await client.request("POST", "/v1/policies/check", { text, comment: "" }));
  for (const { line, column, message, mend, severity, code } of problems) {
    ports.err(`${file}:${line}:${column}: ${severity === "warning" ? "warning: " : ""}${message}${mend === undefined ? "" : ` ${mend}`}${severity === "warning" ? ` [${code}]` : ""}`);
  }
  if (!ok) return 1;
  const before = policy?.version ?? 0;
  if (check || (policy?.digest === digest && (expect === undefined || expect === before))) {
    ports.out(check ? `${file}: ${size === 1 ? "1 policy" : `${size} policies`}; nothing was changed.` : `${file}: version ${before} is this document, and in force.`);
    return 0;
  }
  const saved = wire.policyVersion.parse(await client.request("POST", "/v1/policies", { text, comment }));
  const expected = expect ?? before;
  const { version, superseded } = wire.activation.parse(await client.request("POST", `/v1/policies/${saved.version}/activate`, { expect: expected === 0 ? null : expected, comment }));
  ports.out(`${file}: version ${version.version} is in force (${before === 0 ? "the first" : `before: ${before}`})${superseded === 0 ? "" : `; ${superseded} pending ${superseded === 1 ? "request asks" : "requests ask"} another question now and must be asked anew`}.`);
  return 0;
}

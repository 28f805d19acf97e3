/** `countersign policy schema`: the JSON Schema of policy documents, for editors. */
import { policyJsonSchema } from "@countersign/sdk/policy";
import { whyNot } from "./load-policy.ts";
import { printJson, UsageError, type ExitCode, type Ports } from "./ports.ts";

export interface SchemaOptions {
  /** A file to write to, replaced where it exists. Default: standard output. */
  readonly out?: string | undefined;
}

export async function policySchema({ out }: SchemaOptions, ports: Ports): Promise<ExitCode> {
  if (out === undefined) {
    printJson(ports, policyJsonSchema());
    return 0;
  }
  try {
    await ports.writeFile(out, `${JSON.stringify(policyJsonSchema(), null, 2)}\n`, { replace: true });
  } catch (cause) {
    throw new UsageError(`${out}: cannot be written: ${whyNot(cause)}`);
  }
  ports.out(`${out} is written. Put this line at the top of a policy file:\n# yaml-language-server: $schema=${out}`);
  return 0;
}

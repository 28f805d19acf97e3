/** `countersign policy schema`: the JSON Schema of policy documents, for editors. */
import type { JsonObject } from "@countersign/sdk/call";
import { policyJsonSchema } from "@countersign/sdk/policy";
import { whyNot } from "./load-policy.ts";
import { printJson, UsageError, type ExitCode, type Ports } from "./ports.ts";

export interface SchemaOptions {
  /** A file to write to, replaced where it exists. Default: standard output. */
  readonly out?: string | undefined;
}

export function policySchema(options: SchemaOptions, ports: Ports): Promise<ExitCode> {
  return printSchema(policyJsonSchema(), "a policy file", options, ports);
}

/** `of`: in words, what kind of file the schema is about. */
export async function printSchema(schema: JsonObject, of: string, { out }: SchemaOptions, ports: Ports): Promise<ExitCode> {
  if (out === undefined) {
    printJson(ports, schema);
    return 0;
  }
  try {
    await ports.writeFile(out, `${JSON.stringify(schema, null, 2)}\n`, { replace: true });
  } catch (cause) {
    throw new UsageError(`${out}: cannot be written: ${whyNot(cause)}`);
  }
  ports.out(`${out} is written. Put this line at the top of ${of}:\n# yaml-language-server: $schema=${out}`);
  return 0;
}

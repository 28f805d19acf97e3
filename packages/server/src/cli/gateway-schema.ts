/** `countersign gateway schema`: the JSON Schema of `countersign.yaml`, for editors. */
import { gatewayJsonSchema } from "../config/gateway-json-schema.ts";
import { printSchema, type SchemaOptions } from "./policy-schema.ts";
import type { ExitCode, Ports } from "./ports.ts";

export function gatewaySchema(options: SchemaOptions, ports: Ports): Promise<ExitCode> {
  return printSchema(gatewayJsonSchema(), "a gateway's configuration", options, ports);
}

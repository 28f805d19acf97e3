/** `countersign.yaml` as JSON Schema (2020-12), for editors. What a schema cannot say, `countersign gateway check` says. */
import type { JsonObject } from "@countersign/sdk/call";
import { z } from "zod";
import { gatewayDocument } from "./gateway-document.ts";

/** Made anew at each call; the caller may change it. */
export function gatewayJsonSchema(): JsonObject {
  const schema = z.toJSONSchema(gatewayDocument, { io: "input", unrepresentable: "any" });
  // The generated schema is JSON data, once its undefined members are gone.
  return { ...(JSON.parse(JSON.stringify(schema)) as JsonObject), title: "Countersign gateway" };
}

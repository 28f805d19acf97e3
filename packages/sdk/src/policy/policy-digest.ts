import { hash } from "node:crypto";
import type { PolicyDocument } from "./document.ts";

/** Names a document by what it says: hex SHA-256 of its JSON text, whatever it was written in. */
export function policyDigest(document: PolicyDocument): string {
  return hash("sha256", JSON.stringify(document), "hex");
}

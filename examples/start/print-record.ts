/** The rows of one request as the control plane has them, and what `countersign audit verify` says of the whole record. */
import { escapeText } from "@countersign/sdk";
import type { OwnControlPlane } from "./own-control-plane.ts";

export async function printRecord(plane: OwnControlPlane, request: string | undefined): Promise<void> {
  if (request !== undefined) {
    const rows = (await plane.run("audit", "query", "--request", request)).split("\n");
    for (const row of rows.toReversed()) console.log(`   ${describe(JSON.parse(row))}`);
  }
  const file = plane.path("record.jsonl");
  await plane.run("audit", "export", file);
  const verified = await plane.run("audit", "verify", file);
  for (const line of verified.replace(file, "countersign audit verify").split("\n")) console.log(`   ${line}`);
}

function describe(row: unknown): string {
  const has = new Map(typeof row === "object" && row !== null ? Object.entries(row) : []);
  const tell = (before: string, name: string): string => (has.get(name) === undefined || has.get(name) === "" ? "" : ` ${before}${escapeText(String(has.get(name)))}`);
  const what = String(has.get("event") ?? has.get("type"));
  return `row ${String(has.get("seq"))}`.padEnd(8) + what + tell("", "status") + tell("", "outcome") + tell("by ", "approver") + tell("through ", "channel") + tell("", "error");
}

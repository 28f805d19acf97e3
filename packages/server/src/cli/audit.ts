/** `countersign audit export`, `query` and `keys`: the record of a control plane, for auditors. `verify` needs no control plane. */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { people as wire } from "@countersign/sdk/wire";
import type { ControlClient } from "./control-client.ts";
import { whyNot } from "./load-policy.ts";
import { UsageError, type ExitCode, type Ports } from "./ports.ts";

/** Writes an export to a file that is not there yet. */
export async function auditExport(client: ControlClient, file: string, after: number, { out }: Ports): Promise<ExitCode> {
  const body = await client.stream(`/v1/record/export?after=${after}`);
  try {
    // Node's own stream of the same bytes; the DOM's type of it is another.
    await pipeline(Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]), createWriteStream(file, { flags: "wx", mode: 0o600 }));
  } catch (cause) {
    throw new UsageError(`${file}: ${whyNot(cause)}`);
  }
  out(`${file} is written. Verify it: countersign audit verify ${file} --key KEYFILE --checkpoints CHECKPOINTS`);
  return 0;
}

export interface AuditQuery {
  readonly [filter: string]: string | number | undefined;
}

/** Rows as they are stored, one on a line, newest first. */
export async function auditQuery(client: ControlClient, query: AuditQuery, { out }: Ports): Promise<ExitCode> {
  const search = new URLSearchParams({ order: "newest" });
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  const { rows } = wire.recordPage.parse(await client.request("GET", `/v1/record?${search.toString()}`));
  if (rows.length > 0) out(rows.join("\n"));
  return 0;
}

/** The public keys that checkpoints are signed with, to be kept elsewhere: one on a line, as `audit verify --key` takes them. */
export async function auditKeys(client: ControlClient, { out }: Ports): Promise<ExitCode> {
  const body = await client.stream("/v1/record/export?after=999999999999");
  const [first = ""] = (await new Response(body).text()).split("\n");
  const { keys } = JSON.parse(first) as { keys: readonly { id: string; publicKey: string }[] }; // the header that export-lines.ts writes
  for (const { id, publicKey } of keys) out(`# ${id}\n${publicKey}`);
  return 0;
}

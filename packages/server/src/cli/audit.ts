/** `countersign audit export`, `query` and `keys`: the record of a control plane, for auditors. `verify` needs no control plane. */
import { createWriteStream, existsSync, linkSync, renameSync, rmSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { people as wire } from "@countersign/sdk/wire";
import { readHeader } from "../control/record/export-lines.ts";
import type { ControlClient } from "./control-client.ts";
import { whyNot } from "./load-policy.ts";
import { CheckFailure, UsageError, type ExitCode, type Ports } from "./ports.ts";

/** Writes an export to a file that is not there yet. It has its name only when it is whole. */
export async function auditExport(client: ControlClient, file: string, after: number, { out }: Ports): Promise<ExitCode> {
  if (existsSync(file)) throw new UsageError(`${file}: it exists already. Name another file, or remove it first.`);
  const part = `${file}.part`;
  try {
    const body = await client.stream(`/v1/record/export?after=${after}`);
    await write(part, body, file);
    giveName(part, file);
  } finally {
    rmSync(part, { force: true });
  }
  out(`${file} is written. Verify it: countersign audit verify ${file} --key KEYFILE --checkpoints CHECKPOINTS`);
  return 0;
}

async function write(part: string, body: ReadableStream<Uint8Array>, file: string): Promise<void> {
  try {
    rmSync(part, { force: true }); // of one that was killed
    // Node's own stream of the same bytes; the DOM's type of it is another.
    await pipeline(Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]), createWriteStream(part, { flags: "wx", mode: 0o600, flush: true }));
  } catch (cause) {
    if (cause instanceof Error && "syscall" in cause && "path" in cause) throw new UsageError(`${part}: ${whyNot(cause)}`);
    throw new CheckFailure(`${file}: the export broke off (${cause instanceof Error ? cause.message : String(cause)}), and nothing was kept of it. Run it again.`, { cause });
  }
}

/** A link, where there can be one, replaces nothing. */
function giveName(part: string, file: string): void {
  try {
    linkSync(part, file);
  } catch (cause) {
    if (existsSync(file)) throw new UsageError(`${file}: ${whyNot(cause)}`);
    renameSync(part, file);
  }
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
  const header = readHeader(Buffer.from(first));
  if (header === undefined) throw new CheckFailure(`${client.url} answered with something that is no export of a record. Is it a control plane of this version?`);
  for (const { id, publicKey } of header.keys) out(`# ${id}\n${publicKey}`);
  return 0;
}

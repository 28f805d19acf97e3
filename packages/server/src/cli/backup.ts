/** `countersign backup` and `restore`: the whole control plane but its installation key, which belongs somewhere else. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ensurePrivateDirectory, type RecordHead } from "@countersign/sdk/record";
import { lockStateDirectory } from "../control/installation/state-lock.ts";
import { linkRows } from "../control/link-rows.ts";
import { StoreError } from "../sql/store-error.ts";
import { backupStore, restoreStore, type RestoreNote } from "../store/backup.ts";
import type { StoreLocation } from "../store/store-location.ts";
import { postgresAddress } from "./option-values.ts";
import { CheckFailure, UsageError, type ExitCode, type Ports } from "./ports.ts";

export interface StoreOptions {
  readonly directory: string;
  readonly postgres: string | undefined;
}

function locationOf({ directory, postgres }: StoreOptions): StoreLocation {
  const url = postgresAddress(postgres);
  return url === undefined ? { kind: "sqlite", path: join(directory, "countersign.db") } : { kind: "postgres", url };
}

export async function backup(file: string, options: StoreOptions, { out }: Ports): Promise<ExitCode> {
  const from = locationOf(options);
  if (existsSync(file)) throw new UsageError(`${file}: it exists already. Name another file.`);
  if (from.kind === "sqlite" && !existsSync(from.path)) throw new UsageError(`${options.directory}: there is no control plane to back up.`);
  await said(backupStore(from, file));
  out(`${file} is written. The installation's key is not in it: keep ${join(options.directory, "master.key")} (or COUNTERSIGN_MASTER_KEY) somewhere else, or the arguments in it cannot be opened.`);
  return 0;
}

export async function restore(file: string, options: StoreOptions, ports: Ports): Promise<ExitCode> {
  const { directory } = options;
  if (!existsSync(file)) throw new UsageError(`${file}: there is no such file.`);
  ensurePrivateDirectory(directory);
  const lock = lockStateDirectory(directory);
  if (lock === undefined) throw new UsageError(`A control plane runs on ${directory}. End it first: countersign down`);
  try {
    const at = ports.now();
    const { rows, installationId } = await said(restoreStore(file, locationOf(options), { note: ({ heads }) => [...heads].map(([tenant, head]) => noteOf(tenant, head, at)) }));
    ports.out(`Restored ${rows} rows of installation ${installationId}. Put its master.key into ${directory} (or set COUNTERSIGN_MASTER_KEY) before you start it: countersign up`);
    return 0;
  } finally {
    lock.release();
  }
}

/** The record says itself that it goes on from a backup: what came after it elsewhere is not in it. */
function noteOf(tenant: string, after: RecordHead, at: number): RestoreNote {
  const { lines, head } = linkRows([{ type: "event", event: "restored", at, detail: { from: after.seq, hash: after.hash } }], after, () => undefined, undefined);
  return { tenant, lines, head, at };
}

async function said<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StoreError) throw new CheckFailure(error.message);
    throw error;
  }
}

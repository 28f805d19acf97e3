/**
 * The lines of an export: a header, then the rows as they are stored, each checkpoint right after the row that it speaks of.
 * Rows are bytes and are never written anew. Written by records.ts, read by verify-export.ts.
 */
import { parseJson } from "@countersign/sdk/call";
import type { RecordHead } from "@countersign/sdk/record";
import { z } from "zod";
import type { CheckpointKey, SignedCheckpoint } from "./checkpoint.ts";

const digest = z.string().regex(/^[0-9a-f]{64}$/);

const header = z.strictObject({
  countersign: z.literal("export/v1"),
  installation: z.string(),
  tenant: z.string(),
  /** The row before the first; seq 0 for the whole record. */
  after: z.strictObject({ seq: z.int().min(0), hash: digest }),
  /** How many rows follow. */
  rows: z.int().min(0),
  keys: z.array(z.strictObject({ id: z.string(), publicKey: z.string() })),
});

const checkpointLine = z.strictObject({
  checkpoint: z.strictObject({ tenant: z.string(), installation: z.string(), seq: z.int().min(1), hash: digest, at: z.number(), keyId: z.string(), signature: z.string() }),
});

export interface ExportHeader {
  readonly installation: string;
  readonly tenant: string;
  readonly after: RecordHead;
  readonly rows: number;
  readonly keys: readonly CheckpointKey[];
}

export function headerLine({ installation, tenant, after, rows, keys }: ExportHeader): string {
  return JSON.stringify({ countersign: "export/v1", installation, tenant, after, rows, keys });
}

export function checkpointLineOf(checkpoint: SignedCheckpoint): string {
  const { tenant, installation, seq, hash, at, keyId, signature } = checkpoint;
  return JSON.stringify({ checkpoint: { tenant, installation, seq, hash, at, keyId, signature } });
}

export function readHeader(line: Buffer): ExportHeader | undefined {
  const read = header.safeParse(parse(line));
  return read.success ? read.data : undefined;
}

const CHECKPOINT_START = Buffer.from('{"checkpoint":');

/** No row begins like this: their keys are sorted, and none is called so. */
export function isCheckpointLine(line: Buffer): boolean {
  return line.subarray(0, CHECKPOINT_START.length).equals(CHECKPOINT_START);
}

export function readCheckpoint(line: Buffer): SignedCheckpoint | undefined {
  const read = checkpointLine.safeParse(parse(line));
  return read.success ? read.data.checkpoint : undefined;
}

function parse(line: Buffer): unknown {
  try {
    return parseJson(line.toString("utf8"));
  } catch {
    return undefined;
  }
}

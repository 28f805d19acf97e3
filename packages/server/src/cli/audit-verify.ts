/** `countersign audit verify FILE`: checks an export off line, against keys and checkpoints that were kept elsewhere. */
import { readLines } from "@countersign/sdk/record";
import { keyIdOf, readPublicKey, type CheckpointKey, type SignedCheckpoint } from "../control/record/checkpoint.ts";
import { readCheckpoint } from "../control/record/export-lines.ts";
import { verifyExport, type ExportVerification } from "../control/record/verify-export.ts";
import { whyNot, readText } from "./load-policy.ts";
import { printJson, UsageError, type ExitCode, type Format, type Ports } from "./ports.ts";

export interface AuditVerifyOptions {
  /** Files that hold an Ed25519 public key: SPKI in base64url, as `countersign audit keys` prints it. */
  readonly key: readonly string[];
  /** A file of checkpoints, one on a line, as `countersign up --checkpoints-to FILE` writes it. */
  readonly checkpoints?: string | undefined;
  readonly format: Format;
}

export async function auditVerify(file: string, options: AuditVerifyOptions, ports: Ports): Promise<ExitCode> {
  const keys: CheckpointKey[] = [];
  for (const path of options.key) keys.push(...readKeys(await readText(path, ports), path));
  const checkpoints = options.checkpoints === undefined ? [] : readCheckpoints(await readText(options.checkpoints, ports), options.checkpoints);
  let result: ExportVerification;
  try {
    result = await verifyExport(linesOf(file), { keys, checkpoints });
  } catch (cause) {
    throw new UsageError(`${file}: cannot be read: ${whyNot(cause)}`);
  }
  if (options.format === "json") printJson(ports, result);
  else print(file, result, ports);
  return result.ok ? 0 : 1;
}

async function* linesOf(file: string): AsyncGenerator<Buffer, void, undefined> {
  for await (const { lines, rest } of readLines(file)) {
    yield* lines;
    if (rest !== undefined) yield rest;
  }
}

function readKeys(text: string, path: string): CheckpointKey[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((publicKey) => {
      try {
        readPublicKey(publicKey);
      } catch {
        throw new UsageError(`${path}: a line is no Ed25519 public key. Write what \`countersign audit keys\` printed, a key on a line.`);
      }
      return { id: keyIdOf(publicKey), publicKey };
    });
}

function readCheckpoints(text: string, path: string): SignedCheckpoint[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line, index) => {
      const checkpoint = readCheckpoint(Buffer.from(line));
      if (checkpoint === undefined) throw new UsageError(`${path}:${index + 1}: this line is no checkpoint.`);
      return checkpoint;
    });
}

function print(file: string, { ok, header, rows, head, proved, problems }: ExportVerification, { out, err }: Ports): void {
  for (const { line, message } of problems) err(`${file}${line === 0 ? "" : `:${line}`}: ${message}`);
  if (!ok) {
    err(`${file}: this is not the record as it was written. Rows before the first problem: ${rows}.`);
    return;
  }
  out(`${file}: ${rows} rows, each following from the one before, up to row ${head.seq} (${head.hash}).`);
  if (header !== undefined && header.after.seq > 0) out(`It begins after row ${header.after.seq}: what comes before is not in it.`);
  if (proved === undefined) out("No checkpoint proves it: whoever could rewrite all of it could have written this too.");
  else if (proved.trusted) out(`Proved up to row ${proved.seq} by the key ${proved.keyId}, which you gave.`);
  else out(`Signed up to row ${proved.seq} with the key ${proved.keyId} of the export itself. Compare that with the key you know, and give it with --key.`);
}

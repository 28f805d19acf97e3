/**
 * The off-line verifier of an export: needs the file, and what was kept elsewhere (public keys, checkpoints). Trusts nothing in
 * the file that those do not prove. Without anything from elsewhere it finds every change that does not recompute the rest;
 * with a later checkpoint, every change up to it, a cut tail included. Called by `countersign audit verify`.
 */
import { RowChecker, isRowProblem, type RecordHead } from "@countersign/sdk/record";
import { isSignedBy, keyIdOf, readPublicKey, type CheckpointKey, type SignedCheckpoint } from "./checkpoint.ts";
import { isCheckpointLine, readCheckpoint, readHeader, type ExportHeader } from "./export-lines.ts";

export const EXPORT_PROBLEMS = ["not_an_export", "row", "checkpoint_unreadable", "checkpoint_forged", "checkpoint_differs", "checkpoint_beyond_end", "checkpoint_before_start", "unknown_key", "wrong_installation", "torn"] as const;

export interface ExportProblem {
  readonly code: (typeof EXPORT_PROBLEMS)[number];
  /** Counts from 1; 0 where no line is to blame. */
  readonly line: number;
  readonly message: string;
}

export interface ExportVerification {
  readonly ok: boolean;
  readonly header: ExportHeader | undefined;
  readonly rows: number;
  readonly head: RecordHead;
  /** The last row that a checkpoint proves, and whether its key was given from elsewhere or only found in the export. */
  readonly proved: { readonly seq: number; readonly keyId: string; readonly trusted: boolean } | undefined;
  readonly problems: readonly ExportProblem[];
}

export interface VerifyExportOptions {
  /** Public keys known from elsewhere. Without them signatures are checked with the export's own, which proves less. */
  readonly keys?: readonly CheckpointKey[];
  /** Checkpoints kept elsewhere: the record must still pass through them. */
  readonly checkpoints?: readonly SignedCheckpoint[];
}

/** Verifies an export line by line, in the memory of one row. Lines come without their line feeds. */
export async function verifyExport(lines: AsyncIterable<Buffer> | Iterable<Buffer>, options: VerifyExportOptions = {}): Promise<ExportVerification> {
  const run = new ExportRun(options);
  for await (const line of lines) if (!run.take(line)) break;
  return run.end();
}

class ExportRun {
  readonly #trusted: ReadonlyMap<string, CheckpointKey>;
  /** Checkpoints still to be met, by the row they speak of. */
  readonly #expected = new Map<number, SignedCheckpoint[]>();
  #checker: RowChecker | undefined;
  #header: ExportHeader | undefined;
  #line = 0;
  #rows = 0;
  /** One that was kept elsewhere was met. */
  #isKept = false;
  #proved: ExportVerification["proved"];
  readonly #problems: ExportProblem[] = [];

  constructor({ keys = [], checkpoints = [] }: VerifyExportOptions) {
    this.#trusted = new Map(keys.map((key) => [keyIdOf(key.publicKey), key]));
    for (const one of checkpoints) this.#expected.set(one.seq, [...(this.#expected.get(one.seq) ?? []), one]);
  }

  /** False once nothing that follows can be told. */
  take(line: Buffer): boolean {
    this.#line += 1;
    if (this.#checker === undefined) return this.#open(line);
    if (isCheckpointLine(line)) return this.#meetOwn(line);
    const row = this.#checker.check(line);
    if (isRowProblem(row)) return this.#report("row", row.message);
    this.#rows += 1;
    return this.#meetKept({ seq: row.seq, hash: row.hash });
  }

  end(): ExportVerification {
    const head = this.#checker?.head ?? { seq: 0, hash: "0".repeat(64) };
    if (this.#checker === undefined && this.#problems.length === 0) this.#report("not_an_export", "The file is empty.");
    if (this.#problems.length === 0) {
      const beyond = [...this.#expected.keys()].filter((seq) => seq > head.seq).toSorted((a, b) => b - a)[0];
      if (beyond !== undefined) this.#report("checkpoint_beyond_end", `The export ends at row ${head.seq}, and a checkpoint that was kept elsewhere speaks of row ${beyond}: the tail is missing.`, 0);
      // Where the header says that the export begins is whoever made it's to choose.
      else if (this.#expected.size > 0 && !this.#isKept) this.#report("checkpoint_before_start", `The export begins after row ${this.#header?.after.seq}, and no checkpoint that was kept elsewhere speaks of a row in it: nothing of it is proved by them. Export from an earlier row.`, 1);
      if (this.#rows !== (this.#header?.rows ?? this.#rows)) this.#report("torn", `The export says that it has ${this.#header?.rows} rows and ${this.#rows} were found: it was cut, or is not whole yet.`, 0);
    }
    return { ok: this.#problems.length === 0, header: this.#header, rows: this.#rows, head, proved: this.#proved, problems: this.#problems };
  }

  #open(line: Buffer): boolean {
    const header = readHeader(line);
    if (header === undefined) return this.#report("not_an_export", "The first line is not the header of an export.");
    this.#header = header;
    this.#checker = new RowChecker(header.after);
    return this.#meetKept(header.after);
  }

  #meetKept(head: RecordHead): boolean {
    const kept = this.#expected.get(head.seq) ?? [];
    this.#isKept ||= kept.length > 0;
    return kept.every((checkpoint) => this.#meet(checkpoint, head));
  }

  /** A checkpoint of the export itself: it speaks of the row before it. */
  #meetOwn(line: Buffer): boolean {
    const checkpoint = readCheckpoint(line);
    if (checkpoint === undefined) return this.#report("checkpoint_unreadable", "This line begins like a checkpoint and is none.");
    return this.#meet(checkpoint, this.#checker?.head ?? { seq: 0, hash: "" });
  }

  #meet(checkpoint: SignedCheckpoint, head: RecordHead): boolean {
    const { seq, hash, keyId, installation, tenant } = checkpoint;
    if (this.#header !== undefined && (installation !== this.#header.installation || tenant !== this.#header.tenant)) {
      return this.#report("wrong_installation", `The checkpoint of row ${seq} is of another installation or tenant.`);
    }
    const trusted = this.#trusted.get(keyId);
    if (trusted === undefined && this.#trusted.size > 0) return this.#report("unknown_key", `The checkpoint of row ${seq} is signed with the key ${keyId}, which is none of those that were given.`);
    const key = trusted ?? this.#header?.keys.find((own) => keyIdOf(own.publicKey) === keyId);
    if (key === undefined) return this.#report("unknown_key", `The checkpoint of row ${seq} is signed with the key ${keyId}, and the export has no such key.`);
    if (!verifies(checkpoint, key)) return this.#report("checkpoint_forged", `The signature of the checkpoint of row ${seq} is not right.`);
    if (seq !== head.seq || hash !== head.hash) return this.#report("checkpoint_differs", `The record passes row ${head.seq} with another hash than the checkpoint of row ${seq} says: rows were changed, removed or added before it.`);
    this.#proved = { seq, keyId, trusted: trusted !== undefined };
    return true;
  }

  #report(code: ExportProblem["code"], message: string, line = this.#line): false {
    this.#problems.push({ code, line, message });
    return false;
  }
}

function verifies(checkpoint: SignedCheckpoint, { publicKey }: CheckpointKey): boolean {
  try {
    return isSignedBy(checkpoint, readPublicKey(publicKey));
  } catch {
    return false; // no key, or no signature
  }
}

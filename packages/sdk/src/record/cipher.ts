/**
 * Arguments at rest: AES-256-GCM under the data key of one record file, so that dropping the key erases them while the chain
 * still verifies. The arguments of a batch of rows are sealed together, in one row before them: one cipher per row costs
 * 11 microseconds, one per batch less than one. Must never write anything in the clear. Called by chain.ts and read-record.ts.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { KeyObject } from "node:crypto";

/** The data key of one record file. `secret` holds 32 bytes. */
export interface ArgumentKey {
  readonly id: string;
  readonly secret: KeyObject;
}

/** What an `arguments` row holds. Binary fields are base64. */
export interface SealedArguments {
  readonly alg: "A256GCM";
  readonly key: string;
  readonly iv: string;
  readonly tag: string;
  readonly data: string;
}

/** The arguments of one decision row. */
export interface RowArguments {
  readonly seq: number;
  /** Call digest of that row. */
  readonly digest: string | null;
  /** RFC 8785 text. */
  readonly text: string;
}

const IV_PREFIX_BYTES = 6;
const IV_SEQ_BYTES = 6;

/** Seals the arguments of a batch for the row `seq`. */
export type Sealer = (items: readonly RowArguments[], seq: number) => SealedArguments;

/**
 * A sealer for one writer. An initialisation vector is 6 random bytes of this writer and the row's seq, which the writer uses
 * once: it cannot repeat, also where a key came back with a second writer.
 */
export function createSealer(key: ArgumentKey): Sealer {
  const iv = Buffer.alloc(IV_PREFIX_BYTES + IV_SEQ_BYTES);
  randomBytes(IV_PREFIX_BYTES).copy(iv);
  let last = 0;
  return (items, seq) => {
    if (seq <= last) throw new RangeError(`row ${seq} must not be sealed after row ${last}`);
    last = seq;
    iv.writeUIntBE(seq, IV_PREFIX_BYTES, IV_SEQ_BYTES);
    const cipher = createCipheriv("aes-256-gcm", key.secret, iv);
    cipher.setAAD(additionalData(key.id, seq));
    const data = cipher.update(pack(items), "utf8");
    cipher.final();
    return {
      alg: "A256GCM",
      key: key.id,
      iv: iv.toString("base64"),
      tag: cipher.getAuthTag().toString("base64"),
      data: data.toString("base64"),
    };
  };
}

/** Opens an `arguments` row: the arguments by the seq of their decision row. Throws where key or row are not the right ones. */
export function openArguments(sealed: SealedArguments, seq: number, key: ArgumentKey): ReadonlyMap<number, RowArguments> {
  try {
    const decipher = createDecipheriv("aes-256-gcm", key.secret, Buffer.from(sealed.iv, "base64"), { authTagLength: 16 });
    decipher.setAAD(additionalData(key.id, seq));
    decipher.setAuthTag(Buffer.from(sealed.tag, "base64"));
    return unpack(decipher.update(sealed.data, "base64", "utf8") + decipher.final("utf8"));
  } catch (cause) {
    throw new Error(`The arguments in row ${seq} cannot be opened: the key ${key.id} is not theirs, or the row was changed.`, { cause });
  }
}

/** Binds the sealed text to its key and its place in the record. */
function additionalData(keyId: string, seq: number): Buffer {
  return Buffer.from(`countersign/arguments/v1\0${keyId}\0${seq}`);
}

/** Each item: seq, digest and length on a line, then the text. Seq and digest are under the seal, so nothing can be reassigned. */
function pack(items: readonly RowArguments[]): string {
  let packed = "";
  for (const { seq, digest, text } of items) packed += `${seq} ${digest ?? "-"} ${text.length}\n${text}`;
  return packed;
}

function unpack(packed: string): ReadonlyMap<number, RowArguments> {
  const items = new Map<number, RowArguments>();
  for (let at = 0; at < packed.length; ) {
    const end = packed.indexOf("\n", at);
    const [seq = "", digest = "", length = ""] = packed.slice(at, end).split(" ");
    at = end + 1 + Number(length);
    items.set(Number(seq), { seq: Number(seq), digest: digest === "-" ? null : digest, text: packed.slice(end + 1, at) });
  }
  return items;
}

/**
 * Arguments at rest: sealed under the data key of the day, which the installation's key wraps. Erasing a data key erases what
 * it sealed, and the record still verifies. Never writes anything in the clear; where keys are kept is the caller's business.
 */
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { createSealer as createRowSealer, type ArgumentKey } from "@countersign/sdk/record";
import type { Sealed } from "../../store/entity/approval-request.ts";
import type { DataKey } from "../../store/entity/directory.ts";
import type { Command, Ledger, SealRows } from "../ledger.ts";
import { StoreUnavailableError } from "../store-unavailable-error.ts";

export interface Sealer {
  /** Seals text for one request. The first of a day makes the day's key: one commit more. */
  seal(text: string, requestId: string): Promise<Sealed>;
  /** Seals the arguments of rows of the record, under the key of now. */
  rows(): Promise<SealRows>;
  /** The keys of the days since then that open arguments of rows. Those that were erased are not among them. */
  rowKeys(from: number): readonly ArgumentKey[];
  /** Undefined where its key was erased. Throws where it was sealed for another request, or was changed. */
  open(sealed: Sealed, requestId: string): Promise<string | undefined>;
}

const DAY_MS = 86_400_000;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEPT_KEYS = 64;
const KEY_ATTEMPTS = 8;

/** `installationKey` holds 32 bytes. */
export function createSealer(ledger: Ledger, installationKey: KeyObject): Sealer {
  if (installationKey.symmetricKeySize !== 32) throw new TypeError("the installation's key must have 32 bytes");
  const unwrapped = new Map<string, KeyObject>();
  /** The key of today is asked for by many at once and made once. */
  let making: Promise<string> | undefined;

  function keyOf(id: string, row: DataKey): KeyObject | undefined {
    if (row.wrapped === null) {
      unwrapped.delete(id);
      return undefined;
    }
    const kept = unwrapped.get(id);
    if (kept !== undefined) return kept;
    const key = unwrap(row.wrapped, id, installationKey);
    unwrapped.set(id, key);
    for (const oldest of unwrapped.keys()) {
      if (unwrapped.size <= KEPT_KEYS) break;
      unwrapped.delete(oldest);
    }
    return key;
  }

  /** Another instance may have made it a moment ago: what is not known here is no erased key until the store has been asked. */
  async function rowOf(id: string): Promise<DataKey | undefined> {
    const known = ledger.resident.get("data_key", id)?.data;
    if (known !== undefined) return known;
    return ledger.run({ needs: [], apply: (view) => ({ answer: view.get("data_key", id)?.data }) });
  }

  async function keyOfToday(): Promise<{ readonly id: string; readonly key: KeyObject }> {
    // Another instance may erase the one that was just made. A store that loses it each time is none.
    for (let attempt = 0; attempt < KEY_ATTEMPTS; attempt++) {
      const today = liveKeyOf(ledger.resident.all("data_key"), ledger.resident.now);
      const key = today === undefined ? undefined : keyOf(today.id, today.data);
      if (today !== undefined && key !== undefined) return { id: today.id, key };
      making ??= ledger.run(makeDataKey(installationKey)).finally(() => (making = undefined));
      await making;
    }
    throw new StoreUnavailableError("the key of the day was made again and again, and is not there");
  }

  return {
    async seal(text, requestId) {
      const { id, key } = await keyOfToday();
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, iv);
      cipher.setAAD(aboutRequest(id, requestId));
      const data = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return { alg: "A256GCM", key: id, iv: iv.toString("base64"), tag: cipher.getAuthTag().toString("base64"), data: data.toString("base64") };
    },

    async rows() {
      const { id, key } = await keyOfToday();
      // A sealer of its own each time: its initialisation vectors begin at random, so that the same row sealed twice repeats none.
      return (items, seq) => createRowSealer({ id, secret: key })(items, seq);
    },

    rowKeys(from) {
      return ledger.resident.all("data_key").flatMap(({ id, data }) => {
        const secret = data.createdAt < from ? undefined : keyOf(id, data);
        return secret === undefined ? [] : [{ id, secret }];
      });
    },

    async open(sealed, requestId) {
      const row = await rowOf(sealed.key);
      const key = row === undefined ? undefined : keyOf(sealed.key, row);
      if (key === undefined) return undefined;
      const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(sealed.iv, "base64"), { authTagLength: TAG_BYTES });
      decipher.setAAD(aboutRequest(sealed.key, requestId));
      decipher.setAuthTag(Buffer.from(sealed.tag, "base64"));
      return decipher.update(sealed.data, "base64", "utf8") + decipher.final("utf8");
    },
  };
}

/** Binds what is sealed to its key and its request: moved into another row it does not open. */
function aboutRequest(keyId: string, requestId: string): Buffer {
  return Buffer.from(`countersign/request-arguments/v1\0${keyId}\0${requestId}`);
}

function liveKeyOf(keys: readonly { readonly id: string; readonly data: DataKey }[], now: number) {
  const day = Math.floor(now / DAY_MS);
  return keys.findLast(({ data }) => data.wrapped !== null && Math.floor(data.createdAt / DAY_MS) === day);
}

function makeDataKey(installationKey: KeyObject): Command<string> {
  const id = `dk_${randomBytes(9).toString("base64url")}`;
  const wrapped = wrap(randomBytes(32), id, installationKey);
  return {
    needs: [],
    apply(view) {
      const made = liveKeyOf(view.all("data_key"), view.now);
      if (made !== undefined) return { answer: made.id };
      const data: DataKey = { id, wrapped, createdAt: view.now, erasedAt: null };
      return { answer: id, changes: [{ table: "data_key", id, rev: 0, data }], entries: [{ type: "event", event: "data_key_made", at: view.now, detail: { key: id } }] };
    },
  };
}

function aboutKey(id: string): Buffer {
  return Buffer.from(`countersign/data-key/v1\0${id}`);
}

/** Initialisation vector, tag and wrapped bytes, base64. */
function wrap(bytes: Buffer, id: string, installationKey: KeyObject): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", installationKey, iv);
  cipher.setAAD(aboutKey(id));
  const data = Buffer.concat([cipher.update(bytes), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), data]).toString("base64");
}

function unwrap(wrapped: string, id: string, installationKey: KeyObject): KeyObject {
  const bytes = Buffer.from(wrapped, "base64");
  const decipher = createDecipheriv("aes-256-gcm", installationKey, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(aboutKey(id));
  decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  return createSecretKey(Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]));
}

/** Bytes under the installation's key: AES-256-GCM with a random initialisation vector, bound to what they are for. */
import { createCipheriv, createDecipheriv, randomBytes, type KeyObject } from "node:crypto";

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** base64url of iv, tag and ciphertext. */
export function wrapBytes(bytes: Uint8Array, key: KeyObject, purpose: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  cipher.setAAD(Buffer.from(purpose, "utf8"));
  const data = Buffer.concat([cipher.update(bytes), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), data]).toString("base64url");
}

/** Throws where the key is another, the purpose is another, or the bytes were changed. */
export function unwrapBytes(wrapped: string, key: KeyObject, purpose: string): Buffer {
  const bytes = Buffer.from(wrapped, "base64url");
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(purpose, "utf8"));
  decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw new Error("what is stored was wrapped with another installation key. Give this process the right one (COUNTERSIGN_MASTER_KEY or master.key).", { cause });
  }
}

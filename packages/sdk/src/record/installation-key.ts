/** The key of an installation: keys digests that leave it (spans), so that a short argument cannot be guessed from its digest. */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { ensurePrivateDirectory } from "./state-directory.ts";

const BYTES = 32;

/** Reads `installation.key` (0600) of the state directory, and makes it where there is none. Throws where it holds no key. */
export function installationKey(directory: string): Uint8Array {
  ensurePrivateDirectory(directory);
  const path = join(directory, "installation.key");
  try {
    const file = openSync(path, "wx", 0o600);
    try {
      const bytes = randomBytes(BYTES);
      writeSync(file, `${bytes.toString("base64")}\n`);
      fsyncSync(file);
      return bytes;
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  const bytes = Buffer.from(readFileSync(path, "utf8"), "base64");
  if (bytes.length !== BYTES) throw new Error(`${path} holds no key: ${BYTES} bytes in base64 are expected. Remove the file to get a new key.`);
  return bytes;
}

/** The key files below `keys/` of the state directory: one per record file, readable by its owner alone. */
import { createSecretKey, randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ArgumentKey } from "./cipher.ts";
import { ensurePrivateDirectory, syncDirectorySync } from "./state-directory.ts";

/** A key that lives in this process only: what it sealed cannot be opened afterwards. */
export function createEphemeralKey(id: string): ArgumentKey {
  return { id, secret: createSecretKey(randomBytes(32)) };
}

/** Makes `keys/<id>.key` (0600) and syncs it before anything is sealed with it. Throws where the file exists or cannot be written. */
export function createArgumentKey(stateDirectory: string, id: string): ArgumentKey {
  const directory = join(stateDirectory, "keys");
  ensurePrivateDirectory(directory);
  const bytes = randomBytes(32);
  const file = openSync(join(directory, `${id}.key`), "wx", 0o600);
  try {
    writeSync(file, `${bytes.toString("base64")}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  syncDirectorySync(directory);
  return { id, secret: createSecretKey(bytes) };
}

/** The key of a record file, or undefined where it was erased. Throws where the file holds no key. */
export async function readArgumentKey(stateDirectory: string, id: string): Promise<ArgumentKey | undefined> {
  const path = join(stateDirectory, "keys", `${id}.key`);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw cause;
  }
  const bytes = Buffer.from(text, "base64");
  if (bytes.length !== 32) throw new Error(`${path} holds no key: 32 bytes in base64 are expected.`);
  return { id, secret: createSecretKey(bytes) };
}

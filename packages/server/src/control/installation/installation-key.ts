/**
 * The installation's key: wraps every other key that is stored. A dump of the store opens nothing without it. From
 * `COUNTERSIGN_MASTER_KEY` (32 bytes in base64), which instances on one PostgreSQL share, else `master.key` (0600) of the state directory.
 */
import { createHash, createSecretKey, randomBytes, type KeyObject } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { syncDirectorySync } from "@countersign/sdk/record";
import type { Ledger } from "../ledger.ts";
import { CannotStartError } from "./cannot-start-error.ts";

const BYTES = 32;
const NAME = "master.key";

export interface InstallationKey {
  readonly key: KeyObject;
  /** Takes away the file if it was made just now: for a store that is under another key it would be a wrong one. */
  readonly forget: () => void;
}

/** Throws CannotStartError where what is there is no key. */
export function readInstallationKey(directory: string, env: NodeJS.ProcessEnv): InstallationKey {
  const given = env["COUNTERSIGN_MASTER_KEY"];
  if (given !== undefined && given !== "") return { key: keyFrom(given, "COUNTERSIGN_MASTER_KEY"), forget: () => undefined };
  const path = join(directory, NAME);
  let made = true;
  try {
    const file = openSync(path, "wx", 0o600);
    try {
      writeSync(file, `${randomBytes(BYTES).toString("base64")}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    syncDirectorySync(directory); // lost in a power cut, it would take every sealed argument with it
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    made = false;
  }
  return { key: keyFrom(readFileSync(path, "utf8"), path), forget: () => (made ? rmSync(path) : undefined) };
}

function keyFrom(text: string, source: string): KeyObject {
  const bytes = Buffer.from(text.trim(), "base64");
  if (bytes.length !== BYTES) throw new CannotStartError(`${source} holds no key: ${BYTES} bytes in base64 are expected. Make one with: openssl rand -base64 ${BYTES}`);
  return createSecretKey(bytes);
}

const FINGERPRINT = "installation.key";

/** The first instance says which key the store is under; one with another key does not start, since it could open nothing. */
export async function assertSameKey(ledger: Ledger, { key, forget }: InstallationKey): Promise<void> {
  const fingerprint = fingerprintOf(key);
  const known = await ledger.run({
    needs: [],
    apply: (view) => {
      const stored = view.get("setting", FINGERPRINT)?.data.value;
      if (stored !== undefined) return { answer: stored };
      return {
        answer: fingerprint,
        changes: [{ table: "setting", id: FINGERPRINT, rev: 0, data: { name: FINGERPRINT, value: fingerprint } }],
        entries: [{ type: "event", event: "installation_key_set", at: view.now, detail: { fingerprint } }],
      };
    },
  });
  if (known === fingerprint) return;
  forget();
  throw new CannotStartError("this store is under another installation key: give this process the same COUNTERSIGN_MASTER_KEY (or the master.key) as the instance that made it");
}

/** Tells whether two keys are the same without telling the key. */
function fingerprintOf(key: KeyObject): string {
  return createHash("sha256").update("countersign/master-key/v1\0").update(key.export()).digest("hex").slice(0, 16);
}

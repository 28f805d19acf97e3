/**
 * Makes checkpoints: every so many rows or seconds, when the head has moved, and pushes each to other places, where whoever
 * controls this installation cannot reach. The private key is stored wrapped by the installation's key. A push that fails is
 * loud and tried again every time, also where the head has not moved; it changes nothing else. Started by open-control-plane.ts.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import type { Checkpoint, Store } from "../../store/store.ts";
import type { Ledger, View } from "../ledger.ts";
import { unwrapBytes, wrapBytes } from "../seal/wrap.ts";
import { keyIdOf, signCheckpoint, type CheckpointKey, type SignedCheckpoint } from "./checkpoint.ts";

/** Somewhere else. Resolves once the checkpoint is kept there. */
export interface CheckpointPlace {
  readonly name: string;
  push(checkpoint: SignedCheckpoint, signal: AbortSignal): Promise<void>;
}

export interface CheckpointerOptions {
  readonly ledger: Ledger;
  readonly store: Store;
  /** Wraps the signing key. */
  readonly installationKey: KeyObject;
  readonly places: readonly CheckpointPlace[];
  readonly onWarning: (message: string) => void;
  /** Default 1,000. */
  readonly everyRows?: number;
  /** Default 60,000. */
  readonly everyMs?: number;
}

export interface Checkpointer {
  /** Signs the head as it is now, unless it has been signed already. Undefined while there is no row. */
  checkpoint(): Promise<SignedCheckpoint | undefined>;
  /** The public keys that checkpoints were ever signed with. */
  keys(): readonly CheckpointKey[];
  /** Places whose last push failed, with why. */
  failing(): readonly { readonly place: string; readonly error: string }[];
  close(): Promise<void>;
}

const KEYS = "checkpoint.keys";
const PURPOSE = "countersign/checkpoint-key/v1";
const PUSH_MS = 10_000;

interface StoredKey extends CheckpointKey {
  readonly wrapped: string;
}

export async function openCheckpointer(options: CheckpointerOptions): Promise<Checkpointer> {
  const { ledger, store, installationKey, places, onWarning, everyRows = 1_000, everyMs = 60_000 } = options;
  const { tenant } = ledger;
  const key = await ensureKey(ledger, installationKey);
  const privateKey = createPrivateKey({ key: unwrapBytes(key.wrapped, installationKey, PURPOSE), format: "der", type: "pkcs8" });
  const [newest] = await store.readCheckpoints(tenant, { limit: 1, descending: true });
  let last: Checkpoint | undefined = newest;
  const failures = new Map<string, string>();
  const ending = new AbortController();
  let making: Promise<SignedCheckpoint | undefined> | undefined;

  async function make(): Promise<SignedCheckpoint | undefined> {
    const { seq, hash } = ledger.head;
    if (seq === 0) return undefined;
    const known = { tenant, installation: store.installationId };
    if (last !== undefined && last.seq >= seq) {
      const signed = { ...known, ...last };
      await push(signed, places.filter(({ name }) => failures.has(name)));
      return signed;
    }
    const signed = signCheckpoint({ ...known, seq, hash, at: ledger.resident.now, keyId: key.id }, privateKey);
    const { at, keyId, signature } = signed;
    await store.addCheckpoint(tenant, { seq, hash, at, keyId, signature });
    last = signed;
    await push(signed, places);
    return signed;
  }

  async function push(signed: SignedCheckpoint, to: readonly CheckpointPlace[]): Promise<void> {
    await Promise.all(
      to.map(async (place) => {
        try {
          await place.push(signed, AbortSignal.any([ending.signal, AbortSignal.timeout(PUSH_MS)]));
          if (failures.delete(place.name)) onWarning(`checkpoints reach ${place.name} again`);
        } catch (error) {
          const message = error instanceof Error ? error.message : String(error);
          if (!failures.has(place.name)) onWarning(`the checkpoint of row ${signed.seq} could not be pushed to ${place.name}: ${message}. It is tried again.`);
          failures.set(place.name, message);
        }
      }),
    );
  }

  function checkpoint(): Promise<SignedCheckpoint | undefined> {
    making ??= make().finally(() => {
      making = undefined;
    });
    return making;
  }

  function quietly(): void {
    checkpoint().catch((error: unknown) => onWarning(`no checkpoint could be made: ${error instanceof Error ? error.message : String(error)}`));
  }

  const timer = setInterval(quietly, everyMs);
  timer.unref();
  const unwatch = ledger.onRows((rows) => {
    const seq = rows.at(-1)?.seq ?? 0;
    if (seq - (last?.seq ?? 0) >= everyRows) quietly();
  });

  return {
    checkpoint,
    keys: () => storedKeys(ledger.resident).map(({ id, publicKey }) => ({ id, publicKey })),
    failing: () => [...failures].map(([place, error]) => ({ place, error })),
    async close() {
      clearInterval(timer);
      unwatch();
      await checkpoint().catch((error: unknown) => onWarning(`no last checkpoint could be made: ${error instanceof Error ? error.message : String(error)}`));
      ending.abort();
    },
  };
}

/** The key that signs now; made once for the installation, whichever instance is first. */
async function ensureKey(ledger: Ledger, installationKey: KeyObject): Promise<StoredKey> {
  const known = storedKeys(ledger.resident).at(-1);
  if (known !== undefined) return known;
  const pair = generateKeyPairSync("ed25519");
  const publicKey = pair.publicKey.export({ format: "der", type: "spki" }).toString("base64url");
  const wrapped = wrapBytes(pair.privateKey.export({ format: "der", type: "pkcs8" }), installationKey, PURPOSE);
  const made: StoredKey = { id: keyIdOf(publicKey), publicKey, wrapped };
  return ledger.run({
    needs: [],
    apply: (view) => {
      const stored = view.get("setting", KEYS);
      const first = storedKeys(view).at(-1);
      if (first !== undefined) return { answer: first };
      return {
        answer: made,
        changes: [{ table: "setting", id: KEYS, rev: stored?.rev ?? 0, data: { name: KEYS, value: [{ ...made }] } }],
        entries: [{ type: "event", at: view.now, event: "checkpoint_key_made", detail: { key: made.id, publicKey } }],
      };
    },
  });
}

function storedKeys(view: Pick<View, "all">): readonly StoredKey[] {
  const value = view.all("setting").find(({ id }) => id === KEYS)?.data.value;
  // Written by ensureKey alone.
  return Array.isArray(value) ? (value as readonly unknown[] as readonly StoredKey[]) : [];
}

/**
 * Checkpoints: signed statements of where a tenant's record stood. One that is kept elsewhere proves every row up to it, also
 * against whoever can rewrite the whole record. Ed25519 (RFC 8032) over a type prefix, a zero byte and RFC 8785 text.
 * Signed by checkpointer.ts; verified here, off line, with nothing but the export and the public keys.
 */
import { createHash, createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import { canonicalJson } from "@countersign/sdk/call";
import type { Checkpoint } from "../../store/store.ts";

const PREFIX = "countersign/checkpoint/v1\0";

/** What is signed, and by which key. */
export type CheckpointFacts = Omit<Checkpoint, "signature"> & { readonly tenant: string; readonly installation: string };
export type SignedCheckpoint = CheckpointFacts & Pick<Checkpoint, "signature">;

/** A public key as exports carry it: SPKI DER in base64url. */
export interface CheckpointKey {
  readonly id: string;
  readonly publicKey: string;
}

function signedBytes({ tenant, installation, seq, hash, at, keyId }: CheckpointFacts): Buffer {
  return Buffer.from(PREFIX + canonicalJson({ at, hash, installation, keyId, seq, tenant }), "utf8");
}

export function signCheckpoint(facts: CheckpointFacts, privateKey: KeyObject): SignedCheckpoint {
  return { ...facts, signature: sign(null, signedBytes(facts), privateKey).toString("base64url") };
}

export function isSignedBy(checkpoint: SignedCheckpoint, publicKey: KeyObject): boolean {
  return verify(null, signedBytes(checkpoint), publicKey, Buffer.from(checkpoint.signature, "base64url"));
}

/** Throws where the text is no Ed25519 public key. */
export function readPublicKey(spki: string): KeyObject {
  const key = createPublicKey({ key: Buffer.from(spki, "base64url"), format: "der", type: "spki" });
  if (key.asymmetricKeyType !== "ed25519") throw new TypeError("an Ed25519 public key is expected");
  return key;
}

/** Names a key by what it is: the first 32 hex digits of the SHA-256 of its SPKI. Read it out to compare it. */
export function keyIdOf(spki: string): string {
  return createHash("sha256").update(Buffer.from(spki, "base64url")).digest("hex").slice(0, 32);
}

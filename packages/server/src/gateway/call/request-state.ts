/**
 * The `requestState` that a client carries from one round of a call to the next: sealed with AES-256-GCM, bound to who was given it for
 * which call, good for a time and once. It opens nothing by itself: it names what to go on with, and whether anything runs is decided as
 * ever. What is inside is never the client's to read, and never the upstream's own state.
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, randomBytes, type KeyObject } from "node:crypto";
import { canonicalJson } from "@countersign/sdk/call";
import { installationKey } from "@countersign/sdk/record";

/** What goes on. */
export interface RoundState {
  /** `held`: people are asked, and `id` is their request. `sent`: the server was sent the call and asked for more; `id` is the execution. */
  readonly kind: "held" | "sent";
  readonly id: string;
  /** How many rounds the client was answered so far, this one among them. */
  readonly round: number;
}

/** All of it has to be the same when the client comes back. */
export interface StateBinding {
  /** Who calls: the credential, what it proves, and what was claimed beside it. */
  readonly caller: { readonly credential: string; readonly principal: string; readonly agent: string; readonly agentId: string; readonly user: string };
  readonly method: string;
  /** Digest of the call as its client proposes it; it names the server too. */
  readonly call: string;
}

export type OpenedState = { readonly ok: true; readonly state: RoundState } | { readonly ok: false; /** For the log alone. */ readonly why: string };

export interface RequestStatesOptions {
  /** Gives 32 bytes when the first state is made or comes. Default: random, and then no state outlives this process. */
  readonly key?: (() => Uint8Array) | undefined;
  /** Whom the states are for: another gateway's are none here. */
  readonly audience?: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const PURPOSE = "countersign/request-state/v1";
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** No state of ours is longer. */
const MAX_LENGTH = 1_024;
const SWEEP_AT = 10_000;

/** The key of the gateways of one state directory. */
export function stateKey(directory: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", installationKey(directory), "", PURPOSE, KEY_BYTES));
}

export class RequestStates {
  readonly #readKey: () => Uint8Array;
  #key: KeyObject | undefined;
  readonly #audience: string;
  readonly #now: () => number;
  /** Names of the states that were used, until they could not be used anyway. */
  readonly #spent = new Map<string, number>();

  constructor({ key = () => randomBytes(KEY_BYTES), audience = "", now = Date.now }: RequestStatesOptions = {}) {
    this.#readKey = key;
    this.#audience = audience;
    this.#now = now;
  }

  /** `until`: milliseconds since the epoch. */
  seal({ kind, id, round }: RoundState, binding: StateBinding, until: number): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#secret(), iv);
    cipher.setAAD(this.#about(binding));
    const data = Buffer.concat([cipher.update(JSON.stringify([kind, id, round, until]), "utf8"), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), data]).toString("base64url");
  }

  /** Spends it where it opens. */
  open(text: string, binding: StateBinding): OpenedState {
    const bytes = text.length > MAX_LENGTH ? Buffer.alloc(0) : Buffer.from(text, "base64url");
    // Decoders forgive what is no base64url; two spellings of one state would be two states.
    if (bytes.length <= IV_BYTES + TAG_BYTES || bytes.toString("base64url") !== text) return { ok: false, why: "it is none of ours" };
    const opened = this.#decipher(bytes, binding);
    if (opened === undefined) return { ok: false, why: "it was not made here for this call and this caller, or was changed" };
    const [kind, id, round, until] = opened;
    const now = this.#now();
    if (until <= now) return { ok: false, why: "its time is over" };
    const name = bytes.toString("base64url", 0, IV_BYTES);
    if (this.#spent.has(name)) return { ok: false, why: "it was used before" };
    this.#spend(name, until, now);
    return { ok: true, state: { kind, id, round } };
  }

  #decipher(bytes: Buffer, binding: StateBinding): readonly [RoundState["kind"], string, number, number] | undefined {
    const decipher = createDecipheriv("aes-256-gcm", this.#secret(), bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(this.#about(binding));
    decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    try {
      const text = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString("utf8");
      return JSON.parse(text) as readonly [RoundState["kind"], string, number, number]; // as seal wrote it: the tag says so
    } catch {
      return undefined;
    }
  }

  #secret(): KeyObject {
    if (this.#key !== undefined) return this.#key;
    const bytes = this.#readKey();
    if (bytes.length !== KEY_BYTES) throw new TypeError(`the key must have ${KEY_BYTES} bytes`);
    return (this.#key = createSecretKey(Buffer.from(bytes)));
  }

  #spend(name: string, until: number, now: number): void {
    this.#spent.set(name, until);
    if (this.#spent.size % SWEEP_AT !== 0) return;
    for (const [spent, over] of this.#spent) if (over <= now) this.#spent.delete(spent);
  }

  #about({ caller, method, call }: StateBinding): Buffer {
    return Buffer.from(`${PURPOSE}\0${canonicalJson({ audience: this.#audience, caller: { ...caller }, method, call })}`);
  }
}

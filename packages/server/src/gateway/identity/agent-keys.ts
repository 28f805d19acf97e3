/**
 * Whether an agent's key is good, as the control plane says: asked for each key now and then, never again for each call, so that a key
 * that was revoked opens nothing after some seconds. What cannot be known is refused. Secrets are kept by their hash.
 */
import { hash } from "node:crypto";
import type { people } from "@countersign/sdk/wire";

export type KeyStanding =
  | { readonly kind: "known"; readonly key: people.OwnKey }
  /** Not known there, or revoked, or expired, or of a person who is disabled. */
  | { readonly kind: "unknown" }
  | { readonly kind: "unreachable" };

export interface AgentKeysOptions {
  /** Asks the control plane. Never rejects. */
  readonly look: (secret: string) => Promise<KeyStanding>;
  /** A key that was good is not any more. */
  readonly onLost: (secret: string) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export interface AgentKeys {
  verify(secret: string): KeyStanding | Promise<KeyStanding>;
  /** Whatever was heard counts no more, as where the control plane is another one. */
  forget(): void;
}

/** So old an answer may be. */
export const FRESH_MS = 3_000;
/** From this age on it is asked for anew while calls go on. */
const EARLY_MS = 1_500;
/** Answers that are kept. */
const MAX_KEPT = 2_000;
/** Questions at once; more wait for nobody and are refused. */
const MAX_LOOKS = 64;
const SHAPE = /^csk_[A-Za-z0-9_-]{1,100}_[A-Za-z0-9_-]{43}$/;

interface Kept {
  standing: KeyStanding | undefined;
  at: number;
  looking: Promise<KeyStanding> | undefined;
}

export function createAgentKeys({ look, onLost, now }: AgentKeysOptions): AgentKeys {
  const kept = new Map<string, Kept>();
  let looks = 0;

  function lookNow(entry: Kept, secret: string): Promise<KeyStanding> {
    looks += 1;
    const looking = look(secret).then((standing) => {
      looks -= 1;
      entry.looking = undefined;
      if (entry.standing?.kind === "known" && standing.kind === "unknown") onLost(secret);
      // Nobody could be asked: what was heard before counts for as long as it may, and no longer.
      if (standing.kind === "unreachable" && entry.standing?.kind === "known" && now() - entry.at < FRESH_MS) return entry.standing;
      entry.standing = standing.kind === "unreachable" ? undefined : standing;
      entry.at = now();
      return standing;
    });
    return (entry.looking = looking);
  }

  return {
    verify(secret) {
      if (!SHAPE.test(secret)) return UNKNOWN;
      const id = hash("sha256", secret, "hex");
      const entry = kept.get(id) ?? { standing: undefined, at: 0, looking: undefined };
      kept.delete(id); // the last used is the last that goes
      kept.set(id, entry);
      const [oldest] = kept.size > MAX_KEPT ? kept.keys() : [];
      if (oldest !== undefined) kept.delete(oldest);
      return verdict(entry, secret);
    },
    forget: () => kept.clear(),
  };

  function verdict(entry: Kept, secret: string): KeyStanding | Promise<KeyStanding> {
    const { standing, at, looking } = entry;
    const age = now() - at;
    if (standing !== undefined && age < FRESH_MS) {
      if (age > EARLY_MS && standing.kind === "known" && looking === undefined && looks < MAX_LOOKS) void lookNow(entry, secret);
      return standing;
    }
    return looking ?? (looks < MAX_LOOKS ? lookNow(entry, secret) : UNREACHABLE);
  }
}

const UNKNOWN: KeyStanding = Object.freeze({ kind: "unknown" });
const UNREACHABLE: KeyStanding = Object.freeze({ kind: "unreachable" });

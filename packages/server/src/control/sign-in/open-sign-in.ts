/** The one way a sign-in comes into being and ends: its row, its row of the record, its cookie. Parts of the commands beside. */
import { hashSecret, newSecret } from "../../auth/secret.ts";
import type { Person } from "../../store/entity/directory.ts";
import type { SignIn } from "../../store/entity/sign-in.ts";
import type { Key, Stored } from "../../store/store.ts";
import type { LedgerEntry, View } from "../ledger.ts";
import type { Part } from "../people/change-mode.ts";
import type { SignInContext } from "./context.ts";
import type { SignedIn, Visitor } from "./sign-ins.ts";

const SIGN_IN_MS = 14 * 86_400_000;
export const IDLE_MS = 12 * 60 * 60_000;
export const TOKEN_IDLE_MS = 30 * 86_400_000;

/** Made before the command runs, so that the command stays pure. */
export interface Secrets {
  readonly token: string;
  readonly csrf: string;
}

export function newSecrets(): Secrets {
  return { token: newSecret("sign_in"), csrf: newSecret("csrf") };
}

/** What a command that opens this sign-in must need: also rows that are not there yet. */
export function signInKey({ token }: Secrets): Key {
  return { table: "sign_in", id: hashSecret(token) };
}

export interface Opening {
  readonly secrets: Secrets;
  readonly via: SignIn["via"];
  readonly visitor: Visitor;
  /** Facts of the proof, for the record. */
  readonly proof?: { readonly [key: string]: string | number | boolean | null };
  readonly passkey?: { readonly signedDigest: string | null };
  /** Where it goes on from an older sign-in, that one's end. */
  readonly expiresAt?: number;
  readonly forMs?: number;
}

export function openSignIn(view: View, person: Pick<Stored<Person>, "id" | "data">, opening: Opening): Part {
  const { secrets, via, visitor, passkey, proof = {}, forMs = SIGN_IN_MS } = opening;
  const id = hashSecret(secrets.token);
  // A new password makes older sign-ins void from the next millisecond on; this one counts already.
  const createdAt = Math.max(view.now, person.data.signInsFrom ?? 0);
  const expiresAt = opening.expiresAt ?? createdAt + forMs;
  const data: SignIn = {
    personId: person.id,
    assurance: passkey === undefined ? "authenticated" : "passkey",
    passkeyAt: passkey === undefined ? null : view.now,
    signedDigest: passkey?.signedDigest ?? null,
    csrfHash: hashSecret(secrets.csrf),
    via,
    about: visitor.about.slice(0, 200),
    createdAt,
    lastUsedAt: createdAt,
    expiresAt,
  };
  const detail = { ...proof, person: person.id, via, signIn: id, address: visitor.address, about: data.about, expiresAt };
  return { changes: [{ table: "sign_in", id, rev: 0, data }], entries: [{ type: "event", at: view.now, event: "signed_in", detail }] };
}

export function closeSignIn(view: View, id: string, rev: number, personId: string): Part {
  const entry: LedgerEntry = { type: "event", at: view.now, event: "signed_out", detail: { person: personId, signIn: id } };
  return { changes: [{ table: "sign_in", id, rev, data: null }], entries: [entry] };
}

export function signedIn(context: SignInContext, secrets: Secrets, personId: string): { readonly ok: true } & SignedIn {
  const { signIn, secure } = context.cookies();
  const attributes = { httpOnly: true, sameSite: "Strict", path: "/", secure, maxAge: SIGN_IN_MS / 1000 } as const;
  return { ok: true, token: secrets.token, csrf: secrets.csrf, signInId: hashSecret(secrets.token), personId, cookie: { name: signIn, value: secrets.token, attributes } };
}

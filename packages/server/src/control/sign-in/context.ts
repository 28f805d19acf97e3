/** What every way to sign in works with, and what they have in common: limits, refusals with their row, attempts under way. */
import { cookieNames } from "../../auth/cookie.ts";
import type { Cookie, CookieNames } from "../../auth/cookie.ts";
import { createAttemptLimit } from "../../auth/attempt-limit.ts";
import type { AttemptLimit } from "../../auth/attempt-limit.ts";
import type { Identity } from "../../auth/identity.ts";
import type { Oidc } from "../../auth/oidc.ts";
import { hashSecret, isSecret, newSecret } from "../../auth/secret.ts";
import type { Role } from "../../store/entity/directory.ts";
import type { SignInAttempt } from "../../store/entity/sign-in.ts";
import type { Store, Stored } from "../../store/store.ts";
import type { Keys } from "../key/keys.ts";
import type { Ledger } from "../ledger.ts";
import { refuse } from "../refusal.ts";
import type { Refusal } from "../refusal.ts";
import type { Visitor } from "./sign-ins.ts";

export interface SignInsOptions {
  /** As in PeopleOptions; also what passkeys are bound to. */
  readonly origin: () => string;
  /** Cookies without `__Host-` and Secure, for browsers that keep none of http on this machine. */
  readonly plainCookies?: boolean;
  /** Hex SHA-256 of the operator's secret of `control.json`; null where there is none. */
  readonly operatorHash?: string | null;
  readonly oidc?: OidcSignIn | null;
}

export interface OidcSignIn {
  readonly provider: Oidc;
  /** A verified address of one of these makes a new person at the first sign-in. Empty: only invitations do. */
  readonly domains: readonly string[];
  readonly roles: readonly Role[];
}

export type SignInStore = Pick<Store, "read" | "commitLoose" | "list">;

export interface SignInContext {
  readonly ledger: Ledger;
  readonly store: SignInStore;
  readonly keys: Pick<Keys, "authenticate">;
  readonly origin: () => string;
  readonly cookies: () => CookieNames;
  readonly operatorHash: string | null;
  readonly oidc: OidcSignIn | null;
  readonly byAddress: AttemptLimit;
  readonly byAccount: AttemptLimit;
}

const ATTEMPT_MS = 10 * 60_000;
const WINDOW_MS = 15 * 60_000;
const TRIES_PER_ADDRESS = 30;
const TRIES_PER_ACCOUNT = 10;

export function createContext(ledger: Ledger, store: SignInStore, keys: Pick<Keys, "authenticate">, options: SignInsOptions): SignInContext {
  const { origin, plainCookies = false, operatorHash = null, oidc = null } = { ...options };
  return {
    ledger,
    store,
    keys,
    origin,
    cookies: () => cookieNames(origin(), plainCookies),
    operatorHash,
    oidc,
    byAddress: createAttemptLimit(TRIES_PER_ADDRESS, WINDOW_MS),
    byAccount: createAttemptLimit(TRIES_PER_ACCOUNT, WINDOW_MS),
  };
}

/** Where tries count together: an address; of somebody who is signed in the person, whom strangers at the same address do not lock out. */
export function triesOf({ address }: Visitor, identity: Identity): string {
  return identity.kind === "person" ? `person:${identity.personId}` : address;
}

/** Counts a try; a refusal where there were too many. What is over the limit leaves no row: a flood must not fill the record. */
export function countTry({ byAddress, byAccount, ledger }: SignInContext, from: string, account: string | null): Refusal | undefined {
  const now = ledger.resident.now;
  const wait = byAddress.begin(from, now) ?? (account === null ? undefined : byAccount.begin(account, now));
  return wait === undefined ? undefined : refuse("too_many", "Too many tries. Wait a while.", wait);
}

/** The address only gets this try back: else one's own sign-ins would pay for guesses at another's. */
export function clearTries({ byAddress, byAccount }: SignInContext, from: string, account: string | null): void {
  byAddress.refund(from);
  if (account !== null) byAccount.clear(account);
}

/** The precise reason goes to the record, a bland one to whoever tried. */
export async function refuseSignIn({ ledger }: SignInContext, visitor: Visitor, way: { readonly via: string; readonly why: string; readonly person: string | null }, told: string): Promise<Refusal> {
  const { via, why, person } = way;
  await ledger.run({
    needs: [],
    apply: (view) => ({ answer: undefined, entries: [{ type: "event", at: view.now, event: "sign_in_refused", detail: { via, why, person, address: visitor.address } }] }),
  });
  return refuse("unauthenticated", told);
}

/** Begins a sign-in of two steps. The cookie ties the second step to the browser of the first. */
export async function beginAttempt(context: SignInContext, attempt: Pick<SignInAttempt, "kind" | "facts" | "personId">): Promise<Cookie> {
  const token = newSecret("attempt");
  const createdAt = context.ledger.resident.now;
  const data: SignInAttempt = { ...attempt, createdAt, expiresAt: createdAt + ATTEMPT_MS };
  await context.store.commitLoose(context.ledger.tenant, [{ table: "sign_in_attempt", id: hashSecret(token), rev: 0, data }]);
  return attemptCookie(context, token, attempt.kind);
}

export async function readAttempt({ store, ledger }: SignInContext, token: string | undefined, kind: SignInAttempt["kind"]): Promise<Stored<SignInAttempt> | undefined> {
  if (token === undefined || !isSecret("attempt", token)) return undefined;
  const id = hashSecret(token);
  const read = await store.read(ledger.tenant, [{ table: "sign_in_attempt", id }]);
  const found = read.get("sign_in_attempt", id);
  return found !== undefined && found.data.kind === kind && read.now < found.data.expiresAt ? found : undefined;
}

/** An attempt is good for one answer, right or wrong. False: another answer was faster. */
export function dropAttempt({ store, ledger }: SignInContext, attempt: Stored<SignInAttempt>): Promise<boolean> {
  return store.commitLoose(ledger.tenant, [{ table: "sign_in_attempt", id: attempt.id, rev: attempt.rev, data: null }]);
}

// The provider sends the browser back from its own site: a Strict cookie would stay behind.
function attemptCookie(context: SignInContext, token: string, kind: SignInAttempt["kind"]): Cookie {
  const { attempt, secure } = context.cookies();
  return { name: attempt, value: token, attributes: { httpOnly: true, sameSite: kind === "oidc" ? "Lax" : "Strict", path: "/", secure, maxAge: ATTEMPT_MS / 1000 } };
}

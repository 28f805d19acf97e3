/**
 * What a request's credential proves: the one place where an identity is made. Anything that is not whole, known and live is
 * anonymous; two credentials at once are refused, since nobody could say whose doing it would be. A browser's sign-in counts
 * in its cookie alone and a command line's token in the header alone, so neither can be used in the other's way.
 */
import { readCookie } from "../../auth/cookie.ts";
import { ANONYMOUS, OPERATOR, PASSKEY_FRESH_MS } from "../../auth/identity.ts";
import type { Identity } from "../../auth/identity.ts";
import { hashSecret, isSecret, looksLikeAgentSecret, matchesHash } from "../../auth/secret.ts";
import type { SignIn } from "../../store/entity/sign-in.ts";
import type { Stored } from "../../store/store.ts";
import { findPerson } from "../people/rights.ts";
import type { SignInContext } from "./context.ts";
import { IDLE_MS, TOKEN_IDLE_MS } from "./open-sign-in.ts";
import type { Identified, Presented } from "./sign-ins.ts";

const BEARER = /^Bearer ([A-Za-z0-9_-]{1,200})$/i;
/** How seldom the use of a sign-in is written down. */
const TOUCH_MS = 60_000;

export async function identify(context: SignInContext, { authorization, cookie, csrf }: Presented): Promise<Identified> {
  const browser = readCookie(cookie, context.cookies().signIn);
  if (browser.ambiguous) return nobody("cookie", "the sign-in cookie more than once");
  if (authorization !== undefined && browser.value !== undefined) return nobody("bearer", "two credentials at once");
  if (authorization !== undefined) return byHeader(context, authorization);
  if (browser.value === undefined) return { identity: ANONYMOUS, credential: "none", csrf: "not_needed", reason: null };
  const found = await bySignIn(context, browser.value, "cookie");
  if (typeof found === "string") return nobody("cookie", found);
  const isMatch = csrf !== undefined && matchesHash(csrf, found.csrfHash);
  return { identity: found.identity, credential: "cookie", csrf: csrf === undefined ? "absent" : isMatch ? "match" : "wrong", reason: null };
}

async function byHeader(context: SignInContext, authorization: string): Promise<Identified> {
  const secret = BEARER.exec(authorization)?.[1];
  if (secret === undefined) return nobody("bearer", "an authorization header of another form");
  if (looksLikeAgentSecret(secret)) {
    const agent = context.keys.authenticate(secret);
    return typeof agent === "string" ? nobody("bearer", agent) : known(agent);
  }
  if (isSecret("operator", secret)) return context.operatorHash !== null && matchesHash(secret, context.operatorHash) ? known(OPERATOR) : nobody("bearer", "another operator's secret");
  const found = await bySignIn(context, secret, "bearer");
  return typeof found === "string" ? nobody("bearer", found) : known(found.identity);
}

function known(identity: Identity): Identified {
  return { identity, credential: "bearer", csrf: "not_needed", reason: null };
}

function nobody(credential: Identified["credential"], reason: string): Identified {
  return { identity: ANONYMOUS, credential, csrf: "not_needed", reason };
}

async function bySignIn(context: SignInContext, token: string, credential: "cookie" | "bearer"): Promise<{ readonly identity: Identity; readonly csrfHash: string } | string> {
  if (!isSecret("sign_in", token)) return "a sign-in of another form";
  const id = hashSecret(token);
  const { found, now } = await readSignIn(context, id);
  if (found === undefined) return "a sign-in that is not known";
  const { data } = found;
  if ((data.via === "token") !== (credential === "bearer")) return "a sign-in in another's place";
  if (!isLive(data, now)) return "a sign-in that has expired";
  const person = findPerson(context.ledger.resident, data.personId);
  if (person === undefined || person.data.status !== "active") return "a sign-in of a person who is not active";
  if (data.createdAt < (person.data.signInsFrom ?? 0)) return "a sign-in that was ended";
  await touch(context, found, now);
  const { name, roles } = person.data;
  const isFresh = data.passkeyAt !== null && now - data.passkeyAt < PASSKEY_FRESH_MS;
  const assurance = data.assurance === "passkey" && !isFresh ? "authenticated" : data.assurance;
  return {
    identity: { kind: "person", personId: person.id, name, roles, assurance, passkeyAt: data.passkeyAt, signedDigest: isFresh ? data.signedDigest : null, signInId: id, signedInAt: data.createdAt, via: data.via },
    csrfHash: data.csrfHash,
  };
}

/**
 * The sign-in as stored now. Where another instance has committed what this one has not heard of yet, the ledger catches up
 * first: it may be that the person was disabled.
 */
async function readSignIn({ store, ledger }: SignInContext, id: string): Promise<{ readonly found: Stored<SignIn> | undefined; readonly now: number }> {
  const read = await store.read(ledger.tenant, [{ table: "sign_in", id }]);
  if (read.head.seq <= ledger.head.seq) return { found: read.get("sign_in", id), now: read.now };
  return ledger.run({ needs: [{ table: "sign_in", id }], apply: (view) => ({ answer: { found: view.get("sign_in", id), now: view.now } }) });
}

export function isLive(signIn: SignIn, now: number): boolean {
  return now < signIn.expiresAt && now - signIn.lastUsedAt < (signIn.via === "token" ? TOKEN_IDLE_MS : IDLE_MS);
}

/** Of several requests at once one writes it; that the others do not, changes nothing. */
async function touch({ store, ledger }: SignInContext, { id, rev, data }: Stored<SignIn>, now: number): Promise<void> {
  if (now - data.lastUsedAt < TOUCH_MS) return;
  await store.commitLoose(ledger.tenant, [{ table: "sign_in", id, rev, data: { ...data, lastUsedAt: now } }]);
}

/** What people see and end of their own sign-ins, and tokens for their command line. */
import type { Cookie } from "../../auth/cookie.ts";
import type { Identity } from "../../auth/identity.ts";
import { viewPerson } from "../people/create-people.ts";
import { actor, isOnePersonMode, isRefusal } from "../people/rights.ts";
import { refuse } from "../refusal.ts";
import type { Answer } from "../refusal.ts";
import type { SignInContext } from "./context.ts";
import { isLive } from "./identify.ts";
import { closeSignIn, newSecrets, openSignIn, signInKey } from "./open-sign-in.ts";
import type { MeView, SignInView } from "./sign-ins.ts";

const DAY_MS = 86_400_000;
const LONGEST_TOKEN_DAYS = 90;
const SWEPT_AT_ONCE = 500;

export function me({ ledger }: SignInContext, identity: Identity): Promise<Answer<MeView>> {
  const person = actor(ledger.resident, identity, []);
  if (isRefusal(person) || identity.kind !== "person") return Promise.resolve(isRefusal(person) ? person : refuse("forbidden", "Only people are somebody."));
  const { assurance, passkeyAt, signInId } = identity;
  return Promise.resolve({ ok: true, person: viewPerson(person), assurance, passkeyAt, onePersonMode: isOnePersonMode(ledger.resident), signInId });
}

export async function listSignIns({ ledger, store }: SignInContext, identity: Identity): Promise<Answer<{ readonly signIns: readonly SignInView[] }>> {
  const person = actor(ledger.resident, identity, []);
  if (isRefusal(person)) return person;
  const rows = await store.list(ledger.tenant, { table: "sign_in", where: { person_id: person.id }, orderBy: "expires_at", descending: true, limit: 500 });
  const live = rows.filter(({ data }) => isLive(data, ledger.resident.now) && data.createdAt >= (person.data.signInsFrom ?? 0));
  const isCurrent = (id: string) => identity.kind === "person" && identity.signInId === id;
  return { ok: true, signIns: live.map(({ id, data: { via, about, assurance, createdAt, lastUsedAt } }) => ({ id, via, about, assurance, createdAt, lastUsedAt, current: isCurrent(id) })) };
}

export function endSignIn({ ledger }: SignInContext, identity: Identity, id: string): Promise<Answer<object>> {
  return ledger.run<Answer<object>>({
    needs: [{ table: "sign_in", id }],
    apply: (view) => {
      const person = actor(view, identity, []);
      if (isRefusal(person)) return { answer: person };
      const found = view.get("sign_in", id);
      if (found === undefined || found.data.personId !== person.id) return { answer: refuse("not_found", "There is no such sign-in of yours.") };
      return { answer: { ok: true }, ...closeSignIn(view, id, found.rev, person.id) };
    },
  });
}

/** Works also where the sign-in has ended already: whoever wants to be out is out. */
export async function signOut(context: SignInContext, identity: Identity): Promise<Answer<{ readonly cookie: Cookie }>> {
  if (identity.kind !== "person") return refuse("unauthenticated", "Nobody is signed in.");
  await endSignIn(context, identity, identity.signInId);
  const { signIn, secure } = context.cookies();
  return { ok: true, cookie: { name: signIn, value: "", attributes: { httpOnly: true, sameSite: "Strict", path: "/", secure, maxAge: 0 } } };
}

export async function makeToken({ ledger }: SignInContext, identity: Identity, about: string, days: number): Promise<Answer<{ readonly token: string; readonly expiresAt: number }>> {
  if (!Number.isInteger(days) || days < 1 || days > LONGEST_TOKEN_DAYS) return refuse("bad_request", `A token is for 1 to ${LONGEST_TOKEN_DAYS} days.`);
  if (identity.kind === "person" && identity.via === "token") return refuse("forbidden", "A token makes no tokens.");
  const secrets = newSecrets();
  return ledger.run<Answer<{ readonly token: string; readonly expiresAt: number }>>({
    needs: [signInKey(secrets)],
    apply: (view) => {
      const person = actor(view, identity, []);
      if (isRefusal(person)) return { answer: person };
      const expiresAt = view.now + days * DAY_MS;
      return { answer: { ok: true, token: secrets.token, expiresAt }, ...openSignIn(view, person, { secrets, via: "token", visitor: { address: "", about }, expiresAt }) };
    },
  });
}

/** Takes expired sign-ins and attempts out of the store, some hundred at a time. They count no more either way. */
export async function sweepSignIns({ ledger, store }: SignInContext): Promise<void> {
  const expired = { range: { expires_at: { below: ledger.resident.now } }, orderBy: "expires_at", limit: SWEPT_AT_ONCE } as const;
  const signIns = await store.list(ledger.tenant, { table: "sign_in", ...expired });
  const attempts = await store.list(ledger.tenant, { table: "sign_in_attempt", ...expired });
  if (signIns.length + attempts.length === 0) return;
  await store.commitLoose(ledger.tenant, [
    ...signIns.map(({ id, rev }) => ({ table: "sign_in", id, rev, data: null }) as const),
    ...attempts.map(({ id, rev }) => ({ table: "sign_in_attempt", id, rev, data: null }) as const),
  ]);
}

/** Sign-in by address and password, and the change of a password. An unknown address takes as long and says the same. */
import type { Identity, PersonIdentity } from "../../auth/identity.ts";
import { checkPassword, faultOfPassword, hashPassword } from "../../auth/password.ts";
import type { Person } from "../../store/entity/directory.ts";
import type { Stored } from "../../store/store.ts";
import { actor, findPerson, foldAddress, isRefusal, sameAddress } from "../people/rights.ts";
import { refuse } from "../refusal.ts";
import type { Answer, Refusal } from "../refusal.ts";
import { clearTries, countTry, refuseSignIn, triesOf } from "./context.ts";
import type { SignInContext } from "./context.ts";
import { newSecrets, openSignIn, signedIn, signInKey } from "./open-sign-in.ts";
import type { SignedIn, Visitor } from "./sign-ins.ts";

const WRONG = "Address or password is wrong.";
const BUSY = refuse("too_many", "Too many people are signing in at the moment. Try again.", 2000);
const CHANGED = refuse("conflict", "The password was changed meanwhile.");
/** So soon after another proof of who one is, a forgotten password may be replaced without it. */
const JUST_SIGNED_IN_MS = 10 * 60_000;

export async function byPassword(context: SignInContext, visitor: Visitor, { email, password }: { readonly email: string; readonly password: string }): Promise<Answer<SignedIn>> {
  const account = foldAddress(email);
  const tooMany = countTry(context, visitor.address, account);
  if (tooMany !== undefined) return tooMany;
  const person = context.ledger.resident.all("person").find(({ data }) => data.email !== null && data.status === "active" && sameAddress(data.email, email));
  const checked = await checkPassword(password, person?.data.passwordHash ?? null);
  if (checked === "busy") return BUSY;
  if (!checked || person === undefined) return refuseSignIn(context, visitor, { via: "password", why: person === undefined ? "unknown address" : "wrong password", person: person?.id ?? null }, WRONG);
  const secrets = newSecrets();
  const isOpen = await context.ledger.run<boolean>({
    needs: [signInKey(secrets)],
    apply: (view) => {
      const now = findPerson(view, person.id);
      // The password was checked against that hash: another one, or a person disabled meanwhile, is another answer.
      if (now?.data.status !== "active" || now.data.passwordHash !== person.data.passwordHash) return { answer: false };
      return { answer: true, ...openSignIn(view, now, { secrets, via: "password", visitor }) };
    },
  });
  if (!isOpen) return refuseSignIn(context, visitor, { via: "password", why: "changed meanwhile", person: person.id }, WRONG);
  clearTries(context, visitor.address, account);
  return signedIn(context, secrets, person.id);
}

export interface NewPassword {
  readonly current: string | null;
  readonly password: string;
}

export async function changePassword(context: SignInContext, visitor: Visitor, identity: Identity, body: NewPassword): Promise<Answer<SignedIn>> {
  const person = actor(context.ledger.resident, identity, []);
  if (isRefusal(person)) return person;
  if (identity.kind !== "person" || identity.via === "token") return refuse("forbidden", "A password is changed in the browser.");
  const refused = await refuseChange(context, visitor, identity, person, body);
  if (refused !== undefined) return refused;
  const passwordHash = await hashPassword(body.password);
  const secrets = newSecrets();
  const answer = await context.ledger.run<Refusal | undefined>({
    needs: [signInKey(secrets)],
    apply: (view) => {
      const now = actor(view, identity, []);
      if (isRefusal(now)) return { answer: now };
      if (now.data.passwordHash !== person.data.passwordHash) return { answer: CHANGED };
      const data: Person = { ...now.data, passwordHash, signInsFrom: view.now + 1 };
      const opened = openSignIn(view, { id: now.id, data }, { secrets, via: identity.via, visitor });
      const entry = { type: "event", at: view.now, event: "person_changed", detail: { person: now.id, by: now.id, password: "changed" } } as const;
      return { answer: undefined, changes: [{ table: "person", id: now.id, rev: now.rev, data }, ...opened.changes], entries: [entry, ...opened.entries] };
    },
  });
  return answer ?? signedIn(context, secrets, person.id);
}

async function refuseChange(context: SignInContext, visitor: Visitor, identity: PersonIdentity, { id, data }: Stored<Person>, body: NewPassword): Promise<Refusal | undefined> {
  if (data.email === null) return refuse("conflict", "A password goes with an e-mail address. Set one first.");
  const fault = faultOfPassword(body.password, [data.name, data.email, data.email.split("@")[0] ?? ""]);
  if (fault !== undefined) return refuse("bad_request", fault);
  const isJust = identity.via !== "password" && context.ledger.resident.now - identity.signedInAt < JUST_SIGNED_IN_MS;
  if (data.passwordHash === null || (body.current === null && isJust)) return undefined;
  const account = `password of ${id}`;
  const from = triesOf(visitor, identity);
  const tooMany = countTry(context, from, account);
  if (tooMany !== undefined) return tooMany;
  const checked = body.current !== null && (await checkPassword(body.current, data.passwordHash));
  if (checked === "busy") return BUSY;
  if (checked) clearTries(context, from, account);
  return checked ? undefined : refuse("forbidden", "The current password is wrong.");
}

/** Passkeys of one's own: add one, take one away. */
import type { Identity } from "../../auth/identity.ts";
import { canUsePasskeys, checkRegistration, registrationOptions } from "../../auth/passkey.ts";
import type { Registered } from "../../auth/passkey.ts";
import type { Person } from "../../store/entity/directory.ts";
import type { Stored } from "../../store/store.ts";
import type { Command, View } from "../ledger.ts";
import { actor, isRefusal } from "../people/rights.ts";
import { refuse } from "../refusal.ts";
import type { Answer, Refusal } from "../refusal.ts";
import { NO_PASSKEYS } from "./by-passkey.ts";
import { beginAttempt, dropAttempt, readAttempt } from "./context.ts";
import type { SignInContext } from "./context.ts";
import type { Begun } from "./sign-ins.ts";

const MOST = 20;
const IN_BROWSER = refuse("forbidden", "Passkeys are changed in the browser.");

export async function passkeyRegistrationOptions(context: SignInContext, identity: Identity): Promise<Answer<Begun<object>>> {
  if (!canUsePasskeys(context.origin())) return NO_PASSKEYS;
  const person = inBrowser(context.ledger.resident, identity);
  if (isRefusal(person)) return person;
  const options = await registrationOptions(context.origin(), person);
  return { ok: true, options, cookie: await beginAttempt(context, { kind: "passkey_registration", facts: { challenge: options.challenge }, personId: person.id }) };
}

export async function addPasskey(context: SignInContext, identity: Identity, token: string | undefined, name: string, answer: unknown): Promise<Answer<{ readonly passkeyId: string }>> {
  const person = inBrowser(context.ledger.resident, identity);
  if (isRefusal(person)) return person;
  const attempt = await readAttempt(context, token, "passkey_registration");
  if (attempt === undefined || attempt.data.personId !== person.id || !(await dropAttempt(context, attempt))) return refuse("conflict", "This took too long, or was begun elsewhere. Begin again.");
  const made = await checkRegistration(context.origin(), attempt.data.facts["challenge"] ?? "", answer);
  if (typeof made === "string") return refuse("bad_request", `The passkey was not accepted: ${made}`);
  return context.ledger.run(addCommand(identity, name.slice(0, 200), made));
}

function addCommand(identity: Identity, name: string, made: Registered): Command<Answer<{ readonly passkeyId: string }>> {
  return {
    needs: [],
    apply: (view) => {
      const person = inBrowser(view, identity);
      if (isRefusal(person)) return { answer: person };
      // A credential id names one key of one person: whoever brings another's id would answer in their place.
      if (view.all("person").some((it) => it.data.passkeys.some(({ id }) => id === made.id))) return { answer: refuse("conflict", "This passkey is known already.") };
      if (person.data.passkeys.length >= MOST) return { answer: refuse("too_many", `At most ${MOST} passkeys.`) };
      const passkeys = [...person.data.passkeys, { ...made, name, createdAt: view.now }];
      return { answer: { ok: true, passkeyId: made.id }, ...changed(view, person, passkeys, { added: made.id, publicKey: made.publicKey }) };
    },
  };
}

export function removePasskey(context: SignInContext, identity: Identity, id: string): Promise<Answer<object>> {
  return context.ledger.run<Answer<object>>({
    needs: [],
    apply: (view) => {
      const person = inBrowser(view, identity);
      if (isRefusal(person)) return { answer: person };
      const passkeys = person.data.passkeys.filter((it) => it.id !== id);
      if (passkeys.length === person.data.passkeys.length) return { answer: refuse("not_found", "There is no such passkey of yours.") };
      return { answer: { ok: true }, ...changed(view, person, passkeys, { removed: id }) };
    },
  });
}

function inBrowser(directory: Parameters<typeof actor>[0], identity: Identity): Stored<Person> | Refusal {
  return identity.kind === "person" && identity.via === "token" ? IN_BROWSER : actor(directory, identity, []);
}

function changed(view: View, { id, rev, data }: Stored<Person>, passkeys: Person["passkeys"], facts: { readonly [key: string]: string }) {
  return {
    changes: [{ table: "person", id, rev, data: { ...data, passkeys } }],
    entries: [{ type: "event", at: view.now, event: "person_changed", detail: { person: id, by: id, ...facts } }],
  } as const;
}

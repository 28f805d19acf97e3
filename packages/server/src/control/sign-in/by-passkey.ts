/**
 * Sign-in by passkey, and the step up of a sign-in there is: then the answer may be a signature over one request's digest, and
 * the record keeps it whole, so that it can be verified later without us. A step up gives the sign-in a new token.
 */
import type { Identity } from "../../auth/identity.ts";
import { assertionOptions, canUsePasskeys, checkAssertion, personOfAssertion, readAssertion } from "../../auth/passkey.ts";
import type { Assertion } from "../../auth/passkey.ts";
import type { Passkey, Person } from "../../store/entity/directory.ts";
import type { SignInAttempt } from "../../store/entity/sign-in.ts";
import type { Change, Stored } from "../../store/store.ts";
import type { Command } from "../ledger.ts";
import { actor, isRefusal } from "../people/rights.ts";
import { refuse } from "../refusal.ts";
import type { Answer } from "../refusal.ts";
import { beginAttempt, clearTries, countTry, dropAttempt, readAttempt, refuseSignIn, triesOf } from "./context.ts";
import type { SignInContext } from "./context.ts";
import { newSecrets, openSignIn, signedIn, signInKey } from "./open-sign-in.ts";
import type { Opening, Secrets } from "./open-sign-in.ts";
import type { Begun, SignedIn, Visitor } from "./sign-ins.ts";

const WRONG = "This passkey was not accepted.";
export const NO_PASSKEYS = refuse("conflict", "Browsers offer passkeys only for a host name: open this installation by its name, such as localhost.");

export async function passkeyOptions(context: SignInContext, identity: Identity, requestDigest: string | null): Promise<Answer<Begun<object>>> {
  const origin = context.origin();
  if (!canUsePasskeys(origin)) return NO_PASSKEYS;
  if (identity.kind !== "person") {
    if (identity.kind !== "anonymous" || requestDigest !== null) return refuse("forbidden", "Only a signed-in person may confirm a request.");
    return begin(context, await assertionOptions(origin, [], null), { signInId: "", requestDigest: "" }, null);
  }
  const person = actor(context.ledger.resident, identity, []);
  if (isRefusal(person)) return person;
  if (identity.via === "token") return refuse("forbidden", "A passkey is used in the browser.");
  if (person.data.passkeys.length === 0) return refuse("conflict", "Add a passkey first.");
  const allowed = person.data.passkeys.map((it) => it.id);
  return begin(context, await assertionOptions(origin, allowed, requestDigest), { signInId: identity.signInId, requestDigest: requestDigest ?? "" }, person.id);
}

async function begin(context: SignInContext, options: { readonly challenge: string }, facts: { readonly signInId: string; readonly requestDigest: string }, personId: string | null): Promise<Answer<Begun<object>>> {
  const cookie = await beginAttempt(context, { kind: "passkey", facts: { ...facts, challenge: options.challenge }, personId });
  return { ok: true, options, cookie };
}

export async function byPasskey(context: SignInContext, visitor: Visitor, identity: Identity, token: string | undefined, answer: unknown): Promise<Answer<SignedIn>> {
  const from = triesOf(visitor, identity);
  const tooMany = countTry(context, from, null);
  if (tooMany !== undefined) return tooMany;
  const no = (why: string, person: string | null = null) => refuseSignIn(context, visitor, { via: "passkey", why, person }, WRONG);
  const attempt = await readAttempt(context, token, "passkey");
  if (attempt === undefined || !(await dropAttempt(context, attempt))) return no("no attempt under way");
  const assertion = readAssertion(answer);
  if (assertion === undefined) return no("not an assertion");
  const owner = ownerOf(context, assertion);
  if (owner === undefined) return no("unknown passkey");
  const { person, passkey } = owner;
  if (!isBegunBy(attempt.data, identity, person.id)) return no("another person's attempt", person.id);
  const checked = await checkAssertion(context.origin(), attempt.data.facts["challenge"] ?? "", assertion, passkey);
  if (typeof checked === "string") return no(checked, person.id);
  const secrets = newSecrets();
  const why = await context.ledger.run(passkeyCommand({ attempt: attempt.data, person, passkey, counter: checked.counter, assertion, identity, secrets, visitor }));
  if (why !== undefined) return no(why, person.id);
  clearTries(context, from, null);
  return signedIn(context, secrets, person.id);
}

function ownerOf({ ledger }: SignInContext, assertion: Assertion): { readonly person: Stored<Person>; readonly passkey: Passkey } | undefined {
  for (const person of ledger.resident.all("person")) {
    const passkey = person.data.passkeys.find((it) => it.id === assertion.id);
    const told = personOfAssertion(assertion);
    if (passkey !== undefined && (told === null || told === person.id)) return { person, passkey };
  }
  return undefined;
}

/** A step up is answered by the same person in the same sign-in; a sign-in by whoever has the passkey. */
function isBegunBy({ personId, facts }: SignInAttempt, identity: Identity, owner: string): boolean {
  if (personId === null) return true;
  return identity.kind === "person" && identity.personId === personId && personId === owner && identity.signInId === facts["signInId"];
}

interface Proof {
  readonly attempt: SignInAttempt;
  readonly person: Stored<Person>;
  readonly passkey: Passkey;
  readonly counter: number;
  readonly assertion: Assertion;
  readonly identity: Identity;
  readonly secrets: Secrets;
  readonly visitor: Visitor;
}

function passkeyCommand(proof: Proof): Command<string | undefined> {
  const { attempt, passkey, counter, person: asked } = proof;
  const signInId = attempt.facts["signInId"] ?? "";
  return {
    needs: [signInKey(proof.secrets), ...(attempt.personId === null ? [] : [{ table: "sign_in", id: signInId } as const])],
    apply: (view) => {
      const person = view.get("person", asked.id);
      if (person?.data.status !== "active") return { answer: "person not active" };
      const now = person.data.passkeys.find((it) => it.id === passkey.id);
      // The same signature twice, or a clone of the authenticator: the counter has moved on.
      if (now === undefined || now.counter !== passkey.counter) return { answer: "the passkey has changed meanwhile" };
      const older = attempt.personId === null ? undefined : view.get("sign_in", signInId);
      if (attempt.personId !== null && older === undefined) return { answer: "the sign-in has ended" };
      const opened = openSignIn(view, person, opening(proof, older?.data.expiresAt));
      const changes: Change[] = [...opened.changes, ...counted(person, passkey.id, counter)];
      if (older !== undefined) changes.push({ table: "sign_in", id: older.id, rev: older.rev, data: null });
      return { answer: undefined, changes, entries: opened.entries };
    },
  };
}

function opening({ attempt, assertion, passkey, secrets, visitor }: Proof, expiresAt: number | undefined): Opening {
  const digest = attempt.facts["requestDigest"] ?? "";
  const { authenticatorData, clientDataJSON, signature } = assertion.response;
  const proof = { passkey: passkey.id, stepUp: expiresAt !== undefined, requestDigest: digest === "" ? null : digest, authenticatorData, clientDataJSON, signature };
  return { secrets, via: "passkey", visitor, proof, passkey: { signedDigest: digest === "" ? null : digest }, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

function counted({ id, rev, data }: Stored<Person>, passkeyId: string, counter: number): readonly Change[] {
  const passkeys = data.passkeys.map((it) => (it.id === passkeyId ? { ...it, counter } : it));
  return passkeys.every((it, index) => it.counter === data.passkeys[index]?.counter) ? [] : [{ table: "person", id, rev, data: { ...data, passkeys } }];
}

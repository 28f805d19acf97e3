/**
 * Sign-in at the OpenID provider. People are matched by issuer and subject, and by nothing else. The first time an invitation
 * binds the subject to its person; or, where the operator chose domains, a verified address of one makes a new person. An address
 * that a person has already opens nothing: whoever can set an address at the provider would take that person over.
 */
import { newId, hashSecret, isSecret } from "../../auth/secret.ts";
import type { OidcSubject } from "../../auth/oidc.ts";
import type { Cookie } from "../../auth/cookie.ts";
import type { Person } from "../../store/entity/directory.ts";
import type { Stored } from "../../store/store.ts";
import type { Command, Plan, View } from "../ledger.ts";
import { added, newPerson } from "../people/person-commands.ts";
import { sameAddress } from "../people/rights.ts";
import { refuse } from "../refusal.ts";
import type { Answer } from "../refusal.ts";
import { liveLink, spendLink } from "./by-link.ts";
import { beginAttempt, clearTries, countTry, dropAttempt, readAttempt, refuseSignIn } from "./context.ts";
import type { OidcSignIn, SignInContext } from "./context.ts";
import { newSecrets, openSignIn, signedIn, signInKey } from "./open-sign-in.ts";
import type { Opening } from "./open-sign-in.ts";
import type { SignedIn, Visitor } from "./sign-ins.ts";

const NONE = refuse("not_found", "No OpenID provider is set up here.");
const WRONG = "The sign-in at the provider was not accepted. Begin again, or ask an owner for an invitation.";
const AWAY = refuse("internal", "The OpenID provider does not answer.");

export async function startOidc(context: SignInContext, linkToken: string | null): Promise<Answer<{ readonly url: string; readonly cookie: Cookie }>> {
  if (context.oidc === null) return NONE;
  if (linkToken !== null && !isSecret("link", linkToken)) return refuse("bad_request", "This is not an invitation.");
  const began = await context.oidc.provider.start(redirectUri(context)).catch(() => undefined);
  if (began === undefined) return AWAY;
  const { url, state, nonce, verifier } = began;
  // The invitation by its hash: a dump of the store holds nothing that could be used.
  const facts = { state, nonce, verifier, link: linkToken === null ? "" : hashSecret(linkToken) };
  return { ok: true, url, cookie: await beginAttempt(context, { kind: "oidc", facts, personId: null }) };
}

export async function finishOidc(context: SignInContext, visitor: Visitor, token: string | undefined, url: string): Promise<Answer<SignedIn>> {
  if (context.oidc === null) return NONE;
  const tooMany = countTry(context, visitor.address, null);
  if (tooMany !== undefined) return tooMany;
  const no = (why: string, person: string | null = null) => refuseSignIn(context, visitor, { via: "oidc", why, person }, WRONG);
  const attempt = await readAttempt(context, token, "oidc");
  if (attempt === undefined || !(await dropAttempt(context, attempt))) return no("no attempt under way in this browser");
  const { state = "", nonce = "", verifier = "", link = "" } = attempt.data.facts;
  const query = new URL(url, context.origin()).search;
  const subject = await context.oidc.provider.finish(redirectUri(context), query, { state, nonce, verifier });
  if (typeof subject === "string") return no(subject);
  const secrets = newSecrets();
  const opening = { secrets, via: "oidc", visitor, proof: { issuer: subject.issuer, subject: subject.subject } } as const;
  const found = await context.ledger.run(subjectCommand(context.oidc, subject, link, newId(), opening));
  if ("why" in found) return no(found.why, found.personId);
  clearTries(context, visitor.address, null);
  return signedIn(context, secrets, found.personId);
}

function redirectUri(context: SignInContext): string {
  return `${context.origin()}/v1/sign-in/oidc/callback`;
}

type Found = { readonly personId: string } | { readonly why: string; readonly personId: string | null };

function subjectCommand(oidc: OidcSignIn, subject: OidcSubject, link: string, newPersonId: string, opening: Opening): Command<Found> {
  return {
    needs: [signInKey(opening.secrets), ...(link === "" ? [] : [{ table: "one_time_link", id: link } as const])],
    apply: (view) => {
      const known = view.all("person").find((it) => it.data.subjects.some((one) => one.issuer === subject.issuer && one.subject === subject.subject));
      if (link !== "") return bindByLink(view, subject, link, known, opening);
      if (known === undefined) return makePerson(view, oidc, subject, newPersonId, opening);
      if (known.data.status !== "active") return { answer: { why: "person not active", personId: known.id } };
      return { answer: { personId: known.id }, ...openSignIn(view, known, opening) };
    },
  };
}

function bindByLink(view: View, { issuer, subject }: OidcSubject, linkId: string, known: Stored<Person> | undefined, opening: Opening): Plan<Found> {
  const found = liveLink(view, linkId);
  if ("why" in found) return { answer: found };
  const { link, person } = found;
  if (known !== undefined && known.id !== person.id) return { answer: { why: "an invitation of another person", personId: known.id } };
  const data: Person = known === undefined ? { ...person.data, subjects: [...person.data.subjects, { issuer, subject }] } : person.data;
  const opened = openSignIn(view, { id: person.id, data }, opening);
  const entry = { type: "event", at: view.now, event: "person_changed", detail: { person: person.id, by: person.id, issuer, subject } } as const;
  return {
    answer: { personId: person.id },
    changes: [{ table: "person", id: person.id, rev: person.rev, data }, ...spendLink(view, link).changes, ...opened.changes],
    entries: [entry, ...opened.entries],
    before: link.data.expiresAt,
  };
}

function makePerson(view: View, { domains, roles }: OidcSignIn, { issuer, subject, verifiedEmail: email, name }: OidcSubject, id: string, opening: Opening): Plan<Found> {
  const domain = email === null ? null : email.slice(email.lastIndexOf("@") + 1);
  if (email === null || domain === null || !domains.some((it) => sameAddress(it, domain))) return { answer: { why: "unknown subject, and no invitation", personId: null } };
  const taken = view.all("person").find((it) => it.data.email !== null && sameAddress(it.data.email, email));
  if (taken !== undefined) return { answer: { why: "the address of another person, and no invitation", personId: taken.id } };
  const data: Person = { ...newPerson(view, id, { name, email, roles }), subjects: [{ issuer, subject }] };
  const made = added(view, id, data, "oidc");
  const opened = openSignIn(view, { id, data }, opening);
  return { answer: { personId: id }, changes: [{ table: "person", id, rev: 0, data }, ...made.changes, ...opened.changes], entries: [...made.entries, ...opened.entries] };
}

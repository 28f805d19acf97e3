/** Sign-in by a one-time link: the owner's, or an invitation. Spent in the commit that makes the sign-in. */
import type { Identity } from "../../auth/identity.ts";
import { hashSecret, isSecret } from "../../auth/secret.ts";
import type { Person } from "../../store/entity/directory.ts";
import type { OneTimeLink } from "../../store/entity/sign-in.ts";
import type { Stored } from "../../store/store.ts";
import type { View } from "../ledger.ts";
import type { Part } from "../people/change-mode.ts";
import { findPerson } from "../people/rights.ts";
import { refuse } from "../refusal.ts";
import type { Answer } from "../refusal.ts";
import { clearTries, countTry, refuseSignIn } from "./context.ts";
import type { SignInContext } from "./context.ts";
import { newSecrets, openSignIn, signedIn, signInKey } from "./open-sign-in.ts";
import type { SignedIn, Visitor } from "./sign-ins.ts";

const DEAD_LINK = "This link does not work, or not any more. Ask for a new one.";

type Spent = { readonly person: Stored<Person> } | { readonly why: string; readonly personId: string | null } | "another";

export async function byLink(context: SignInContext, visitor: Visitor, current: Identity, token: string): Promise<Answer<SignedIn>> {
  const tooMany = countTry(context, visitor.address, null);
  if (tooMany !== undefined) return tooMany;
  if (!isSecret("link", token)) return refuseSignIn(context, visitor, { via: "link", why: "not a link", person: null }, DEAD_LINK);
  const id = hashSecret(token);
  const secrets = newSecrets();
  const spent = await context.ledger.run<Spent>({
    needs: [{ table: "one_time_link", id }, signInKey(secrets)],
    apply: (view) => {
      const found = liveLink(view, id);
      if ("why" in found) return { answer: found };
      // Somebody else's link must not turn this browser into that person's: what is done next would be theirs.
      if (current.kind === "person" && current.personId !== found.person.id) return { answer: "another" };
      const opened = openSignIn(view, found.person, { secrets, via: "link", visitor, proof: { purpose: found.link.data.purpose } });
      const used = spendLink(view, found.link);
      return { answer: { person: found.person }, changes: [...used.changes, ...opened.changes], entries: opened.entries, before: found.link.data.expiresAt };
    },
  });
  if (spent === "another") return refuse("forbidden", "This link is for another person than the one signed in here. Sign out first.");
  if ("why" in spent) return refuseSignIn(context, visitor, { via: "link", why: spent.why, person: spent.personId }, DEAD_LINK);
  clearTries(context, visitor.address, null);
  return signedIn(context, secrets, spent.person.id);
}

/** The link and its person, or why it does not work. The command must need the link's row. */
export function liveLink(view: View, id: string): { readonly link: Stored<OneTimeLink>; readonly person: Stored<Person> } | { readonly why: string; readonly personId: string | null } {
  const link = view.get("one_time_link", id);
  const person = link === undefined || link.data.personId === null ? undefined : findPerson(view, link.data.personId);
  if (link === undefined || person === undefined) return { why: "unknown link", personId: null };
  const personId = person.id;
  if (link.data.usedAt !== null) return { why: "used link", personId };
  if (view.now >= link.data.expiresAt) return { why: "expired link", personId };
  if (link.data.createdAt < (person.data.linksFrom ?? 0)) return { why: "replaced link", personId };
  return person.data.status === "active" ? { link, person } : { why: "person not active", personId };
}

export function spendLink(view: View, { id, rev, data }: Stored<OneTimeLink>): Pick<Part, "changes"> {
  return { changes: [{ table: "one_time_link", id, rev, data: { ...data, usedAt: view.now } }] };
}

/** Commands about people: add, change, invite, and the owner's link. Pure; ids and secrets are made by the caller. */
import type { Identity } from "../../auth/identity.ts";
import type { Person } from "../../store/entity/directory.ts";
import type { Stored } from "../../store/store.ts";
import type { Command, Plan, View } from "../ledger.ts";
import { refuse } from "../refusal.ts";
import type { Answer, Refusal } from "../refusal.ts";
import { modeAfter, setMode } from "./change-mode.ts";
import type { Part } from "./change-mode.ts";
import { INVITATION_MS, linkFor, linkKey, OWNER_LINK_MS } from "./make-link.ts";
import type { PersonBody, PersonChange } from "./people.ts";
import { actor, findPerson, isActiveOwner, isRefusal, sameAddress } from "./rights.ts";

/** Names the person that operator's links sign in. */
const LOCAL_OWNER = "owner.local";

export interface Linked {
  readonly person: Stored<Person>;
  readonly expiresAt: number;
}

export function addPerson(identity: Identity, id: string, token: string, body: PersonBody): Command<Answer<Linked>> {
  return {
    needs: [linkKey(token)],
    apply: (view) => {
      const by = actor(view, identity, ["owner"]);
      if (isRefusal(by)) return { answer: by };
      if (isTaken(view, id, body.email)) return { answer: TAKEN };
      const data = newPerson(view, id, { ...body, roles: unique(body.roles) });
      return linked(view, { id, rev: 0, data }, { token, purpose: "invitation", forMs: INVITATION_MS, by: by.id }, added(view, id, data, by.id));
    },
  };
}

export function invitePerson(identity: Identity, id: string, token: string): Command<Answer<Linked>> {
  return {
    needs: [linkKey(token)],
    apply: (view) => {
      const by = actor(view, identity, ["owner"]);
      if (isRefusal(by)) return { answer: by };
      const person = findPerson(view, id);
      if (person === undefined) return { answer: UNKNOWN };
      if (person.data.status !== "active") return { answer: refuse("conflict", "This person is disabled.") };
      return linked(view, person, { token, purpose: "invitation", forMs: INVITATION_MS, by: by.id }, NOTHING);
    },
  };
}

/** The first use makes the owner, and in an installation of one machine turns one-person mode on. */
export function makeOwnerLink(identity: Identity, id: string, token: string, embedded: boolean): Command<Answer<Linked>> {
  return {
    needs: [linkKey(token)],
    apply: (view) => {
      if (identity.kind !== "operator") return { answer: refuse(identity.kind === "anonymous" ? "unauthenticated" : "forbidden", "Only the operator of this machine may do this.") };
      const link = { token, purpose: "owner", forMs: OWNER_LINK_MS, by: "operator" } as const;
      const owner = localOwner(view, id, embedded);
      return isRefusal(owner) ? { answer: owner } : linked(view, owner.person, link, owner.part);
    },
  };
}

export function changePerson(identity: Identity, id: string, change: PersonChange): Command<Answer<{ readonly person: Stored<Person> }>> {
  return {
    needs: [],
    apply: (view) => {
      const by = actor(view, identity, ["owner"]);
      if (isRefusal(by)) return { answer: by };
      const person = findPerson(view, id);
      if (person === undefined) return { answer: UNKNOWN };
      if (change.email !== undefined && isTaken(view, id, change.email)) return { answer: TAKEN };
      const data = changed(view, person.data, change);
      if (isActiveOwner(person.data) && !isActiveOwner(data) && !view.all("person").some((it) => it.id !== id && isActiveOwner(it.data))) return { answer: LAST_OWNER };
      const mode = modeAfter(view, id, data, by.id);
      const row = { type: "event", at: view.now, event: "person_changed", detail: { person: id, by: by.id, name: data.name, email: data.email, roles: data.roles, status: data.status } } as const;
      return { answer: { ok: true, person: { id, rev: person.rev + 1, data } }, changes: [{ table: "person", id, rev: person.rev, data }, ...mode.changes], entries: [row, ...mode.entries] };
    },
  };
}

/** The person that the operator's links sign in, and what makes them where there is none yet; or why there is none any more. */
export function localOwner(view: View, newId: string, embedded: boolean): Refusal | { readonly person: Stored<Person>; readonly part: Part } {
  const local = view.get("setting", LOCAL_OWNER)?.data.value;
  if (local === undefined) return firstOwner(view, newId, embedded);
  const owner = typeof local === "string" ? findPerson(view, local) : undefined;
  if (owner === undefined || !isActiveOwner(owner.data)) return refuse("forbidden", "This machine's owner is no active owner any more. Another owner can invite people.");
  return { person: owner, part: NOTHING };
}

const NOTHING: Part = { changes: [], entries: [] };
const UNKNOWN = refuse("not_found", "There is no such person.");
const TAKEN = refuse("conflict", "Another person has this e-mail address.");
const LAST_OWNER: Refusal = refuse("conflict", "This is the last active owner. Make another owner first.");

export function newPerson(view: View, id: string, body: Pick<Person, "name" | "email" | "roles">): Person {
  return { id, ...body, status: "active", passwordHash: null, passkeys: [], subjects: [], createdAt: view.now };
}

/** A person's first row of the record, and what it means for one-person mode. */
export function added(view: View, id: string, data: Person, by: string): Part {
  const mode = modeAfter(view, id, data, by);
  return { changes: mode.changes, entries: [{ type: "event", at: view.now, event: "person_added", detail: { person: id, by, name: data.name, email: data.email, roles: data.roles } }, ...mode.entries] };
}

function firstOwner(view: View, id: string, embedded: boolean): { readonly person: Stored<Person>; readonly part: Part } {
  const data = newPerson(view, id, { name: "Owner", email: null, roles: ["owner"] });
  const { entries } = added(view, id, data, "operator");
  const mode = setMode(view, embedded, "operator", embedded ? "a fresh installation of one machine" : "a fresh installation");
  const setting = { table: "setting", id: LOCAL_OWNER, rev: 0, data: { name: LOCAL_OWNER, value: id } } as const;
  return { person: { id, rev: 0, data }, part: { changes: [setting, ...mode.changes], entries: [...entries, ...mode.entries] } };
}

function linked(view: View, person: Stored<Person>, link: Parameters<typeof linkFor>[2], more: Part): Plan<Answer<Linked>> {
  const { data, expiresAt, changes, entries } = linkFor(view, person, link);
  return { answer: { ok: true, person: { id: person.id, rev: person.rev + 1, data }, expiresAt }, changes: [...changes, ...more.changes], entries: [...more.entries, ...entries] };
}

function changed(view: View, old: Person, change: PersonChange): Person {
  const status = change.status ?? old.status;
  const ended = status === "disabled" && old.status === "active" ? { signInsFrom: view.now + 1, linksFrom: view.now + 1 } : {};
  return { ...old, ...ended, status, name: change.name ?? old.name, email: change.email === undefined ? old.email : change.email, roles: change.roles === undefined ? old.roles : unique(change.roles) };
}

function isTaken(view: View, id: string, email: string | null): boolean {
  return email !== null && view.all("person").some((it) => it.id !== id && it.data.email !== null && sameAddress(it.data.email, email));
}

function unique<T>(list: readonly T[]): readonly T[] {
  return [...new Set(list)];
}

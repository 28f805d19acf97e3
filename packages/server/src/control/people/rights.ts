/**
 * Who has which right, as stored now: pure functions of the directory. Rights hang on ids; a name is never a key, and an e-mail
 * is one only as an owner wrote it into a person. Called by every command that a person gives, inside the commit, so that
 * whoever was disabled between click and commit is refused; also by votes. Whose vote counts for what: control/request/eligibility.ts.
 */
import { includesRole } from "../../auth/identity.ts";
import type { Identity } from "../../auth/identity.ts";
import type { Group, Person, Role } from "../../store/entity/directory.ts";
import type { Stored } from "../../store/store.ts";
import type { View } from "../ledger.ts";
import { refuse } from "../refusal.ts";
import type { Refusal } from "../refusal.ts";

export type Directory = Pick<View, "get" | "all" | "now">;

export const ONE_PERSON_MODE = "mode.onePerson";

export function findPerson(directory: Directory, id: string): Stored<Person> | undefined {
  return directory.get("person", id);
}

/** The signed-in person, who must be active, still signed in, and have one of these roles; none are named where anybody may. */
export function actor(directory: Directory, identity: Identity, roles: readonly Role[]): Stored<Person> | Refusal {
  if (identity.kind !== "person") return refuse(identity.kind === "anonymous" ? "unauthenticated" : "forbidden", "Only a signed-in person may do this.");
  const person = findPerson(directory, identity.personId);
  if (person === undefined || person.data.status !== "active") return refuse("unauthenticated", "This person is not active any more.");
  if (identity.signedInAt < (person.data.signInsFrom ?? 0)) return refuse("unauthenticated", "This sign-in has been ended.");
  if (roles.length > 0 && !roles.some((role) => includesRole(person.data.roles, role))) return refuse("forbidden", `This needs the role ${roles.join(" or ")}.`);
  return person;
}

export function isRefusal(it: object): it is Refusal {
  return "ok" in it && it.ok === false;
}

export function mayApprove(person: Person): boolean {
  return person.status === "active" && includesRole(person.roles, "approver");
}

export function isActiveOwner(person: Person): boolean {
  return person.status === "active" && person.roles.includes("owner");
}

/** Whether one comes to `target` from these ids by going from groups to their members. */
export function reaches(groups: ReadonlyMap<string, Group>, from: readonly string[], target: string): boolean {
  const open = [...from];
  const seen = new Set<string>();
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === target) return true;
    if (seen.has(id)) continue;
    seen.add(id);
    open.push(...(groups.get(id)?.members ?? []));
  }
  return false;
}

export function isOnePersonMode(directory: Directory): boolean {
  return directory.get("setting", ONE_PERSON_MODE)?.data.value === true;
}

/** Equal but for ASCII case: no other letters are folded, so that no two people can share an address by look-alikes. */
export function sameAddress(one: string, other: string): boolean {
  return foldAddress(one) === foldAddress(other);
}

export function foldAddress(address: string): string {
  return address.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

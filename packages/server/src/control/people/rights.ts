/**
 * Who has which right, as stored now: pure functions of the directory. Rights hang on ids; a name is never a key, and an e-mail
 * is one only as an owner wrote it into a person. Called by every command that a person gives, inside the commit, so that
 * whoever was disabled between click and commit is refused; also by the requests' vote and claim.
 */
import { includesRole } from "../../auth/identity.ts";
import type { Identity } from "../../auth/identity.ts";
import type { Group, Person, Role } from "../../store/entity/directory.ts";
import type { Stored } from "../../store/store.ts";
import type { View } from "../ledger.ts";
import { refuse } from "../refusal.ts";
import type { Refusal } from "../refusal.ts";

export type Directory = Pick<View, "all" | "now">;

const GROUP_PREFIX = "group:";
export const ONE_PERSON_MODE = "mode.onePerson";

export function findPerson(directory: Directory, id: string): Stored<Person> | undefined {
  return directory.all("person").find((it) => it.id === id);
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

/** Whether the person is in the group of this name, or in a group inside it, at any depth. */
export function isInGroup(directory: Directory, name: string, personId: string): boolean {
  const groups = new Map(directory.all("person_group").map((it) => [it.id, it.data]));
  const open = [...groups].filter(([, it]) => it.name === name).map(([id]) => id);
  return reaches(groups, open, personId);
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

/** Whether an entry of a policy's `approvers` means this person: `group:name`, their id, or their e-mail. Never their name. */
export function isMeantBy(directory: Directory, entry: string, person: Stored<Person>): boolean {
  if (entry.startsWith(GROUP_PREFIX)) return isInGroup(directory, entry.slice(GROUP_PREFIX.length), person.id);
  return entry === person.id || (person.data.email !== null && sameAddress(entry, person.data.email));
}

/** Who has delegated to this person, for now. One step: what was delegated to the delegator is not handed on. */
export function delegatorsOf(directory: Directory, personId: string): readonly Stored<Person>[] {
  const live = directory.all("delegation").filter(({ data }) => data.toId === personId && data.revokedAt === null && data.from <= directory.now && directory.now < data.until);
  return live.map(({ data }) => findPerson(directory, data.fromId)).filter((it) => it !== undefined && mayApprove(it.data)) as readonly Stored<Person>[]; // filter above leaves no undefined
}

export function isOnePersonMode(directory: Directory): boolean {
  return directory.all("setting").some((it) => it.id === ONE_PERSON_MODE && it.data.value === true);
}

/** Equal but for ASCII case: no other letters are folded, so that no two people can share an address by look-alikes. */
export function sameAddress(one: string, other: string): boolean {
  return foldAddress(one) === foldAddress(other);
}

export function foldAddress(address: string): string {
  return address.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

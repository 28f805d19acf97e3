/** Who may decide and who may ask, and how the installation stands. Every change asks anew for what is shown of people, groups and keys. */
import { people } from "@countersign/sdk/contract";
import { z } from "zod";
import { callRoute, urlOf } from "./call-route.ts";
import type { Result } from "./call-route.ts";
import { refresh } from "./query.ts";
import type { Person } from "./words.ts";

const personList = z.object({ people: z.array(people.person) });
const groupList = z.object({ groups: z.array(people.group) });
const keyList = z.object({ keys: z.array(people.agentKey) });
const delegationList = z.object({ delegations: z.array(people.delegation) });
const readiness = z.object({ ready: z.boolean(), parts: z.record(z.string(), z.enum(["ok", "failing", "unknown"])) });

export const ROLES = people.ROLES;
export type Role = (typeof ROLES)[number];
export type Group = z.infer<typeof people.group>;
export type AgentKey = z.infer<typeof people.agentKey>;
export type Delegation = z.infer<typeof people.delegation>;
export type Invitation = z.infer<typeof people.invitation>;
export type KeyMade = z.infer<typeof people.agentKeyMade>;
export type Diagnosis = people.Diagnosis;
export type Readiness = z.infer<typeof readiness>;

export const listPeople = () => callRoute("listPeople", personList);
export const listGroups = () => callRoute("listGroups", groupList);
export const listKeys = () => callRoute("listKeys", keyList);
export const listDelegations = () => callRoute("listDelegations", delegationList);
export const readInstallation = () => callRoute("installation", people.installation);
export const diagnose = () => callRoute("diagnose", people.installationDiagnosis);

/** Says no by its status as well; the parts are what is of interest. */
export async function readReadiness(): Promise<Result<Readiness>> {
  try {
    const answer = await fetch(urlOf("ready"), { cache: "no-store" });
    return { ok: true, value: readiness.parse(await answer.json()) };
  } catch {
    return { ok: false, code: "offline", message: "The control plane does not say whether it is ready.", state: undefined };
  }
}

/** Whatever came of it: what is shown then is what is. */
async function changing<T>(work: Promise<Result<T>>): Promise<Result<T>> {
  const said = await work;
  for (const about of ["people", "keys", "installation"]) refresh(about);
  return said;
}

export interface PersonFields {
  readonly name: string;
  readonly email: string | null;
  readonly roles: readonly Role[];
}

export function invite(fields: PersonFields): Promise<Result<Invitation>> {
  return changing(callRoute("addPerson", people.invitation, { body: fields }));
}

export function newLink(personId: string): Promise<Result<Invitation>> {
  return changing(callRoute("invitePerson", people.invitation, { id: personId }));
}

export function changePerson(id: string, change: Partial<PersonFields> & { readonly status?: Person["status"] }): Promise<Result<Person>> {
  return changing(callRoute("changePerson", people.person, { id, body: change }));
}

/** `id` undefined: a new one. */
export function saveGroup(id: string | undefined, fields: { readonly name: string; readonly members: readonly string[] }): Promise<Result<Group>> {
  return changing(id === undefined ? callRoute("addGroup", people.group, { body: fields }) : callRoute("changeGroup", people.group, { id, body: fields }));
}

export function removeGroup(id: string): Promise<Result<void>> {
  return changing(callRoute<void>("removeGroup", null, { id }));
}

export function makeKey(fields: { readonly name: string; readonly ownerId: string | null; readonly expiresAt: number | null }): Promise<Result<KeyMade>> {
  return changing(callRoute("addKey", people.agentKeyMade, { body: fields }));
}

export function revokeKey(id: string): Promise<Result<void>> {
  return changing(callRoute<void>("revokeKey", null, { id }));
}

export function delegate(toId: string, until: number): Promise<Result<Delegation>> {
  return changing(callRoute("addDelegation", people.delegation, { body: { toId, from: 0, until } }));
}

export function endDelegation(id: string): Promise<Result<void>> {
  return changing(callRoute<void>("revokeDelegation", null, { id }));
}

export function setOnePersonMode(on: boolean): Promise<Result<{ onePersonMode: boolean }>> {
  return changing(callRoute("setOnePersonMode", z.object({ onePersonMode: z.boolean() }), { body: { on } }));
}

/** Of one request, or of all days that ended before a moment. Answers how many requests or days. */
export function eraseArguments(what: { readonly requestId: string } | { readonly before: number }, reason: string): Promise<Result<{ erased: number }>> {
  return callRoute("eraseArguments", z.object({ erased: z.int() }), { body: { ...what, reason } });
}

/**
 * People, groups, delegations and one-person mode: who may decide. Each function checks the asker's right on what is stored at
 * the moment of the commit, and leaves a row in the record. Never decides about a request. Called by control/http.
 */
import type { people as wire } from "@countersign/sdk/wire";
import type { z } from "zod";
import type { Identity } from "../../auth/identity.ts";
import type { Answer } from "../refusal.ts";

export type PersonView = z.infer<typeof wire.person>;
export type GroupView = z.infer<typeof wire.group>;
export type DelegationView = z.infer<typeof wire.delegation>;
export type PersonBody = z.infer<typeof wire.personBody>;
export type PersonChange = z.infer<typeof wire.personChange>;
export type GroupBody = z.infer<typeof wire.groupBody>;
export type DelegationBody = z.infer<typeof wire.delegationBody>;

export interface PeopleOptions {
  /** Origin under which people reach this control plane, such as `http://127.0.0.1:7433`, without a slash at its end. */
  readonly origin: () => string;
  /** An installation of one machine starts in one-person mode. */
  readonly embedded: boolean;
}

export interface Invitation {
  readonly person: PersonView;
  /** Carries the secret in its fragment, so that opening it sends the secret to nobody. */
  readonly url: string;
  readonly expiresAt: number;
}

export interface People {
  list(identity: Identity): Promise<Answer<{ readonly people: readonly PersonView[] }>>;
  add(identity: Identity, body: PersonBody): Promise<Answer<Invitation>>;
  change(identity: Identity, id: string, change: PersonChange): Promise<Answer<{ readonly person: PersonView }>>;
  /** A new one-time link; older ones of the person end. */
  invite(identity: Identity, id: string): Promise<Answer<Invitation>>;
  listGroups(identity: Identity): Promise<Answer<{ readonly groups: readonly GroupView[] }>>;
  addGroup(identity: Identity, body: GroupBody): Promise<Answer<{ readonly group: GroupView }>>;
  changeGroup(identity: Identity, id: string, body: GroupBody): Promise<Answer<{ readonly group: GroupView }>>;
  removeGroup(identity: Identity, id: string): Promise<Answer<object>>;
  listDelegations(identity: Identity): Promise<Answer<{ readonly delegations: readonly DelegationView[] }>>;
  addDelegation(identity: Identity, body: DelegationBody): Promise<Answer<{ readonly delegation: DelegationView }>>;
  revokeDelegation(identity: Identity, id: string): Promise<Answer<object>>;
  setOnePersonMode(identity: Identity, on: boolean): Promise<Answer<{ readonly onePersonMode: boolean }>>;
  /** For the operator alone. Makes the owner where there is none yet; the link works once, for 10 minutes. */
  makeOwnerLink(identity: Identity): Promise<Answer<Invitation>>;
}

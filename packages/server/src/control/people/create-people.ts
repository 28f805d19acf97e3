/** Makes the resource `People` on a ledger: reads from memory, changes through commands. */
import { newId, newSecret } from "../../auth/secret.ts";
import type { Identity } from "../../auth/identity.ts";
import type { Delegation, Group, Person } from "../../store/entity/directory.ts";
import type { Stored } from "../../store/store.ts";
import type { Ledger } from "../ledger.ts";
import type { Answer } from "../refusal.ts";
import { addDelegation, revokeDelegation } from "./delegation-commands.ts";
import { removeGroup, writeGroup } from "./group-commands.ts";
import { setMode } from "./change-mode.ts";
import { linkUrl } from "./make-link.ts";
import type { DelegationView, GroupView, Invitation, People, PeopleOptions, PersonView } from "./people.ts";
import { addPerson, changePerson, invitePerson, makeOwnerLink } from "./person-commands.ts";
import type { Linked } from "./person-commands.ts";
import { actor, isOnePersonMode, isRefusal } from "./rights.ts";

export function createPeople(ledger: Ledger, options: PeopleOptions): People {
  const { origin, embedded } = { ...options };
  const read = <T extends object>(identity: Identity, tell: () => T): Promise<Answer<T>> => {
    const by = actor(ledger.resident, identity, []);
    return Promise.resolve(isRefusal(by) ? by : { ok: true, ...tell() });
  };
  const invitation = async (command: Promise<Answer<Linked>>, token: string): Promise<Answer<Invitation>> => {
    const made = await command;
    return made.ok ? { ok: true, person: viewPerson(made.person), url: linkUrl(origin(), token), expiresAt: made.expiresAt } : made;
  };
  const group = async (command: Promise<Answer<{ readonly group: Stored<Group> }>>): Promise<Answer<{ readonly group: GroupView }>> => {
    const made = await command;
    return made.ok ? { ok: true, group: viewGroup(made.group) } : made;
  };

  return {
    list: (identity) => read(identity, () => ({ people: ledger.resident.all("person").map(viewPerson) })),
    add: (identity, body) => {
      const token = newSecret("link");
      return invitation(ledger.run(addPerson(identity, newId(), token, body)), token);
    },
    invite: (identity, id) => {
      const token = newSecret("link");
      return invitation(ledger.run(invitePerson(identity, id, token)), token);
    },
    makeOwnerLink: (identity) => {
      const token = newSecret("link");
      return invitation(ledger.run(makeOwnerLink(identity, newId(), token, embedded)), token);
    },
    change: async (identity, id, change) => {
      const made = await ledger.run(changePerson(identity, id, change));
      return made.ok ? { ok: true, person: viewPerson(made.person) } : made;
    },
    listGroups: (identity) => read(identity, () => ({ groups: ledger.resident.all("person_group").map(viewGroup) })),
    addGroup: (identity, body) => group(ledger.run(writeGroup(identity, newId(), body, true))),
    changeGroup: (identity, id, body) => group(ledger.run(writeGroup(identity, id, body, false))),
    removeGroup: (identity, id) => ledger.run(removeGroup(identity, id)),
    listDelegations: (identity) => read(identity, () => ({ delegations: ledger.resident.all("delegation").map(viewDelegation) })),
    addDelegation: async (identity, body) => {
      const made = await ledger.run(addDelegation(identity, newId(), body));
      return made.ok ? { ok: true, delegation: viewDelegation(made.delegation) } : made;
    },
    revokeDelegation: (identity, id) => ledger.run(revokeDelegation(identity, id)),
    setOnePersonMode: (identity, on) => setOnePersonMode(ledger, identity, on),
  };
}

/** Without the password's hash, the keys of passkeys and the subjects at providers. */
export function viewPerson({ id, data }: Stored<Person>): PersonView {
  const { name, email, roles, status, createdAt } = data;
  const passkeys = data.passkeys.map((it) => ({ id: it.id, name: it.name, createdAt: it.createdAt }));
  return { id, name, email, roles: [...roles], status, hasPassword: data.passwordHash !== null, passkeys, createdAt };
}

function viewGroup({ id, data }: Stored<Group>): GroupView {
  return { id, name: data.name, members: [...data.members], createdAt: data.createdAt };
}

function viewDelegation({ id, data }: Stored<Delegation>): DelegationView {
  return { id, fromId: data.fromId, toId: data.toId, from: data.from, until: data.until, revokedAt: data.revokedAt };
}

function setOnePersonMode(ledger: Ledger, identity: Identity, on: boolean): Promise<Answer<{ readonly onePersonMode: boolean }>> {
  return ledger.run<Answer<{ readonly onePersonMode: boolean }>>({
    needs: [],
    apply: (view) => {
      const by = actor(view, identity, ["owner"]);
      if (isRefusal(by)) return { answer: by };
      const answer = { ok: true, onePersonMode: on } as const;
      return isOnePersonMode(view) === on ? { answer } : { answer, ...setMode(view, on, by.id, "an owner chose it") };
    },
  });
}

/** Routes about people, groups, delegations and agent keys. */
import { people as wire } from "@countersign/sdk/wire";
import type { RouteName } from "@countersign/sdk/wire";
import { z } from "zod";
import { bind, empty, json, one } from "./binding.ts";
import type { Bound } from "./binding.ts";

const onePersonMode = z.object({ onePersonMode: z.boolean() });

export const PEOPLE_BINDINGS = {
  listPeople: bind({ answer: z.object({ people: z.array(wire.person) }), run: ({ services, identity }) => json(services.people.list(identity)) }),
  addPerson: bind({ body: wire.personBody, answer: wire.invitation, status: 201, run: ({ services, identity }, { body }) => json(services.people.add(identity, body)) }),
  changePerson: bind({
    body: wire.personChange,
    answer: wire.person,
    run: ({ services, identity, id }, { body }) => one(services.people.change(identity, id, body), (said) => said.person),
  }),
  invitePerson: bind({ answer: wire.invitation, status: 201, run: ({ services, identity, id }) => json(services.people.invite(identity, id)) }),
  listGroups: bind({ answer: z.object({ groups: z.array(wire.group) }), run: ({ services, identity }) => json(services.people.listGroups(identity)) }),
  addGroup: bind({
    body: wire.groupBody,
    answer: wire.group,
    status: 201,
    run: ({ services, identity }, { body }) => one(services.people.addGroup(identity, body), (said) => said.group),
  }),
  changeGroup: bind({
    body: wire.groupBody,
    answer: wire.group,
    run: ({ services, identity, id }, { body }) => one(services.people.changeGroup(identity, id, body), (said) => said.group),
  }),
  removeGroup: bind({ run: ({ services, identity, id }) => empty(services.people.removeGroup(identity, id)) }),
  listDelegations: bind({ answer: z.object({ delegations: z.array(wire.delegation) }), run: ({ services, identity }) => json(services.people.listDelegations(identity)) }),
  addDelegation: bind({
    body: wire.delegationBody,
    answer: wire.delegation,
    status: 201,
    run: ({ services, identity }, { body }) => one(services.people.addDelegation(identity, body), (said) => said.delegation),
  }),
  revokeDelegation: bind({ run: ({ services, identity, id }) => empty(services.people.revokeDelegation(identity, id)) }),
  setOnePersonMode: bind({
    body: z.strictObject({ on: z.boolean() }),
    answer: onePersonMode,
    run: ({ services, identity }, { body }) => json(services.people.setOnePersonMode(identity, body.on)),
  }),
  listKeys: bind({ answer: z.object({ keys: z.array(wire.agentKey) }), run: ({ services, identity }) => json(services.keys.list(identity)) }),
  addKey: bind({ body: wire.agentKeyBody, answer: wire.agentKeyMade, status: 201, run: ({ services, identity }, { body }) => json(services.keys.add(identity, body)) }),
  revokeKey: bind({ run: ({ services, identity, id }) => empty(services.keys.revoke(identity, id)) }),
  makeOwnerLink: bind({ answer: wire.invitation, status: 201, run: ({ services, identity }) => json(services.people.makeOwnerLink(identity)) }),
} as const satisfies Partial<Record<RouteName, Bound>>;

/** Routes about people, groups, delegations and agent keys. */
import { people as wire } from "@countersign/sdk/wire";
import type { RouteName } from "@countersign/sdk/wire";
import { z } from "zod";
import { bind, empty, json, one } from "./binding.ts";
import type { Bound } from "./binding.ts";

const onePersonMode = z.object({ onePersonMode: z.boolean() });

export const PEOPLE_BINDINGS = {
  listPeople: bind({ answer: z.object({ people: z.array(wire.person) }), run: ({ resources, identity }) => json(resources.people.list(identity)) }),
  addPerson: bind({ body: wire.personBody, answer: wire.invitation, status: 201, run: ({ resources, identity }, { body }) => json(resources.people.add(identity, body)) }),
  changePerson: bind({
    body: wire.personChange,
    answer: wire.person,
    run: ({ resources, identity, id }, { body }) => one(resources.people.change(identity, id, body), (said) => said.person),
  }),
  invitePerson: bind({ answer: wire.invitation, status: 201, run: ({ resources, identity, id }) => json(resources.people.invite(identity, id)) }),
  listGroups: bind({ answer: z.object({ groups: z.array(wire.group) }), run: ({ resources, identity }) => json(resources.people.listGroups(identity)) }),
  addGroup: bind({
    body: wire.groupBody,
    answer: wire.group,
    status: 201,
    run: ({ resources, identity }, { body }) => one(resources.people.addGroup(identity, body), (said) => said.group),
  }),
  changeGroup: bind({
    body: wire.groupBody,
    answer: wire.group,
    run: ({ resources, identity, id }, { body }) => one(resources.people.changeGroup(identity, id, body), (said) => said.group),
  }),
  removeGroup: bind({ run: ({ resources, identity, id }) => empty(resources.people.removeGroup(identity, id)) }),
  listDelegations: bind({ answer: z.object({ delegations: z.array(wire.delegation) }), run: ({ resources, identity }) => json(resources.people.listDelegations(identity)) }),
  addDelegation: bind({
    body: wire.delegationBody,
    answer: wire.delegation,
    status: 201,
    run: ({ resources, identity }, { body }) => one(resources.people.addDelegation(identity, body), (said) => said.delegation),
  }),
  revokeDelegation: bind({ run: ({ resources, identity, id }) => empty(resources.people.revokeDelegation(identity, id)) }),
  setOnePersonMode: bind({
    body: z.strictObject({ on: z.boolean() }),
    answer: onePersonMode,
    run: ({ resources, identity }, { body }) => json(resources.people.setOnePersonMode(identity, body.on)),
  }),
  listKeys: bind({ answer: z.object({ keys: z.array(wire.agentKey) }), run: ({ resources, identity }) => json(resources.keys.list(identity)) }),
  addKey: bind({ body: wire.agentKeyBody, answer: wire.agentKeyMade, status: 201, run: ({ resources, identity }, { body }) => json(resources.keys.add(identity, body)) }),
  readOwnKey: bind({ answer: wire.ownKey, run: ({ resources, identity }) => one(resources.keys.readOwn(identity), (said) => said.own) }),
  makeGatewayKey: bind({ body: wire.gatewayKeyBody, answer: wire.agentKeyMade, status: 201, run: ({ resources, identity }, { body }) => json(resources.keys.addForGateways(identity, body.name)) }),
  revokeKey: bind({ run: ({ resources, identity, id }) => empty(resources.keys.revoke(identity, id)) }),
  makeOwnerLink: bind({ answer: wire.invitation, status: 201, run: ({ resources, identity }) => json(resources.people.makeOwnerLink(identity)) }),
} as const satisfies Partial<Record<RouteName, Bound>>;

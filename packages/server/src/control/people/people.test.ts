import { afterEach, beforeEach, expect, it } from "vitest";
import { ANONYMOUS, OPERATOR } from "../../auth/identity.ts";
import type { Identity } from "../../auth/identity.ts";
import { codeOf, must, openInstallation } from "./fixture/installation.ts";
import type { Installation } from "./fixture/installation.ts";
import { standingsOf } from "../request/eligibility.ts";
import { actor, isRefusal } from "./rights.ts";

let at: Installation;
let owner: Identity;
beforeEach(async () => {
  at = await openInstallation();
  owner = await at.owner();
});
afterEach(() => at.close());

const personIdOf = (identity: Identity) => (identity.kind === "person" ? identity.personId : "");

/** As whom this person counts where a policy names these approvers. */
function standings(who: Identity, approvers: readonly string[], ahead = 0): readonly string[] {
  const { resident } = at.ledger;
  const requirement = { policy: "p", approvers, quorum: 1, assurance: undefined, selfApproval: undefined, timeoutMinutes: null, grants: [], edits: false, requireReason: false, escalate: [] };
  return standingsOf({ get: (table, id) => resident.get(table, id), all: (table) => resident.all(table), now: resident.now + ahead }, requirement, personIdOf(who));
}
const isNamed = (who: Identity, ...approvers: readonly string[]) => standings(who, approvers).length > 0;

it("makes the owner with the first link of the operator, and signs the same person in with the next", async () => {
  const again = await at.owner();
  expect(personIdOf(again)).toBe(personIdOf(owner));
  expect(must(await at.people.list(owner)).people).toHaveLength(1);
  expect((await at.events()).map((one) => one.event)).toEqual(["record_opened", "person_added", "mode_changed", "link_made", "signed_in", "link_made", "signed_in"]);
  expect(codeOf(await at.people.makeOwnerLink(owner))).toBe("forbidden");
  expect(codeOf(await at.people.makeOwnerLink(ANONYMOUS))).toBe("unauthenticated");
});

it("cannot remove, disable or demote the last active owner", async () => {
  const id = personIdOf(owner);
  expect(codeOf(await at.people.change(owner, id, { roles: ["approver"] }))).toBe("conflict");
  expect(codeOf(await at.people.change(owner, id, { status: "disabled" }))).toBe("conflict");
  const other = await at.join(owner, "Other", ["owner"]);
  must(await at.people.change(other, other.personId, { status: "disabled" }));
  expect(codeOf(await at.people.change(owner, id, { roles: [] }))).toBe("conflict");
});

it("lets two owners who demote each other in one moment leave one of them", async () => {
  const other = await at.join(owner, "Other", ["owner"]);
  const answers = await Promise.all([at.people.change(owner, other.personId, { roles: [] }), at.people.change(other, personIdOf(owner), { roles: [] })]);
  expect(answers.map(codeOf).toSorted()).toEqual(["forbidden", "ok"]);
  expect(at.ledger.resident.all("person").filter((one) => one.data.roles.includes("owner"))).toHaveLength(1);
});

it("gives every change of people to owners alone, whatever else an identity is", async () => {
  const key = must(await at.keys.add(owner, { name: "agent", ownerId: personIdOf(owner), expiresAt: null }));
  const agent = (await at.signIns.identify({ authorization: `Bearer ${key.secret}`, cookie: undefined, csrf: undefined })).identity;
  expect(agent.kind).toBe("agent");
  const others = [ANONYMOUS, OPERATOR, agent, await at.join(owner, "A", ["approver"]), await at.join(owner, "E", ["policy_editor"]), await at.join(owner, "U", ["auditor"])];
  const id = personIdOf(owner);
  const before = at.ledger.head.seq;
  for (const by of others) {
    const answers = [
      await at.people.add(by, { name: "x", email: null, roles: ["owner"] }),
      await at.people.change(by, id, { name: "x" }),
      await at.people.invite(by, id),
      await at.people.addGroup(by, { name: "g", members: [] }),
      await at.people.removeGroup(by, "g"),
      await at.people.setOnePersonMode(by, true),
      await at.keys.add(by, { name: "x", ownerId: null, expiresAt: null }),
      await at.keys.revoke(by, key.key.id),
    ];
    expect(answers.map((one) => ["forbidden", "unauthenticated"].includes(codeOf(one)))).toEqual(answers.map(() => true));
  }
  expect(at.ledger.head.seq).toBe(before);
});

it("R16: knows an approver by id, by the address an owner wrote, or by group, never by name", async () => {
  const ann = await at.join(owner, "ann@example.com", ["approver"], "ann@example.org");
  const mallory = await at.join(owner, "Ann", ["approver"], "mallory@example.org");
  expect([isNamed(ann, "ann@example.org"), isNamed(ann, "ANN@Example.org"), isNamed(ann, ann.personId), isNamed(mallory, ann.personId)]).toEqual([true, true, true, false]);
  for (const name of ["ann@example.com", "Ann", "ann", "аnn@example.org", "ann@example.org ", "ＡＮＮ@example.org", "ann@example.or\u212A", "group:Ann", "", ann.personId.toUpperCase(), ann.personId.slice(0, 8)]) {
    expect([name, isNamed(mallory, name), isNamed(ann, name)]).toEqual([name, false, false]);
  }
});

it("R16: two people never share an address, also not by letter case, nor with a disabled one", async () => {
  const ann = await at.join(owner, "Ann", ["approver"], "ann@example.org");
  expect(codeOf(await at.people.add(owner, { name: "Ann", email: "Ann@Example.ORG", roles: ["approver"] }))).toBe("conflict");
  must(await at.people.change(owner, ann.personId, { status: "disabled" }));
  expect(codeOf(await at.people.add(owner, { name: "Ann", email: "ann@example.org", roles: ["approver"] }))).toBe("conflict");
  expect(codeOf(await at.people.change(owner, personIdOf(owner), { email: "ann@example.org" }))).toBe("conflict");
});

it("R16: counts whoever is in a group inside the group, and refuses a group that would hold itself", async () => {
  const ann = await at.join(owner, "Ann", ["approver"]);
  const inner = must(await at.people.addGroup(owner, { name: "inner", members: [ann.personId] })).group;
  const middle = must(await at.people.addGroup(owner, { name: "middle", members: [inner.id] })).group;
  const outer = must(await at.people.addGroup(owner, { name: "outer", members: [middle.id] })).group;
  expect(["inner", "middle", "outer"].map((name) => isNamed(ann, `group:${name}`))).toEqual([true, true, true]);
  expect([isNamed(owner, "group:outer"), isNamed(ann, "outer"), isNamed(ann, outer.id), isNamed(ann, "group:Outer")]).toEqual([false, false, false, false]);
  for (const members of [[outer.id], [middle.id, ann.personId], [inner.id]]) expect(codeOf(await at.people.changeGroup(owner, inner.id, { name: "inner", members }))).toBe("conflict");
  expect(codeOf(await at.people.addGroup(owner, { name: "outer", members: [] }))).toBe("conflict");
  expect(codeOf(await at.people.addGroup(owner, { name: "ghost", members: ["0".repeat(26)] }))).toBe("bad_request");
  must(await at.people.removeGroup(owner, middle.id));
  expect(isNamed(ann, "group:outer")).toBe(false);
});

it("R16: a group made anew under an old name holds nobody of the old one", async () => {
  const ann = await at.join(owner, "Ann", ["approver"]);
  const old = must(await at.people.addGroup(owner, { name: "payments", members: [ann.personId] })).group;
  must(await at.people.removeGroup(owner, old.id));
  must(await at.people.addGroup(owner, { name: "payments", members: [] }));
  expect(isNamed(ann, "group:payments")).toBe(false);
});

it("R16: refuses whoever was disabled or demoted between the click and the commit", async () => {
  const other = await at.join(owner, "Other", ["owner"]);
  const [disabling, late] = await Promise.all([at.people.change(owner, other.personId, { status: "disabled" }), at.people.add(other, { name: "accomplice", email: null, roles: ["owner"] })]);
  expect([codeOf(disabling), codeOf(late)]).toEqual(["ok", "unauthenticated"]);
  expect(at.ledger.resident.all("person").some((one) => one.data.name === "accomplice")).toBe(false);
});

it("ends sign-ins with the person, and an older sign-in stays ended when the person comes back", async () => {
  const { person, url } = must(await at.people.add(owner, { name: "Ann", email: null, roles: ["approver"] }));
  const signedIn = must(await at.signIns.byLink({ address: "", about: "" }, ANONYMOUS, url.split("=")[1] ?? ""));
  const { identity } = await at.who(signedIn);
  expect(identity.kind).toBe("person");
  must(await at.people.change(owner, person.id, { status: "disabled" }));
  expect((await at.who(signedIn)).identity).toBe(ANONYMOUS);
  must(await at.people.change(owner, person.id, { status: "active" }));
  expect(await at.who(signedIn)).toMatchObject({ identity: ANONYMOUS, reason: "a sign-in that was ended" });
  const acted = actor(at.ledger.resident, identity, []);
  expect(isRefusal(acted) && acted.code).toBe("unauthenticated");
});

it("lets an approver delegate for a time to an approver, one step and no further", async () => {
  const ann = await at.join(owner, "Ann", ["approver"]);
  const ben = await at.join(owner, "Ben", ["approver"]);
  const cid = await at.join(owner, "Cid", ["approver"]);
  const auditor = await at.join(owner, "Una", ["auditor"]);
  const now = at.ledger.resident.now;
  const hour = 3_600_000;
  const made = must(await at.people.addDelegation(ann, { toId: ben.personId, from: 0, until: now + hour })).delegation;
  must(await at.people.addDelegation(ben, { toId: cid.personId, from: now, until: now + hour }));
  const forAnn = (who: Identity, ahead = 0) => standings(who, [ann.personId], ahead);
  expect([forAnn(ann), forAnn(ben), forAnn(cid), standings(cid, [ben.personId])]).toEqual([[ann.personId], [ann.personId], [], [ben.personId]]);
  expect(forAnn(ben, hour)).toEqual([]);
  for (const body of [
    { toId: ann.personId, from: now, until: now + hour },
    { toId: auditor.personId, from: now, until: now + hour },
    { toId: "nobody", from: now, until: now + hour },
    { toId: ben.personId, from: now, until: now },
    { toId: ben.personId, from: now, until: now + 91 * 24 * hour },
  ])
    expect(codeOf(await at.people.addDelegation(ann, body))).toBe("bad_request");
  expect(codeOf(await at.people.addDelegation(auditor, { toId: ben.personId, from: now, until: now + hour }))).toBe("forbidden");
  expect(codeOf(await at.people.revokeDelegation(cid, made.id))).toBe("not_found");
  must(await at.people.revokeDelegation(ben, made.id));
  expect(forAnn(ben)).toEqual([]);
});

it("ends a delegation with the delegator's right", async () => {
  const ann = await at.join(owner, "Ann", ["approver"]);
  const ben = await at.join(owner, "Ben", ["approver"]);
  must(await at.people.addDelegation(ann, { toId: ben.personId, from: 0, until: at.ledger.resident.now + 3_600_000 }));
  must(await at.people.change(owner, ann.personId, { roles: ["auditor"] }));
  expect(standings(ben, [ann.personId])).toEqual([]);
});

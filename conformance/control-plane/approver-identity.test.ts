import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startControlPlane } from "./running-control-plane.ts";
import type { RunningControlPlane } from "./running-control-plane.ts";
import { ask, askBody, claimBody, hireStaff, voteBody } from "./staff.ts";
import type { Asked, Key, Requirement, SignedIn, Staff } from "./staff.ts";

let plane: RunningControlPlane;
let staff: Staff;
let key: Key;
let ann: SignedIn;
/** Had the role, the name and the wish; was never named. */
let mallory: SignedIn;

beforeAll(async () => {
  plane = await startControlPlane({ policy: "version: 1\ndefault: allow\npolicies: []\n" });
  staff = await hireStaff(plane);
  [ann, mallory] = [await staff.join("Ann", ["approver"]), await staff.join("Mallory", ["approver"])];
  key = await staff.addKey("agent", staff.owner.personId);
}, 60_000);
afterAll(() => plane.remove());

const vote = async (who: SignedIn, request: Asked, change: object = {}) => (await staff.as(who, "POST", `/v1/approvals/${request.id}/vote`, voteBody(request, change))).status;
const claim = async (request: Asked) => (await staff.as<{ code?: string }>(key, "POST", `/v1/approvals/${request.id}/claim`, claimBody(request))).body.code ?? "claimed";
const state = async ({ id }: Asked) => (await staff.must<{ state: string }>(key, "GET", `/v1/approvals/${id}/asked`)).state;
const group = async (name: string, members: readonly string[]) => (await staff.must<{ id: string }>(staff.owner, "POST", "/v1/groups", { name, members })).id;
const asking = (approvers: readonly string[], more: Requirement = {}) => ask(staff, key, { approvers, ...more });

async function expectNobodyElse(approvers: readonly string[], others: readonly SignedIn[], right: SignedIn): Promise<void> {
  const request = await asking(approvers);
  for (const other of others) expect([await vote(other, request), await state(request)]).toEqual([403, "pending"]);
  expect([await vote(right, request), await state(request)]).toEqual([200, "approved"]);
}

describe("R16: a decision counts only from an immutable identity that is eligible at the moment of the commit", () => {
  it("another person of the same display name, or of a name that looks like an id, an address or a group, is nobody", async () => {
    const others = [mallory];
    for (const name of ["Ann", "ann@example.com", ann.personId, "group:oncall", "Аnn"]) {
      await staff.must(staff.owner, "PATCH", `/v1/people/${mallory.personId}`, { name });
      await expectNobodyElse(["ann@example.com"], others, ann);
      await expectNobodyElse([ann.personId], others, ann);
    }
    await staff.must(staff.owner, "PATCH", `/v1/people/${mallory.personId}`, { name: "Mallory" });
  });

  it("the same address in other letters is the same person, and no second person can have it", async () => {
    for (const email of ["ANN@EXAMPLE.COM", "Ann@Example.com", "aNN@example.COM"]) {
      expect((await staff.as(staff.owner, "POST", "/v1/people", { name: "Ann", email, roles: ["approver"] })).status).toBe(409);
      expect((await staff.as(staff.owner, "PATCH", `/v1/people/${mallory.personId}`, { email })).status).toBe(409);
      await expectNobodyElse([email], [mallory], ann);
    }
    for (const email of ["ann@example.com ", "ann@example.com.", "ａnn@example.com", "ann@example.com\u0000", "ann+x@example.com"]) {
      const { status } = await staff.as(staff.owner, "PATCH", `/v1/people/${mallory.personId}`, { email });
      if (status === 200) await expectNobodyElse(["ann@example.com"], [mallory], ann);
      else expect(status).toBe(400);
    }
  });

  it("a nested member of the group is eligible; a group of another name, in other letters or inside another one, makes nobody eligible", async () => {
    const nested = await staff.join("Nested", ["approver"]);
    const inner = await group("inner", [nested.personId]);
    await group("oncall", [ann.personId, inner]);
    await group("OnCall", [mallory.personId]);
    await group("oncall.2", [mallory.personId]);
    expect((await staff.as(staff.owner, "POST", "/v1/groups", { name: "oncall", members: [mallory.personId] })).status).toBe(409);
    await expectNobodyElse(["group:oncall"], [mallory], nested);
    await expectNobodyElse(["group:oncall"], [mallory], ann);
    for (const entry of ["oncall", inner, "group:", "group:*", "*", "Ann", "group:oncall ", `person:${ann.personId}`]) {
      const request = await asking([entry]);
      for (const who of [ann, nested, mallory]) expect([entry, await vote(who, request)]).toEqual([entry, 403]);
    }
  });

  it("a guest without the role decides nothing, named by address, by id and by group", async () => {
    const guest = await staff.join("Guest", []);
    const auditor = await staff.join("Auditor", ["auditor", "policy_editor"]);
    await group("guests", [guest.personId, auditor.personId]);
    for (const entries of [["guest@example.com", "auditor@example.com"], [guest.personId, auditor.personId], ["group:guests"], []]) {
      const request = await asking(entries);
      for (const who of [guest, auditor]) for (const choice of ["approve", "deny"]) expect([entries, await vote(who, request, { choice }), await state(request)]).toEqual([entries, 403, "pending"]);
    }
  });

  it("who was disabled between click and commit did not vote, 60 races of 60", async () => {
    let votes = 0;
    for (let race = 0; race < 60; race += 1) {
      const voter = race % 20 === 0 ? await staff.join(`Racer${race}`, ["approver"]) : await staff.signInAgain(mallory.personId);
      const request = await asking([]);
      const disable = () => staff.as(staff.owner, "PATCH", `/v1/people/${voter.personId}`, { status: "disabled" });
      const [status] = race % 2 === 0 ? await Promise.all([vote(voter, request), disable()]) : (await Promise.all([disable(), vote(voter, request)])).toReversed();
      const counted = status === 200;
      if (counted) votes += 1;
      else expect(status).toBe(401);
      expect(await state(request)).toBe(counted ? "approved" : "pending");
      const rows = await eventsSince(request);
      const cast = rows.indexOf("vote_cast");
      expect(cast === -1 || cast < rows.lastIndexOf("person_changed")).toBe(true);
      // Also a vote that came in time releases nothing once its voter is out.
      expect(await claim(request)).toBe(counted ? "superseded" : "not_approved");
      await staff.must(staff.owner, "PATCH", `/v1/people/${voter.personId}`, { status: "active" });
    }
    expect(votes).toBeGreaterThan(0);
    expect(votes).toBeLessThan(60);
    mallory = await staff.signInAgain(mallory.personId);
  });

  /** Events from this request's first row on, in the order of the record. */
  async function eventsSince({ id }: Asked): Promise<readonly string[]> {
    const { rows } = await staff.must<{ rows: readonly string[] }>(staff.owner, "GET", "/v1/record?order=newest&limit=60");
    const parsed = rows.map((row) => JSON.parse(row) as { event?: string; detail?: { requestId?: string } }).toReversed(); // as the record's page says
    return parsed.slice(parsed.findIndex(({ event, detail }) => event === "request_created" && detail?.requestId === id)).map(({ event }) => event ?? "");
  }

  it.each<readonly [string, readonly string[], (voter: SignedIn, groupId: string) => readonly [string, string, object?]]>([
    ["who lost the role", [], (voter) => ["PATCH", `/v1/people/${voter.personId}`, { roles: ["auditor"] }]],
    ["who was disabled", [], (voter) => ["PATCH", `/v1/people/${voter.personId}`, { status: "disabled" }]],
    ["who left the group", ["group:leads"], (_, groupId) => ["PATCH", `/v1/groups/${groupId}`, { name: "leads", members: [] }]],
    ["whose group was removed", ["group:leads"], (_, groupId) => ["DELETE", `/v1/groups/${groupId}`]],
    ["whose group was renamed", ["group:leads"], (_, groupId) => ["PATCH", `/v1/groups/${groupId}`, { name: "others", members: [] }]],
    ["whose address went to nobody", ["voter@example.com"], (voter) => ["PATCH", `/v1/people/${voter.personId}`, { email: null }]],
  ])("a voter %s between vote and claim: the claim is refused, and the request has ended", async (_, approvers, change) => {
    const invited = await staff.must<{ person: { id: string }; url: string }>(staff.owner, "POST", "/v1/people", { name: "Voter", email: "voter@example.com", roles: ["approver"] });
    const voter = await staff.signInBy(invited.url);
    const groupId = await group("leads", [voter.personId]);
    const request = await asking(approvers);
    expect([await vote(voter, request), await state(request)]).toEqual([200, "approved"]);
    const [method, path, body] = change(voter, groupId);
    await staff.must(staff.owner, method, path, body);
    expect([await claim(request), await state(request)]).toEqual(["superseded", "superseded"]);
    await staff.must(staff.owner, "PATCH", `/v1/people/${voter.personId}`, { email: null, status: "disabled" });
    if (path.startsWith("/v1/groups/") && method === "DELETE") return;
    await staff.must(staff.owner, "DELETE", `/v1/groups/${groupId}`);
  });

  it("an answer for somebody else counts only while both may: the delegation, the delegator's right and the delegate's are looked at once more", async () => {
    const until = Date.now() + 3_600_000;
    const [lead, deputy] = [await staff.join("Lead", ["approver"]), await staff.join("Deputy", ["approver"])];
    const ends: readonly ((delegation: string) => readonly [SignedIn, string, string, object?])[] = [
      (delegation) => [lead, "DELETE", `/v1/delegations/${delegation}`],
      () => [staff.owner, "PATCH", `/v1/people/${lead.personId}`, { roles: ["auditor"] }],
      () => [staff.owner, "PATCH", `/v1/people/${deputy.personId}`, { roles: ["auditor"] }],
    ];
    for (const end of ends) {
      const { id } = await staff.must<{ id: string }>(lead, "POST", "/v1/delegations", { toId: deputy.personId, from: 0, until });
      const request = await asking([lead.personId]);
      expect([await vote(mallory, request), await vote(deputy, request), await state(request)]).toEqual([403, 200, "approved"]);
      const [who, method, path, body] = end(id);
      await staff.must(who, method, path, body);
      expect([await claim(request), await state(request)]).toEqual(["superseded", "superseded"]);
      for (const { personId } of [lead, deputy]) await staff.must(staff.owner, "PATCH", `/v1/people/${personId}`, { roles: ["approver"] });
    }
  });

  it("ids that a caller puts into headers and bodies count for nothing", async () => {
    const request = await asking(["ann@example.com"]);
    const names = ["x-forwarded-user", "x-forwarded-email", "x-forwarded-preferred-username", "x-auth-request-user", "x-auth-request-email", "x-remote-user", "remote-user", "x-user-id", "x-countersign-person", "x-countersign-roles", "x-webauth-user", "x-amzn-oidc-identity", "cf-access-authenticated-user-email", "x-ms-client-principal", "x-goog-authenticated-user-email", "x-original-user", "x-impersonate-user", "impersonate-user"];
    for (const name of names)
      for (const value of [ann.personId, "ann@example.com", staff.owner.personId, "owner"])
        for (const [who, wanted] of [[undefined, 401], [key, 403], [mallory, 403]] as const) {
          const { status } = await staff.as({ headers: { ...who?.headers, [name]: value } }, "POST", `/v1/approvals/${request.id}/vote`, voteBody(request));
          expect([name, value, status]).toEqual([name, value, wanted]);
        }
    for (const field of ["personId", "person", "approver", "voter", "onBehalfOf", "assurance", "roles", "by", "identity", "__proto__x", "countsFor", "channel", "selfApproved"]) {
      expect([field, await vote(mallory, request, { [field]: ann.personId })]).toEqual([field, 400]);
    }
    expect(await state(request)).toBe("pending");
  });

  it("what an agent says of its user and of itself makes nobody else the owner of its key", async () => {
    const kim = await staff.join("Kim", ["approver"]);
    const own = await staff.addKey("kim's", kim.personId);
    for (const claimed of [ann.personId, mallory.personId, "", "key:other"]) {
      const caller = { agent: { name: "a", id: claimed }, user: { id: claimed }, session: { id: claimed } };
      const { request } = await staff.must<{ request: Asked }>(own, "POST", "/v1/approvals", askBody({ path: `/as/${claimed}` }, {}, { caller }));
      expect(await vote(kim, request)).toBe(403);
    }
    for (const more of [{ principal: `key:${key.id}` }, { ownerId: null }, { keyId: key.id }]) {
      expect((await staff.as(own, "POST", "/v1/approvals", askBody({ path: "/x" }, {}, more))).status).toBe(400);
      expect((await staff.as(own, "POST", "/v1/approvals", askBody({ path: "/x" }, {}, { caller: { agent: { name: "a", id: "a" }, user: { id: "u" }, session: { id: "s" }, ...more } }))).status).toBe(400);
    }
  });
});

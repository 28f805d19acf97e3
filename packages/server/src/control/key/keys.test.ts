import { afterEach, beforeEach, expect, it } from "vitest";
import { ANONYMOUS, OPERATOR } from "../../auth/identity.ts";
import type { Identity } from "../../auth/identity.ts";
import { openLedger } from "../open-ledger.ts";
import { codeOf, must, openInstallation } from "../people/fixture/installation.ts";
import type { Installation } from "../people/fixture/installation.ts";
import { createKeys } from "./create-keys.ts";

let at: Installation;
let owner: Identity;
beforeEach(async () => {
  at = await openInstallation();
  owner = await at.owner();
});
afterEach(() => at.close());

const add = async (body: Partial<Parameters<Installation["keys"]["add"]>[1]> = {}) => must(await at.keys.add(owner, { name: "agent", ownerId: null, expiresAt: null, ...body }));

it("shows a secret once, keeps its hash, and knows the key by it", async () => {
  const { key, secret } = await add();
  expect(secret).toMatch(new RegExp(`^csk_${key.id}_[A-Za-z0-9_-]{43}$`));
  expect(at.keys.authenticate(secret)).toEqual({ kind: "agent", keyId: key.id, principal: `key:${key.id}`, ownerId: null, name: "agent" });
  expect(await at.dump()).not.toContain(secret.slice(-43));
  expect(JSON.stringify(must(await at.keys.list(owner)))).not.toContain("secret");
});

it("refuses every secret that differs in one character or in length", async () => {
  const { secret } = await add();
  const other = await add();
  for (let index = 0; index < secret.length; index += 1) {
    const wrong = secret.slice(0, index) + (secret[index] === "A" ? "B" : "A") + secret.slice(index + 1);
    expect(typeof at.keys.authenticate(wrong)).toBe("string");
  }
  const mixed = other.secret.slice(0, 31) + secret.slice(31);
  for (const wrong of ["", "csk_", secret.slice(0, -1), `${secret}A`, secret.toUpperCase(), ` ${secret}`, mixed]) expect(typeof at.keys.authenticate(wrong)).toBe("string");
});

it("ends with its revocation and with its expiry", async () => {
  const { key, secret } = await add();
  must(await at.keys.revoke(owner, key.id));
  must(await at.keys.revoke(owner, key.id));
  expect(at.keys.authenticate(secret)).toBe(`agent key ${key.id} is revoked`);
  const short = await add({ expiresAt: at.ledger.resident.now + 60_000 });
  expect(at.keys.authenticate(short.secret)).toMatchObject({ kind: "agent" });
  at.pass(60_000);
  await at.owner();
  expect(at.keys.authenticate(short.secret)).toBe(`agent key ${short.key.id} is expired`);
  expect(codeOf(await at.keys.add(owner, { name: "x", ownerId: null, expiresAt: 1 }))).toBe("bad_request");
  expect((await at.events()).filter((one) => one.event === "key_revoked")).toHaveLength(1);
});

it("is revoked on another instance as soon as that one hears of it, and binds only to active people", async () => {
  const { key, secret } = await add();
  const second = await openLedger(at.store, { pollMs: 20 });
  const there = createKeys(second);
  expect(there.authenticate(secret)).toMatchObject({ kind: "agent" });
  must(await at.keys.revoke(owner, key.id));
  await expect.poll(() => there.authenticate(secret), { interval: 10 }).toBe(`agent key ${key.id} is revoked`);
  await second.close();
  const ann = await at.join(owner, "Ann", ["approver"]);
  expect((await add({ ownerId: ann.personId })).key.ownerId).toBe(ann.personId);
  must(await at.people.change(owner, ann.personId, { status: "disabled" }));
  expect(codeOf(await at.keys.add(owner, { name: "x", ownerId: ann.personId, expiresAt: null }))).toBe("bad_request");
});

it("is made for the gateways of this machine by its operator alone, and is its owner's own", async () => {
  const { key, secret } = must(await at.keys.addForGateways(OPERATOR, "gateways"));
  const me = must(await at.people.makeOwnerLink(OPERATOR)).person.id;
  expect(key).toMatchObject({ name: "gateways", ownerId: me, createdBy: "operator", expiresAt: null });
  expect(at.keys.authenticate(secret)).toMatchObject({ kind: "agent", ownerId: me });
  const agent = at.keys.authenticate(secret);
  if (typeof agent === "string") throw new Error(agent);
  for (const identity of [owner, agent, ANONYMOUS]) expect(["forbidden", "unauthenticated"]).toContain(codeOf(await at.keys.addForGateways(identity, "gateways")));
});

it("makes the owner where nobody has signed in yet, as the owner's first link does", async () => {
  const fresh = await openInstallation();
  try {
    const { key } = must(await fresh.keys.addForGateways(OPERATOR, "gateways"));
    const link = must(await fresh.people.makeOwnerLink(OPERATOR));
    expect(link.person).toMatchObject({ id: key.ownerId, roles: ["owner"], status: "active" });
    expect(must(await fresh.people.list(await fresh.owner())).people).toHaveLength(1);
    expect((await fresh.events()).map(({ event }) => event)).toEqual(expect.arrayContaining(["person_added", "key_added"]));
  } finally {
    await fresh.close();
  }
});

it("is listed for owners and auditors alone", async () => {
  await add();
  const auditor = await at.join(owner, "Una", ["auditor"]);
  const approver = await at.join(owner, "Ann", ["approver"]);
  expect([codeOf(await at.keys.list(auditor)), codeOf(await at.keys.list(approver)), codeOf(await at.keys.list(ANONYMOUS))]).toEqual(["ok", "forbidden", "unauthenticated"]);
});

it("is found among a thousand in some microseconds", async () => {
  const made = await Promise.all(Array.from({ length: 1000 }, () => add()));
  const secrets = made.map((one) => one.secret);
  at.keys.authenticate(secrets[0] ?? "");
  const started = performance.now();
  for (let round = 0; round < 10; round += 1) for (const secret of secrets) at.keys.authenticate(secret);
  const microseconds = ((performance.now() - started) * 1000) / 10_000;
  expect(microseconds).toBeLessThan(200);
});

it("is told about itself and its owner, and nobody else is", async () => {
  const ann = await at.join(owner, "Ann", ["approver"]);
  const { key, secret } = await add({ ownerId: ann.personId, expiresAt: at.ledger.resident.now + 60_000 });
  const agent = at.keys.authenticate(secret);
  if (typeof agent === "string") throw new Error(agent);
  const asked = at.ledger.resident.now;
  const { own } = must(await at.keys.readOwn(agent));
  expect(own).toEqual({ id: key.id, name: "agent", principal: `key:${key.id}`, owner: { id: ann.personId, name: "Ann" }, expiresAt: key.expiresAt, now: expect.any(Number) });
  expect(own.now).toBeGreaterThanOrEqual(asked);
  expect(own.now).toBeLessThanOrEqual(at.ledger.resident.now);
  for (const identity of [owner, OPERATOR, ANONYMOUS]) expect(["forbidden", "unauthenticated"]).toContain(codeOf(await at.keys.readOwn(identity)));
});

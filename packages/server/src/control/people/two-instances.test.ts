import { afterAll, beforeAll, expect, it } from "vitest";
import { ANONYMOUS, OPERATOR } from "../../auth/identity.ts";
import { startTestPostgres } from "../../store/fixture/test-postgres.ts";
import type { TestPostgres } from "../../store/fixture/test-postgres.ts";
import { openPostgresStore } from "../../store/postgres-store.ts";
import { createKeys } from "../key/create-keys.ts";
import { openLedger } from "../open-ledger.ts";
import { createSignIns } from "../sign-in/create-sign-ins.ts";
import { createPeople } from "./create-people.ts";
import { codeOf, linkOf, must, ORIGIN, VISITOR } from "./fixture/installation.ts";
import { isActiveOwner } from "./rights.ts";

let postgres: TestPostgres | { readonly missing: string };
beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(async () => {
  if (!("missing" in postgres)) await postgres.stop();
});

async function openInstance(url: string) {
  const store = await openPostgresStore({ url });
  const ledger = await openLedger(store);
  const people = createPeople(ledger, { origin: () => ORIGIN, embedded: false });
  const keys = createKeys(ledger);
  const signIns = createSignIns(ledger, store, keys, { origin: () => ORIGIN });
  const join = async (link: string) => {
    const { cookie } = must(await signIns.byLink(VISITOR, ANONYMOUS, linkOf(link)));
    return { header: `${cookie.name}=${cookie.value}`, identity: (await signIns.identify({ authorization: undefined, cookie: `${cookie.name}=${cookie.value}`, csrf: undefined })).identity };
  };
  const close = async () => {
    await ledger.close();
    await store.close();
  };
  return { store, ledger, people, keys, signIns, join, close };
}

it("holds over two instances of one PostgreSQL: a link works once, one owner stays, a disabled person and a revoked key are out on both", async ({ skip }) => {
  if ("missing" in postgres) return skip(postgres.missing);
  const url = await postgres.createDatabase();
  const one = await openInstance(url);
  const other = await openInstance(url);
  try {
    const owner = await one.join(must(await one.people.makeOwnerLink(OPERATOR)).url);
    const invited = must(await other.people.add(owner.identity, { name: "Ann", email: "ann@example.org", roles: ["owner"] }));
    const tries = await Promise.all(Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? one : other).signIns.byLink(VISITOR, ANONYMOUS, linkOf(invited.url))));
    expect(tries.filter((answer) => answer.ok)).toHaveLength(1);

    const ann = await other.join(must(await one.people.invite(owner.identity, invited.person.id)).url);
    const ownerId = owner.identity.kind === "person" ? owner.identity.personId : "";
    const demotions = await Promise.all([one.people.change(owner.identity, invited.person.id, { roles: ["approver"] }), other.people.change(ann.identity, ownerId, { roles: ["approver"] })]);
    expect(demotions.map(codeOf).toSorted()).toEqual(["forbidden", "ok"]);
    const [stayed, gone] = demotions[0].ok ? [owner, { ...ann, id: invited.person.id }] : [ann, { ...owner, id: ownerId }];

    const key = must(await one.keys.add(stayed.identity, { name: "agent", ownerId: null, expiresAt: null }));
    await expect.poll(() => other.keys.authenticate(key.secret), { interval: 10 }).toMatchObject({ kind: "agent" });
    must(await one.keys.revoke(stayed.identity, key.key.id));
    await expect.poll(() => other.keys.authenticate(key.secret), { interval: 10 }).toContain("revoked");

    const gonesKind = async () => (await other.signIns.identify({ authorization: undefined, cookie: gone.header, csrf: undefined })).identity.kind;
    expect(await gonesKind()).toBe("person");
    must(await one.people.change(stayed.identity, gone.id, { status: "disabled" }));
    // The other instance knows it by a hint, as it knows of the revoked key.
    await expect.poll(gonesKind, { interval: 10 }).toBe("anonymous");
    expect(codeOf(await one.people.change(stayed.identity, demotions[0].ok ? ownerId : invited.person.id, { roles: [] }))).toBe("conflict");
    expect(other.ledger.resident.all("person").filter(({ data }) => isActiveOwner(data))).toHaveLength(1);
  } finally {
    await one.close();
    await other.close();
  }
});

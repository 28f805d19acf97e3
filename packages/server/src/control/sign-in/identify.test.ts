import { afterEach, beforeEach, expect, it } from "vitest";
import { ANONYMOUS, OPERATOR } from "../../auth/identity.ts";
import { hashSecret, newSecret } from "../../auth/secret.ts";
import { createKeys } from "../key/create-keys.ts";
import { openLedger } from "../open-ledger.ts";
import { codeOf, linkOf, must, openInstallation, ORIGIN, VISITOR } from "../people/fixture/installation.ts";
import type { Installation } from "../people/fixture/installation.ts";
import { createSignIns } from "./create-sign-ins.ts";
import type { SignedIn } from "./sign-ins.ts";

const operatorSecret = newSecret("operator");
let at: Installation;
let signedIn: SignedIn;
beforeEach(async () => {
  at = await openInstallation({ operatorHash: hashSecret(operatorSecret) });
  signedIn = must(await at.signIns.byLink(VISITOR, ANONYMOUS, linkOf(must(await at.people.makeOwnerLink(OPERATOR)).url)));
});
afterEach(() => at.close());

const present = (authorization?: string, cookie?: string, csrf?: string) => at.signIns.identify({ authorization, cookie, csrf });
const ownerNow = async () => (await at.who(signedIn)).identity;

it("R15: an agent's key is an agent, a sign-in a person, the operator's secret the operator, and nothing else is anybody", async () => {
  const { secret, key } = must(await at.keys.add(await ownerNow(), { name: "agent", ownerId: null, expiresAt: null }));
  expect((await present(`Bearer ${secret}`)).identity).toMatchObject({ kind: "agent", keyId: key.id });
  expect((await present(undefined, `__Host-countersign=${signedIn.token}`)).identity).toMatchObject({ kind: "person", personId: signedIn.personId, via: "link", assurance: "authenticated" });
  expect((await present(`bearer ${operatorSecret}`)).identity).toBe(OPERATOR);
  expect(await present()).toEqual({ identity: ANONYMOUS, credential: "none", csrf: "not_needed", reason: null });
  const nobody = [
    await present(`Basic ${secret}`),
    await present(secret),
    await present(`Bearer  ${secret}`),
    await present(`Bearer ${secret}, Bearer ${secret}`),
    await present(`Bearer ${newSecret("operator")}`),
    await present(`Bearer ${newSecret("sign_in")}`),
    await present("Bearer undefined"),
    await present(undefined, `__Host-countersign=${secret}`),
    await present(undefined, `__Host-countersign=${operatorSecret}`),
    await present(undefined, `__Host-countersign=${hashSecret(signedIn.token)}`),
    await present(undefined, "__Host-countersign="),
    await present(`Bearer ${signedIn.csrf}`),
  ];
  for (const one of nobody) expect([one.identity, typeof one.reason]).toEqual([ANONYMOUS, "string"]);
  for (const one of nobody) expect(one.reason).not.toContain(secret.slice(-43));
});

it("R15: refuses two credentials at once, and the sign-in cookie twice", async () => {
  const { secret } = must(await at.keys.add(await ownerNow(), { name: "agent", ownerId: null, expiresAt: null }));
  const cookie = `__Host-countersign=${signedIn.token}`;
  expect(await present(`Bearer ${secret}`, cookie)).toMatchObject({ identity: ANONYMOUS, reason: "two credentials at once" });
  expect(await present(undefined, `${cookie}; ${cookie}`)).toMatchObject({ identity: ANONYMOUS, reason: "the sign-in cookie more than once" });
  expect((await present(undefined, `other=1; ${cookie}; theme=dark`)).identity.kind).toBe("person");
  expect((await present(undefined, `countersign=${signedIn.token}`)).identity).toBe(ANONYMOUS);
});

it("R20: a browser's sign-in in the header, and a command line's token in the cookie, prove nothing", async () => {
  const { token } = must(await at.signIns.makeToken(await ownerNow(), "my shell", 30));
  expect((await present(`Bearer ${token}`)).identity).toMatchObject({ kind: "person", via: "token", assurance: "authenticated" });
  expect(await present(`Bearer ${signedIn.token}`)).toMatchObject({ identity: ANONYMOUS, reason: "a sign-in in another's place" });
  expect(await present(undefined, `__Host-countersign=${token}`)).toMatchObject({ identity: ANONYMOUS, reason: "a sign-in in another's place" });
  expect(codeOf(await at.signIns.makeToken((await present(`Bearer ${token}`)).identity, "another", 1))).toBe("forbidden");
});

it("R20: tells whether the CSRF token is that of this very sign-in", async () => {
  const again = must(await at.signIns.byLink(VISITOR, ANONYMOUS, linkOf(must(await at.people.makeOwnerLink(OPERATOR)).url)));
  const csrfOf = async (csrf?: string) => (await at.who(signedIn, csrf)).csrf;
  expect([await csrfOf(), await csrfOf(signedIn.csrf), await csrfOf(again.csrf), await csrfOf(""), await csrfOf(signedIn.token)]).toEqual(["absent", "match", "wrong", "wrong", "wrong"]);
  expect(JSON.stringify(await at.signIns.me(await ownerNow()))).not.toContain(signedIn.csrf);
});

it("ends after 12 hours without use, and after 14 days in any case", async () => {
  for (let hours = 0; hours < 14 * 24 - 11; hours += 11) {
    at.pass(11 * 3_600_000);
    expect([hours, (await ownerNow()).kind]).toEqual([hours, "person"]);
  }
  at.pass(11 * 3_600_000);
  expect(await at.who(signedIn)).toMatchObject({ identity: ANONYMOUS, reason: "a sign-in that has expired" });
  signedIn = must(await at.signIns.byLink(VISITOR, ANONYMOUS, linkOf(must(await at.people.makeOwnerLink(OPERATOR)).url)));
  at.pass(12 * 3_600_000);
  expect((await ownerNow()).kind).toBe("anonymous");
  await at.signIns.sweep();
  expect(await at.store.count("default", "sign_in")).toBe(1);
});

it("lists one's own sign-ins, ends one of them at once, and never another person's", async () => {
  const owner = await ownerNow();
  const { token } = must(await at.signIns.makeToken(owner, "my shell", 1));
  const ann = await at.join(owner, "Ann", ["approver"]);
  const mine = must(await at.signIns.list(owner)).signIns;
  expect(mine.map((one) => [one.via, one.current])).toEqual([["link", true], ["token", false]]);
  const id = mine.find((one) => one.via === "token")?.id ?? "";
  expect(codeOf(await at.signIns.end(ann, id))).toBe("not_found");
  must(await at.signIns.end(owner, id));
  expect((await present(`Bearer ${token}`)).identity).toBe(ANONYMOUS);
  const out = must(await at.signIns.signOut(owner));
  expect(out.cookie).toMatchObject({ name: "__Host-countersign", value: "", attributes: { maxAge: 0 } });
  expect((await at.who(signedIn)).identity).toBe(ANONYMOUS);
  expect((await at.events()).filter((one) => one.event === "signed_out")).toHaveLength(2);
});

it("knows on every instance at once that a person was disabled", async () => {
  const second = await openLedger(at.store, { pollMs: 3_600_000 });
  const there = createSignIns(second, at.store, createKeys(second), { origin: () => ORIGIN });
  const { person, url } = must(await at.people.add(await ownerNow(), { name: "Ann", email: null, roles: ["approver"] }));
  const anns = must(await at.signIns.byLink(VISITOR, ANONYMOUS, linkOf(url)));
  const cookie = `__Host-countersign=${anns.token}`;
  const identity = async () => (await there.identify({ authorization: undefined, cookie, csrf: undefined })).identity.kind;
  expect(await identity()).toBe("person");
  must(await at.people.change(await ownerNow(), person.id, { status: "disabled" }));
  expect(second.resident.get("person", person.id)?.data.status).toBe("active");
  expect(await identity()).toBe("anonymous");
  await second.close();
});

it("has the plain cookie's name only over plain HTTP, by choice", async () => {
  const plain = await openInstallation({ plainCookies: true });
  const there = must(await plain.signIns.byLink(VISITOR, ANONYMOUS, linkOf(must(await plain.people.makeOwnerLink(OPERATOR)).url)));
  expect([there.cookie.name, there.cookie.attributes.secure]).toEqual(["countersign", false]);
  expect((await plain.who(there)).identity.kind).toBe("person");
  await plain.close();
  const https = await openInstallation({ plainCookies: true, origin: () => "https://approvals.example.org" });
  const secure = must(await https.signIns.byLink(VISITOR, ANONYMOUS, linkOf(must(await https.people.makeOwnerLink(OPERATOR)).url)));
  expect([secure.cookie.name, secure.cookie.attributes.secure]).toEqual(["__Host-countersign", true]);
  await https.close();
});

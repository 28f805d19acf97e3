import { createHash, createPublicKey, verify } from "node:crypto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SoftwareAuthenticator } from "../../auth/fixture/software-authenticator.ts";
import type { Lie } from "../../auth/fixture/software-authenticator.ts";
import { ANONYMOUS, assuranceFor } from "../../auth/identity.ts";
import type { Identity, PersonIdentity } from "../../auth/identity.ts";
import { codeOf, must, openInstallation, ORIGIN, VISITOR } from "../people/fixture/installation.ts";
import type { Installation } from "../people/fixture/installation.ts";

const DIGEST = createHash("sha256").update("one request").digest("hex");
let at: Installation;
let owner: Identity;
let ann: PersonIdentity;
let device: SoftwareAuthenticator;
beforeEach(async () => {
  at = await openInstallation();
  owner = await at.owner();
  ann = await at.join(owner, "Ann", ["approver"], "ann@example.org");
  device = new SoftwareAuthenticator(ORIGIN);
  await register(ann, device);
});
afterEach(() => at.close());

async function register(who: Identity, authenticator: SoftwareAuthenticator) {
  const { options, cookie } = must(await at.signIns.passkeyRegistrationOptions(who));
  return must(await at.signIns.addPasskey(who, cookie.value, "laptop", authenticator.create(options)));
}

async function signIn(authenticator = device, lie: Lie = {}, who: Identity = ANONYMOUS, requestDigest: string | null = null) {
  const { options, cookie } = must(await at.signIns.passkeyOptions(who, requestDigest));
  return at.signIns.byPasskey(VISITOR, who, cookie.value, authenticator.get(options, lie));
}

const person = async (signedIn: Awaited<ReturnType<typeof signIn>>) => {
  const { identity } = await at.who(must(signedIn));
  if (identity.kind !== "person") throw new Error("nobody");
  return identity;
};
const lastRefusal = async () => (await at.events()).findLast((one) => one.event === "sign_in_refused")?.detail["why"];

it("signs in without an address, and is worth a passkey for ten minutes", async () => {
  const signedIn = must(await signIn());
  const { identity } = await at.who(signedIn);
  expect(identity).toMatchObject({ personId: ann.personId, via: "passkey", assurance: "passkey", signedDigest: null });
  at.pass(10 * 60_000);
  expect((await at.who(signedIn)).identity).toMatchObject({ personId: ann.personId, assurance: "authenticated" });
});

it("signs the digest of a request, and the record holds what proves it without us", async () => {
  const stepped = await person(await signIn(device, {}, ann, DIGEST));
  expect(stepped).toMatchObject({ personId: ann.personId, assurance: "passkey", signedDigest: DIGEST });
  expect([assuranceFor(stepped, DIGEST), assuranceFor(stepped, "0".repeat(64)), assuranceFor(ann, DIGEST)]).toEqual(["passkey", "authenticated", "authenticated"]);
  const rows = await at.events();
  const made = rows.find((one) => one.event === "person_changed" && one.detail["publicKey"] !== undefined)?.detail ?? {};
  const proof = rows.findLast((one) => one.event === "signed_in")?.detail ?? {};
  expect([proof["requestDigest"], proof["passkey"]]).toEqual([DIGEST, made["added"]]);
  const bytes = (name: string) => Buffer.from(String(proof[name]), "base64url");
  const challenge = String(JSON.parse(bytes("clientDataJSON").toString()).challenge);
  expect(Buffer.from(challenge, "base64url").toString("hex")).toBe(DIGEST);
  // The COSE key of P-256 ends in x and y: 32 bytes each, three bytes of CBOR between them.
  const cose = Buffer.from(String(made["publicKey"]), "base64url");
  const jwk = { kty: "EC", crv: "P-256", x: cose.subarray(-67, -35).toString("base64url"), y: cose.subarray(-32).toString("base64url") };
  const signed = Buffer.concat([bytes("authenticatorData"), createHash("sha256").update(bytes("clientDataJSON")).digest()]);
  expect(verify("sha256", signed, createPublicKey({ key: jwk, format: "jwk" }), bytes("signature"))).toBe(true);
});

it("gives a sign-in that steps up a new token, and the old one ends", async () => {
  const before = must(await signIn());
  const { identity } = await at.who(before);
  const after = must(await signIn(device, {}, identity));
  expect((await at.who(before)).identity).toBe(ANONYMOUS);
  expect((await at.who(after)).identity).toMatchObject({ personId: ann.personId });
  expect(after.csrf).not.toBe(before.csrf);
});

it.each<[string, Lie, string]>([
  ["another origin", { origin: "http://localhost:9999" }, "Unexpected authentication response origin"],
  ["a look-alike host", { origin: "https://localhost:7433" }, "Unexpected authentication response origin"],
  ["another relying party", { rpId: "evil.example" }, "Unexpected RP ID hash"],
  ["another challenge", { challenge: "AAAA" }, "Unexpected authentication response challenge"],
  ["a user who was not verified", { userVerified: false }, "User verification"],
  ["the answer to a registration", { type: "webauthn.create" }, "Unexpected authentication response type"],
  ["another person's handle", { userHandle: Buffer.from("somebody").toString("base64url") }, "unknown passkey"],
])("refuses %s", async (_what, lie, why) => {
  expect(codeOf(await signIn(device, lie))).toBe("unauthenticated");
  expect(await lastRefusal()).toContain(why);
  must(await signIn());
});

it("refuses a signature of another key under a known id, and any changed byte", async () => {
  const { options, cookie } = must(await at.signIns.passkeyOptions(ANONYMOUS, null));
  const thief = new SoftwareAuthenticator(ORIGIN);
  const honest = device.get(options);
  const stolen = { ...honest, response: { ...(thief.get(options) as { response: object }).response, userHandle: null } };
  expect(codeOf(await at.signIns.byPasskey(VISITOR, ANONYMOUS, cookie.value, stolen))).toBe("unauthenticated");
  for (const answer of [null, 1, "x", {}, [], { ...honest, id: "x" }, { ...honest, response: {} }, { ...honest, type: "password" }]) {
    const { cookie: fresh } = must(await at.signIns.passkeyOptions(ANONYMOUS, null));
    expect(codeOf(await at.signIns.byPasskey({ ...VISITOR, address: "other" }, ANONYMOUS, fresh.value, answer))).toBe("unauthenticated");
  }
});

it("takes an answer once: the same again, with its attempt or another one, counts no more", async () => {
  const { options, cookie } = must(await at.signIns.passkeyOptions(ANONYMOUS, null));
  const answer = device.get(options);
  const both = await Promise.all([0, 1].map(() => at.signIns.byPasskey(VISITOR, ANONYMOUS, cookie.value, answer)));
  expect(both.map(codeOf).toSorted()).toEqual(["ok", "unauthenticated"]);
  const { cookie: other } = must(await at.signIns.passkeyOptions(ANONYMOUS, null));
  expect(codeOf(await at.signIns.byPasskey(VISITOR, ANONYMOUS, other.value, answer))).toBe("unauthenticated");
  expect(codeOf(await at.signIns.byPasskey(VISITOR, ANONYMOUS, undefined, answer))).toBe("unauthenticated");
  const late = must(await at.signIns.passkeyOptions(ANONYMOUS, null));
  at.pass(10 * 60_000);
  expect(codeOf(await at.signIns.byPasskey(VISITOR, ANONYMOUS, late.cookie.value, device.get(late.options)))).toBe("unauthenticated");
});

it("takes an answer once also of an authenticator that does not count", async () => {
  const { options, cookie } = must(await at.signIns.passkeyOptions(ANONYMOUS, null));
  const answer = device.get(options, { counter: 0 });
  must(await at.signIns.byPasskey(VISITOR, ANONYMOUS, cookie.value, answer));
  expect(codeOf(await at.signIns.byPasskey(VISITOR, ANONYMOUS, cookie.value, answer))).toBe("unauthenticated");
  must(await signIn(device, { counter: 0 }));
});

it("refuses one of two that count alike in the same moment", async () => {
  const begun = await Promise.all([0, 1].map(async () => must(await at.signIns.passkeyOptions(ANONYMOUS, null))));
  const both = await Promise.all(begun.map(({ options, cookie }) => at.signIns.byPasskey(VISITOR, ANONYMOUS, cookie.value, device.get(options, { counter: 7 }))));
  expect(both.map(codeOf).toSorted()).toEqual(["ok", "unauthenticated"]);
});

it("refuses a counter that went back: the authenticator was copied", async () => {
  must(await signIn());
  must(await signIn());
  expect(codeOf(await signIn(device, { counter: 1 }))).toBe("unauthenticated");
  expect(await lastRefusal()).toContain("counter");
});

it("refuses to step up with another person's passkey, in another sign-in, or as an agent", async () => {
  const ben = await at.join(owner, "Ben", ["approver"]);
  const bens = new SoftwareAuthenticator(ORIGIN);
  await register(ben, bens);
  expect(codeOf(await signIn(bens, {}, ann, DIGEST))).toBe("unauthenticated");
  const { options, cookie } = must(await at.signIns.passkeyOptions(ann, DIGEST));
  expect(codeOf(await at.signIns.byPasskey(VISITOR, ben, cookie.value, device.get(options)))).toBe("unauthenticated");
  const again = must(await at.signIns.passkeyOptions(ann, DIGEST));
  expect(codeOf(await at.signIns.byPasskey(VISITOR, ANONYMOUS, again.cookie.value, device.get(again.options)))).toBe("unauthenticated");
  const elsewhere = await person(await signIn());
  const mine = must(await at.signIns.passkeyOptions(ann, DIGEST));
  expect(codeOf(await at.signIns.byPasskey(VISITOR, elsewhere, mine.cookie.value, device.get(mine.options)))).toBe("unauthenticated");
  expect(await lastRefusal()).toBe("another person's attempt");
  expect(codeOf(await at.signIns.passkeyOptions(ANONYMOUS, DIGEST))).toBe("forbidden");
  expect(codeOf(await at.signIns.passkeyOptions({ kind: "agent", keyId: "k", principal: "key:k", ownerId: ann.personId, name: "a" }, DIGEST))).toBe("forbidden");
});

it("confirms a request whatever strangers try at the same address, an agent of this machine for one", async () => {
  for (let n = 0; n < 30; n += 1) expect(codeOf(await at.signIns.byLink(VISITOR, ANONYMOUS, "csl_none"))).toBe("unauthenticated");
  expect(codeOf(await at.signIns.byLink(VISITOR, ANONYMOUS, "csl_none"))).toBe("too_many");
  expect(codeOf(await signIn())).toBe("too_many");
  expect(await person(await signIn(device, {}, ann, DIGEST))).toMatchObject({ signedDigest: DIGEST });
  // Nor is it a way around: who is signed in has tries of their own, and no more of them.
  for (let n = 0; n < 30; n += 1) await at.signIns.byPasskey(VISITOR, owner, undefined, {});
  expect(codeOf(await at.signIns.byPasskey(VISITOR, owner, undefined, {}))).toBe("too_many");
});

it("adds a passkey once, for whoever began, and nobody brings the id of another's", async () => {
  const { options, cookie } = must(await at.signIns.passkeyRegistrationOptions(owner));
  expect(codeOf(await at.signIns.addPasskey(ann, cookie.value, "x", new SoftwareAuthenticator(ORIGIN).create(options)))).toBe("conflict");
  const thief = new SoftwareAuthenticator(ORIGIN);
  expect(codeOf(await at.signIns.addPasskey(owner, cookie.value, "x", thief.create(options, {}, device.id)))).toBe("conflict");
  const unverified = must(await at.signIns.passkeyRegistrationOptions(owner));
  expect(codeOf(await at.signIns.addPasskey(owner, unverified.cookie.value, "x", thief.create(unverified.options, { userVerified: false })))).toBe("bad_request");
  const elsewhere = must(await at.signIns.passkeyRegistrationOptions(owner));
  expect(codeOf(await at.signIns.addPasskey(owner, elsewhere.cookie.value, "x", thief.create(elsewhere.options, { origin: "http://evil.example" })))).toBe("bad_request");
});

it("stops counting when it is taken away or its person is disabled", async () => {
  const { passkeyId } = await register(owner, new SoftwareAuthenticator(ORIGIN));
  expect(codeOf(await at.signIns.removePasskey(ann, passkeyId))).toBe("not_found");
  must(await at.people.change(owner, ann.personId, { status: "disabled" }));
  expect(codeOf(await signIn())).toBe("unauthenticated");
  must(await at.people.change(owner, ann.personId, { status: "active" }));
  const back = await person(await signIn());
  must(await at.signIns.removePasskey(back, device.id.toString("base64url")));
  expect(codeOf(await signIn())).toBe("unauthenticated");
});

it("says that a host without a name has no passkeys", async () => {
  const numeric = await openInstallation({ origin: () => "http://127.0.0.1:7433" });
  expect(numeric.signIns.methods()).toEqual({ password: true, passkey: false, oidc: null });
  expect(codeOf(await numeric.signIns.passkeyOptions(ANONYMOUS, null))).toBe("conflict");
  await numeric.close();
  expect(at.signIns.methods().passkey).toBe(true);
});

import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { openLyingProvider } from "../../auth/fixture/lying-provider.ts";
import type { TokenLie } from "../../auth/fixture/lying-provider.ts";
import { CLIENT, openProvider } from "../../auth/fixture/open-provider.ts";
import type { OpenProvider } from "../../auth/fixture/open-provider.ts";
import { ANONYMOUS } from "../../auth/identity.ts";
import type { Identity } from "../../auth/identity.ts";
import { createOidc } from "../../auth/oidc.ts";
import { codeOf, linkOf, must, openInstallation, ORIGIN, VISITOR } from "../people/fixture/installation.ts";
import type { Installation } from "../people/fixture/installation.ts";

const CALLBACK = `${ORIGIN}/v1/sign-in/oidc/callback`;
const ACCOUNTS = {
  ann: { name: "Ann", email: "ann@example.org", email_verified: true },
  ben: { name: "Ann", email: "ben@example.org", email_verified: true },
  unverified: { name: "Eve", email: "eve@example.org", email_verified: false },
  takeover: { name: "Ann", email: "Ann@Example.org", email_verified: true },
  elsewhere: { name: "Eve", email: "eve@notexample.org", email_verified: true },
  below: { name: "Eve", email: "eve@sub.example.org", email_verified: true },
  odd: { name: "Eve", email: "eve@evil.test@example.org", email_verified: true },
};
let provider: OpenProvider;
let at: Installation;
let owner: Identity;
beforeAll(async () => {
  provider = await openProvider(CALLBACK, ACCOUNTS);
});
afterAll(() => provider.close());
beforeEach(async () => {
  at = await openInstallation({ oidc: { provider: createOidc({ issuer: provider.issuer, name: "Example", ...CLIENT }), domains: ["example.org"], roles: ["approver"] } });
  owner = await at.owner();
});
afterEach(() => at.close());

async function signIn(account: keyof typeof ACCOUNTS, link: string | null = null) {
  const { url, cookie } = must(await at.signIns.startOidc(link));
  return at.signIns.finishOidc(VISITOR, cookie.value, await provider.visit(url, account));
}
const invite = async (email: string | null) => {
  const { person, url } = must(await at.people.add(owner, { name: "Invited", email, roles: ["auditor"] }));
  return { id: person.id, link: linkOf(url) };
};
const lastRefusal = async () => (await at.events()).findLast((one) => one.event === "sign_in_refused")?.detail["why"];
const peopleNow = () => at.ledger.resident.all("person").length;

it("asks with code, PKCE, state and nonce, and ties the answer to this browser by a Lax cookie", async () => {
  const { url, cookie } = must(await at.signIns.startOidc(null));
  const asked = Object.fromEntries(new URL(url).searchParams);
  expect(asked).toMatchObject({ response_type: "code", redirect_uri: CALLBACK, code_challenge_method: "S256", scope: "openid email profile", state: expect.any(String), nonce: expect.any(String) });
  expect(cookie).toMatchObject({ name: "__Host-countersign-attempt", attributes: { sameSite: "Lax", httpOnly: true, secure: true } });
  expect(at.signIns.methods().oidc).toEqual({ name: "Example" });
});

it("makes a person of a verified address of a chosen domain once, and knows them by subject from then on", async () => {
  const first = must(await signIn("ann"));
  const again = must(await signIn("ann"));
  expect(again.personId).toBe(first.personId);
  expect((await at.who(again)).identity).toMatchObject({ via: "oidc", roles: ["approver"], assurance: "authenticated" });
  // Another subject with the same display name is another person.
  expect(must(await signIn("ben")).personId).not.toBe(first.personId);
  // Rights hang on the subject: an owner may give the person another address.
  must(await at.people.change(owner, first.personId, { email: "annette@example.org" }));
  expect(must(await signIn("ann")).personId).toBe(first.personId);
});

it("binds a subject to the person of an invitation, whatever the address, and only then", async () => {
  const { id, link } = await invite("someone@else.example");
  const signedIn = must(await signIn("elsewhere", link));
  expect(signedIn.personId).toBe(id);
  expect(must(await signIn("elsewhere")).personId).toBe(id);
  expect(codeOf(await at.signIns.byLink(VISITOR, ANONYMOUS, link))).toBe("unauthenticated");
  expect(codeOf(await signIn("ben", link))).toBe("unauthenticated");
  const other = await invite(null);
  expect(codeOf(await signIn("elsewhere", other.link))).toBe("unauthenticated");
  expect(await lastRefusal()).toBe("an invitation of another person");
  expect(must(await at.signIns.byLink(VISITOR, ANONYMOUS, other.link)).personId).toBe(other.id);
});

it("R16: never gives somebody's account to whoever has the same address at the provider", async () => {
  const ann = await at.join(owner, "Ann", ["owner"], "ann@example.org");
  expect(codeOf(await signIn("takeover"))).toBe("unauthenticated");
  expect(await lastRefusal()).toBe("the address of another person, and no invitation");
  expect(codeOf(await signIn("ann"))).toBe("unauthenticated");
  must(await at.people.change(owner, ann.personId, { status: "disabled" }));
  expect(codeOf(await signIn("ann"))).toBe("unauthenticated");
});

it.each(["unverified", "elsewhere", "below"] as const)("makes nobody of an address that is %s", async (account) => {
  const before = peopleNow();
  expect(codeOf(await signIn(account))).toBe("unauthenticated");
  expect([peopleNow(), await lastRefusal()]).toEqual([before, "unknown subject, and no invitation"]);
});

it("makes nobody of an address that is no address", async () => {
  const before = peopleNow();
  expect(codeOf(await signIn("odd"))).toBe("unauthenticated");
  expect(peopleNow()).toBe(before);
});

it("refuses a wrong, a missing and another browser's state, a wrong issuer, and a code that was begun elsewhere", async () => {
  const attack = async (change: (back: URL, other: URL) => void, cookieOf: "mine" | "other" | "none" = "mine") => {
    const mine = must(await at.signIns.startOidc(null));
    const other = must(await at.signIns.startOidc(null));
    const back = new URL(await provider.visit(mine.url, "ann"));
    change(back, new URL(await provider.visit(other.url, "ben")));
    const cookie = { mine: mine.cookie.value, other: other.cookie.value, none: undefined }[cookieOf];
    return codeOf(await at.signIns.finishOidc(VISITOR, cookie, back.href));
  };
  expect(await attack(() => undefined)).toBe("ok");
  expect(await attack((back) => back.searchParams.set("state", "x"))).toBe("unauthenticated");
  expect(await attack((back) => back.searchParams.delete("state"))).toBe("unauthenticated");
  expect(await attack((back) => back.searchParams.append("state", "x"))).toBe("unauthenticated");
  expect(await attack((back) => back.searchParams.set("iss", "http://evil.example"))).toBe("unauthenticated");
  expect(await attack((back) => back.searchParams.delete("iss"))).toBe("unauthenticated");
  expect(await attack((back, other) => back.searchParams.set("code", other.searchParams.get("code") ?? ""))).toBe("unauthenticated");
  expect(await attack((back, other) => (back.search = other.search))).toBe("unauthenticated");
  expect(await attack(() => undefined, "other")).toBe("unauthenticated");
  expect(await attack(() => undefined, "none")).toBe("unauthenticated");
});

it("takes an answer once", async () => {
  const { url, cookie } = must(await at.signIns.startOidc(null));
  const back = await provider.visit(url, "ann");
  const both = await Promise.all([0, 1].map(() => at.signIns.finishOidc(VISITOR, cookie.value, back)));
  expect(both.map(codeOf).toSorted()).toEqual(["ok", "unauthenticated"]);
  expect(codeOf(await at.signIns.finishOidc(VISITOR, cookie.value, back))).toBe("unauthenticated");
});

it("does not follow the callback's host: it goes back to where this installation is", async () => {
  const { url, cookie } = must(await at.signIns.startOidc(null));
  const back = new URL(await provider.visit(url, "ann"));
  expect(codeOf(await at.signIns.finishOidc(VISITOR, cookie.value, `http://evil.example/v1/sign-in/oidc/callback${back.search}`))).toBe("ok");
});

it.each<[string, TokenLie, boolean]>([
  ["the truth", {}, true],
  ["another nonce", { claims: { nonce: "x" } }, false],
  ["no nonce", { claims: { nonce: undefined } }, false],
  ["another issuer", { claims: { iss: "https://accounts.example.org" } }, false],
  ["another audience", { claims: { aud: "somebody else" } }, false],
  ["several audiences and another party", { claims: { aud: [CLIENT.clientId, "x"], azp: "x" } }, false],
  ["a token of yesterday", { claims: { exp: Math.floor(Date.now() / 1000) - 86_400 } }, false],
  ["no subject", { claims: { sub: undefined } }, false],
  ["a key that was never published", { key: "unpublished" }, false],
  ["no signature", { key: "none" }, false],
])("believes an identity token only as the protocol says: %s", async (_what, lie, isBelieved) => {
  const liar = await openLyingProvider();
  const there = await openInstallation({ oidc: { provider: createOidc({ issuer: liar.issuer, name: "Liar", ...CLIENT }), domains: ["example.org"], roles: ["approver"] } });
  liar.lie = { ...lie, claims: { email: "new@example.org", email_verified: true, ...lie.claims } };
  const { url, cookie } = must(await there.signIns.startOidc(null));
  expect((await there.signIns.finishOidc(VISITOR, cookie.value, liar.visit(url))).ok).toBe(isBelieved);
  await there.close();
  await liar.close();
});

it("says that the provider is away, and asks it again for the next person", async () => {
  const gone = await openInstallation({ oidc: { provider: createOidc({ issuer: "http://127.0.0.1:1", name: "Gone", ...CLIENT }), domains: [], roles: [] } });
  expect(codeOf(await gone.signIns.startOidc(null))).toBe("internal");
  await gone.close();
  // The provider calls itself 127.0.0.1: under another name it is not the one that was configured.
  const renamed = await openInstallation({ oidc: { provider: createOidc({ issuer: provider.issuer.replace("127.0.0.1", "localhost"), name: "Renamed", ...CLIENT }), domains: [], roles: [] } });
  expect(codeOf(await renamed.signIns.startOidc(null))).toBe("internal");
  await renamed.close();
});

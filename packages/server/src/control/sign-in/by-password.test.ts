import { afterEach, beforeEach, expect, it } from "vitest";
import { ANONYMOUS } from "../../auth/identity.ts";
import type { Identity, PersonIdentity } from "../../auth/identity.ts";
import { codeOf, must, openInstallation, VISITOR } from "../people/fixture/installation.ts";
import type { Installation } from "../people/fixture/installation.ts";

const PASSWORD = "nine green bottles";
const OTHER = "eight green bottles";
let at: Installation;
let owner: Identity;
let ann: PersonIdentity;
beforeEach(async () => {
  at = await openInstallation();
  owner = await at.owner();
  ann = await at.join(owner, "Ann", ["approver"], "ann@example.org");
});
afterEach(() => at.close());

const set = (identity: Identity, password: string, current: string | null = null) => at.signIns.changePassword(VISITOR, identity, { current, password });
const signIn = (email: string, password: string, address = VISITOR.address) => at.signIns.byPassword({ ...VISITOR, address }, { email, password });

it("signs in by address and password, and says the same about a wrong one and an unknown address", async () => {
  must(await set(ann, PASSWORD));
  const signedIn = must(await signIn("Ann@Example.org", PASSWORD));
  expect((await at.who(signedIn)).identity).toMatchObject({ personId: ann.personId, via: "password", assurance: "authenticated" });
  const wrong = await signIn("ann@example.org", OTHER);
  expect(await signIn("nobody@example.org", PASSWORD)).toEqual(wrong);
  // The owner has no password at all.
  expect(await signIn("", "")).toEqual(wrong);
  const refused = (await at.events()).filter((one) => one.event === "sign_in_refused").map((one) => [one.detail["why"], one.detail["person"]]);
  expect(refused).toEqual([["wrong password", ann.personId], ["unknown address", null], ["unknown address", null]]);
  expect(JSON.stringify(await at.events())).not.toContain("green bottles");
});

it("ends every older sign-in with a new password and answers a new one", async () => {
  const { token } = must(await at.signIns.makeToken(ann, "my shell", 1));
  const first = must(await set(ann, PASSWORD));
  const shell = () => at.signIns.identify({ authorization: `Bearer ${token}`, cookie: undefined, csrf: undefined });
  expect((await shell()).identity).toBe(ANONYMOUS);
  expect(codeOf(await at.signIns.me(ann))).toBe("unauthenticated");
  const { identity } = await at.who(first);
  expect(codeOf(await at.signIns.me(identity))).toBe("ok");
  expect(must(await at.signIns.list(identity)).signIns).toHaveLength(1);
});

it("asks for the current password, unless who it is was just proved in another way", async () => {
  must(await set(ann, PASSWORD));
  const { identity } = await at.who(must(await signIn("ann@example.org", PASSWORD)));
  expect(codeOf(await set(identity, OTHER))).toBe("forbidden");
  expect(codeOf(await set(identity, OTHER, "wrong one"))).toBe("forbidden");
  must(await set(identity, OTHER, PASSWORD));
  expect(codeOf(await signIn("ann@example.org", PASSWORD))).toBe("unauthenticated");
  const { url } = must(await at.people.invite(owner, ann.personId));
  const back = await at.who(must(await at.signIns.byLink(VISITOR, ANONYMOUS, url.split("=")[1] ?? "")));
  must(await set(back.identity, PASSWORD));
  must(await signIn("ann@example.org", PASSWORD));
  expect(codeOf(await set(owner, PASSWORD))).toBe("conflict");
  expect(codeOf(await set(ANONYMOUS, PASSWORD))).toBe("unauthenticated");
});

it("refuses a password that is replaced while it is being checked", async () => {
  must(await set(ann, PASSWORD));
  const late = signIn("ann@example.org", PASSWORD);
  await at.ledger.run({
    needs: [],
    apply: (view) => {
      const { id, rev, data } = view.get("person", ann.personId) ?? { id: "", rev: 0, data: undefined as never }; // she is there
      const entries = [{ type: "event", at: view.now, event: "person_changed", detail: { person: id } }] as const;
      return { answer: undefined, changes: [{ table: "person", id, rev, data: { ...data, passwordHash: "another" } }], entries };
    },
  });
  expect(codeOf(await late)).toBe("unauthenticated");
  expect((await at.events()).at(-1)?.detail["why"]).toBe("changed meanwhile");
});

it("refuses one who is disabled while the password is being checked", async () => {
  must(await set(ann, PASSWORD));
  const [late] = await Promise.all([signIn("ann@example.org", PASSWORD), at.people.change(owner, ann.personId, { status: "disabled" })]);
  expect(codeOf(late)).toBe("unauthenticated");
  expect(codeOf(await signIn("ann@example.org", PASSWORD))).toBe("unauthenticated");
});

it("lets ten guesses at one account be wrong in a quarter of an hour, from wherever they come, also all at once", async () => {
  const guesses = await Promise.all(Array.from({ length: 14 }, (_, index) => signIn("ann@example.org", "wrong password", `address ${index}`)));
  expect(guesses.filter((one) => codeOf(one) === "unauthenticated")).toHaveLength(10);
  expect(guesses.filter((one) => codeOf(one) === "too_many")).toHaveLength(4);
  expect(await signIn("ANN@example.org", PASSWORD, "one more")).toMatchObject({ code: "too_many", retryAfterMs: expect.any(Number) });
  expect((await at.events()).filter((one) => one.event === "sign_in_refused")).toHaveLength(10);
  at.pass(15 * 60_000);
  await at.owner();
  expect(codeOf(await signIn("ann@example.org", "wrong password"))).toBe("unauthenticated");
});

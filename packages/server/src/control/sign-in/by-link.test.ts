import { afterEach, beforeEach, expect, it } from "vitest";
import { ANONYMOUS, OPERATOR } from "../../auth/identity.ts";
import type { Identity } from "../../auth/identity.ts";
import { hashSecret } from "../../auth/secret.ts";
import { codeOf, linkOf, must, openInstallation, VISITOR } from "../people/fixture/installation.ts";
import type { Installation } from "../people/fixture/installation.ts";

let at: Installation;
let owner: Identity;
beforeEach(async () => {
  at = await openInstallation();
  owner = await at.owner();
});
afterEach(() => at.close());

const invite = async (name = "Ann") => {
  const { person, url } = must(await at.people.add(owner, { name, email: null, roles: ["approver"] }));
  return { id: person.id, link: linkOf(url), url };
};
const open = (link: string, current: Identity = ANONYMOUS, address = VISITOR.address) => at.signIns.byLink({ ...VISITOR, address }, current, link);
const refusals = async () => (await at.events()).filter((one) => one.event === "sign_in_refused").map((one) => one.detail["why"]);

it("R22: carries its secret where opening the page sends it to nobody", async () => {
  const { url, link } = await invite();
  expect(url).toBe(`http://localhost:7433/sign-in#link=${link}`);
  expect(link).toMatch(/^csl_[A-Za-z0-9_-]{43}$/);
});

it("R22: works once, also where twenty use it at the same moment", async () => {
  const { link } = await invite();
  const answers = await Promise.all(Array.from({ length: 20 }, () => open(link)));
  expect(answers.filter((one) => one.ok)).toHaveLength(1);
  expect(codeOf(await open(link))).toBe("unauthenticated");
  expect(new Set(await refusals())).toEqual(new Set(["used link"]));
});

it("R22: ends after 24 hours, the owner's after 10 minutes, to the millisecond", async () => {
  const { link } = await invite();
  const { url, expiresAt } = must(await at.people.makeOwnerLink(OPERATOR));
  expect(expiresAt - at.ledger.resident.now).toBeLessThanOrEqual(600_000);
  at.pass(600_000);
  expect(codeOf(await open(linkOf(url)))).toBe("unauthenticated");
  at.pass(23 * 3_600_000);
  must(await open(link));
  const other = await invite("Ben");
  at.pass(24 * 3_600_000);
  expect(codeOf(await open(other.link))).toBe("unauthenticated");
  expect(await refusals()).toEqual(["expired link", "expired link"]);
});

it("R22: is replaced by a newer link, and dead while its person is disabled and after", async () => {
  const { id, link } = await invite();
  const newer = linkOf(must(await at.people.invite(owner, id)).url);
  expect(codeOf(await open(link))).toBe("unauthenticated");
  must(await at.people.change(owner, id, { status: "disabled" }));
  expect(codeOf(await open(newer))).toBe("unauthenticated");
  expect(codeOf(await at.people.invite(owner, id))).toBe("conflict");
  must(await at.people.change(owner, id, { status: "active" }));
  expect(codeOf(await open(newer))).toBe("unauthenticated");
});

it("R22: does not turn the browser of one signed-in person into another, and is not spent by the try", async () => {
  const { link } = await invite();
  const ben = await at.join(owner, "Ben", ["approver"]);
  expect(codeOf(await open(link, ben))).toBe("forbidden");
  must(await open(link));
});

it("R22: 5,000 changed bits open nothing", async () => {
  const { link } = await invite();
  const bytes = Buffer.from(link);
  const wrong = new Set<string>();
  for (let round = 0; wrong.size < 5000; round += 1) {
    const flipped = Buffer.from(bytes);
    const bit = (round * 7919) % (bytes.length * 8);
    // The byte is one of these indices by the remainder.
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    if (round >= bytes.length * 8) flipped[round % bytes.length] = 65 + (round % 26);
    if (round >= 2 * bytes.length * 8) flipped[(round * 31) % bytes.length] = 97 + (round % 25);
    if (!flipped.equals(bytes)) wrong.add(flipped.toString("latin1"));
  }
  // All at once per address: the ledger commits them together.
  const answers = await Promise.all([...wrong].map((one, index) => open(one, ANONYMOUS, `address ${index % 400}`)));
  expect(answers.filter((one) => codeOf(one) !== "unauthenticated")).toEqual([]);
  must(await open(link, ANONYMOUS, "another"));
});

it("R22: a dump of the store holds no secret that was issued, and nothing in it opens anything", async () => {
  const { link } = await invite();
  const owners = linkOf(must(await at.people.makeOwnerLink(OPERATOR)).url);
  const signedIn = must(await open(link));
  const { identity } = await at.who(signedIn);
  const { token } = must(await at.signIns.makeToken(identity, "my shell", 1));
  const { secret } = must(await at.keys.add(owner, { name: "agent", ownerId: null, expiresAt: null }));
  const dump = await at.dump();
  for (const issued of [link, owners, signedIn.token, signedIn.csrf, token, secret]) expect([issued, dump.includes(issued), dump.includes(issued.slice(-43))]).toEqual([issued, false, false]);
  expect(dump).toContain(hashSecret(signedIn.token));
  const hash = hashSecret(owners);
  for (const found of [hash, `csl_${hash}`, `csl_${hash.slice(0, 43)}`, `csl_${Buffer.from(hash, "hex").toString("base64url")}`]) expect(codeOf(await open(found))).toBe("unauthenticated");
});

it("stops an address that tries links, without a row for each further try", async () => {
  for (let round = 0; round < 30; round += 1) await open("csl_nothing");
  const seq = at.ledger.head.seq;
  expect(await open("csl_nothing")).toMatchObject({ code: "too_many", retryAfterMs: expect.any(Number) });
  expect(at.ledger.head.seq).toBe(seq);
  expect(codeOf(await open("csl_nothing", ANONYMOUS, "another address"))).toBe("unauthenticated");
});

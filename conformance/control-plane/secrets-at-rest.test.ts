import { join } from "node:path";
import { randomInt } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { filesBelow, findInFiles, findInText } from "./kept-files.ts";
import { openRange } from "./open-range.ts";
import type { OpenRange } from "./open-range.ts";
import { ask, claimBody, cookiesOf, fromOurPage, tokenOf, voteBody } from "./staff.ts";
import { openStoredState } from "./stored-state.ts";
import { dumpPostgres, startPostgres } from "./test-tools.ts";
import type { Headers } from "./running-control-plane.ts";

/** Everything secret that this control plane has given to anybody, by what it is. */
async function issueSecrets(range: OpenRange): Promise<ReadonlyMap<string, string>> {
  const { plane, staff, wallet, provider, password } = range;
  const secrets = new Map<string, string>([["a password", password], ["the operator's secret", String(plane.operator["authorization"]).slice("Bearer ".length)], ["the provider's client secret", "a secret of the test"]]);
  const cookieOf = (headers: Headers): string => String(headers["cookie"]).split("=")[1] ?? "";
  for (const [name, { headers }] of Object.entries({ ...wallet.people, ended: wallet.ended, expired: wallet.expired, disabled: wallet.disabled, owner: staff.owner, pat: range.pat })) {
    secrets.set(`the sign-in of ${name}`, cookieOf(headers));
    secrets.set(`the CSRF token of ${name}`, String(headers["x-csrf-token"]));
  }
  for (const [name, { secret }] of Object.entries(wallet.keys)) secrets.set(`the key ${name}`, secret);
  secrets.set("a link that was not used", wallet.link);
  const used = await staff.must<{ url: string }>(staff.owner, "POST", `/v1/people/${wallet.people.nora.personId}/invitation`);
  await staff.signInBy(used.url);
  secrets.set("a link that was used", tokenOf(used.url));
  secrets.set("the owner's link", tokenOf((await staff.must<{ url: string }>({ headers: plane.operator }, "POST", "/v1/owner-link")).url));
  const begun = await staff.as<{ url: string }>({ headers: fromOurPage(plane) }, "POST", "/v1/sign-in/oidc", { linkToken: wallet.link });
  secrets.set("the attempt of a sign-in", (cookiesOf(begun.answer)[0] ?? "").split("=")[1] ?? "");
  secrets.set("the code of the provider", new URL(await provider.visit(begun.body.url, "oidc-user")).searchParams.get("code") ?? "");
  const request = await ask(staff, wallet.keys.asking);
  await staff.must(wallet.people.ann, "POST", `/v1/approvals/${request.id}/vote`, voteBody(request));
  const claim = claimBody(request);
  await staff.must(wallet.keys.asking, "POST", `/v1/approvals/${request.id}/claim`, claim);
  secrets.set("the id of a claim", claim.claimId);
  if (wallet.token !== undefined) secrets.set("a token for the command line", wallet.token);
  for (const [what, secret] of secrets) if (secret.length < 16) throw new Error(`no secret: ${what}`);
  return secrets;
}

/** What it prints, and what stands in its record. */
async function saidBy({ plane, staff }: OpenRange): Promise<string> {
  const record = await plane.send({ method: "GET", path: "/v1/record/export", headers: staff.owner.headers });
  const metrics = await plane.send({ method: "GET", path: "/metrics", headers: plane.operator });
  return [plane.printed(), record.text, metrics.text].join("\n");
}

describe("R22: possession of what is stored opens nothing", { timeout: 90_000 }, () => {
  let range: OpenRange;
  let secrets: ReadonlyMap<string, string>;
  beforeAll(async () => {
    range = await openRange();
    secrets = await issueSecrets(range);
  }, 60_000);
  afterAll(() => range.close());

  it("the files of SQLite, its log included, hold none of the secrets that were given out, and neither do record, metrics and output", async () => {
    const files = filesBelow(range.plane.directory);
    expect(files.map((file) => file.slice(range.plane.directory.length + 1))).toEqual(expect.arrayContaining(["countersign.db", "countersign.db-wal", "operator.secret"]));
    // The operator's secret has a file of its own, which only its user reads.
    expect(findInFiles(files, secrets)).toEqual(["operator.secret: the operator's secret"]);
    expect(findInText(await saidBy(range), secrets)).toEqual([]);
    // The search itself finds what is there.
    const person = new Map([["an address", "pat@example.com"]]);
    expect(findInFiles(files, person).length).toBeGreaterThan(0);
    expect(findInText(await saidBy(range), person)).toEqual(["an address"]);
  });

  it("the hashes that are stored are no credentials", async () => {
    const state = openStoredState(range.plane.directory);
    const hashes = new Set([...(await state.dump()).values()].flat().flatMap((row) => row.match(/[0-9a-f]{64}/g) ?? []));
    state.close();
    expect(hashes.size).toBeGreaterThan(30);
    for (const stolen of hashes) {
      for (const headers of [{ authorization: `Bearer ${stolen}` }, { authorization: `Bearer css_${stolen.slice(0, 43)}` }, { ...fromOurPage(range.plane), cookie: `__Host-countersign=${stolen}` }]) {
        expect((await range.plane.send({ method: "GET", path: "/v1/me", headers })).status).toBe(401);
      }
    }
  });

  it("none of 5,000 flipped bits is taken, and the secrets still work afterwards", async () => {
    const { plane, wallet, staff } = range;
    const link = wallet.link;
    const [key, cookie] = [wallet.keys.asking.secret, String(staff.owner.headers["cookie"]).split("=")[1] ?? ""];
    const csrf = String(staff.owner.headers["x-csrf-token"]);
    const operator = secrets.get("the operator's secret") ?? "";
    const tries: Readonly<Record<string, (secret: string) => Promise<number>>> = {
      [key]: async (secret) => (await plane.send({ method: "GET", path: "/v1/bundle", headers: { authorization: `Bearer ${secret}` } })).status,
      [cookie]: async (secret) => (await plane.send({ method: "GET", path: "/v1/me", headers: { cookie: `__Host-countersign=${secret}` } })).status,
      [csrf]: async (secret) => (await plane.send({ method: "POST", path: "/v1/one-person-mode", headers: { ...staff.owner.headers, "x-csrf-token": secret }, body: { on: false } })).status,
      [operator]: async (secret) => (await plane.send({ method: "GET", path: "/metrics", headers: { authorization: `Bearer ${secret}` } })).status,
      [link]: async (secret) => (await plane.send({ method: "POST", path: "/v1/sign-in/link", body: { token: secret } })).status,
    };
    let tried = 0;
    for (const [secret, attempt] of Object.entries(tries)) {
      // A person whose page asks too often is told to wait before the token is looked at.
      for (const flips = flipped(secret, secret === csrf ? 200 : 1200); flips.length > 0; ) {
        const statuses = await Promise.all(flips.splice(0, 20).map(attempt));
        tried += statuses.length;
        expect(statuses.filter((status) => status !== (secret === csrf ? 403 : 401))).toEqual([]);
      }
    }
    expect(tried).toBe(5000);
    for (const [secret, attempt] of Object.entries(tries)) if (secret !== csrf) expect(await attempt(secret)).toBe(200);
    expect(await tries[link]?.(link)).toBe(401);
  });
});

/** Different texts, each with one bit of the secret flipped, or several, as far as a header can hold it. */
function flipped(secret: string, count: number): string[] {
  const flips = new Set<string>();
  for (let bits = 1; flips.size < count; bits = 1 + randomInt(4)) {
    const bytes = Buffer.from(secret);
    for (let bit = 0; bit < bits; bit += 1) {
      const at = randomInt(bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << randomInt(7));
    }
    const text = bytes.toString("latin1");
    if (text !== secret && /^[!-~]+$/.test(text) && !/[;,"\\]/.test(text)) flips.add(text);
  }
  return [...flips];
}

it("R22: a dump of PostgreSQL and the files of its server hold none of them either", { tags: ["leaves-sockets", "leaves-processes"], timeout: 90_000 }, async ({ skip }) => {
  const postgres = await startPostgres();
  if ("missing" in postgres) return skip(postgres.missing);
  const url = await postgres.createDatabase();
  const range = await openRange({ COUNTERSIGN_POSTGRES_URL: url });
  try {
    const secrets = await issueSecrets(range);
    const dump = JSON.stringify([...(await dumpPostgres(url))]);
    expect(dump).toContain("pat@example.com");
    expect(findInText(dump, secrets)).toEqual([]);
    expect(findInText(await saidBy(range), secrets)).toEqual([]);
    await range.plane.stop();
    if (postgres.own === undefined) return;
    const files = filesBelow(join(postgres.own.folder, "data"));
    expect(findInFiles(files, new Map([["an address", "pat@example.com"]])).length).toBeGreaterThan(0);
    expect(findInFiles(files, secrets)).toEqual([]);
  } finally {
    await range.close();
    await postgres.stop();
  }
});

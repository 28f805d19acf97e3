import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createOperator, POLICY, type Operator, type Running } from "./fixture/operator.ts";

let operator: Operator;
let running: Running;
beforeAll(async () => {
  operator = createOperator();
  running = await operator.up();
});
afterAll(() => operator.close());

const credentials = (): string => join(operator.home, "config", "countersign", "credentials.json");

describe("countersign login", () => {
  it("nobody is signed in before, and is told how", async () => {
    const { code, err } = await operator.run("key", "ls");
    expect(code).toBe(2);
    expect(err).toContain("countersign login --link");
  });

  it("turns a link into a token of its person, 0600, outside the state directory, and leaves no browser's sign-in behind", async () => {
    const link = await operator.ownerLink(running.url);
    const { code, out, err } = await operator.run("login", "--link", link, "--days", "7");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain(credentials());
    expect(credentials().startsWith(operator.directory)).toBe(false);
    expect([statSync(credentials()).mode & 0o777, statSync(join(operator.home, "config", "countersign")).mode & 0o777]).toEqual([0o600, 0o700]);
    const { credentials: [kept] } = JSON.parse(readFileSync(credentials(), "utf8"));
    expect(out).not.toContain(kept.token);
    const { body } = await operator.as<{ signIns: { via: string; current: boolean }[] }>(kept.token, running.url, "GET", "/v1/sign-ins");
    expect(body.signIns.map(({ via, current }) => [via, current])).toEqual([["token", true]]);
    const me = await operator.as<{ assurance: string }>(kept.token, running.url, "GET", "/v1/me");
    expect(me.body.assurance).toBe("authenticated");
    expect((await operator.as(kept.token, running.url, "POST", "/v1/me/tokens", { about: "more", days: 1 })).status).toBe(403); // a token makes no tokens
  });

  it.each([["no link"], ["http://localhost:1/sign-in"], ["http://example.com/sign-in#link=csl_x"]])("refuses %s and sends nothing", async (link) => {
    const { code, err } = await operator.run("login", "--link", link);
    expect(code).toBe(2);
    expect(err).not.toContain("    at ");
  });

  it("is refused a token for more than 90 days", async () => {
    const { code } = await operator.run("login", "--link", await operator.ownerLink(running.url), "--days", "91");
    expect(code).toBe(1);
  });

  it("does not use credentials that others can read", async () => {
    await operator.login(running.url);
    chmodSync(credentials(), 0o644);
    const { code, err } = await operator.run("key", "ls");
    expect([code, err]).toEqual([2, expect.stringContaining(`chmod 600 ${credentials()}`)]);
    chmodSync(credentials(), 0o600);
  });

  it("logout ends the token and forgets it", async () => {
    const token = await operator.login(running.url);
    expect((await operator.run("logout")).code).toBe(0);
    expect((await operator.as(token, running.url, "GET", "/v1/me")).status).toBe(401);
    expect((await operator.run("key", "ls")).code).toBe(2);
  });
});

describe("countersign key and person", () => {
  it("a secret and a link are printed to a terminal alone, unless asked for", async () => {
    await operator.login(running.url);
    const key = await operator.run("key", "add", "bot");
    const person = await operator.run("person", "invite", "ann@example.com", "--role", "approver");
    expect([key.code, key.out, person.code, person.out]).toEqual([2, "", 2, ""]);
    expect((await operator.run("key", "ls")).out).toBe(""); // and none was made
  });

  it("makes, lists and revokes keys, bound to whom they should be", async () => {
    await operator.login(running.url);
    const made = await operator.run("key", "add", "bot", "--days", "3", "--print");
    expect(made.code).toBe(0);
    const secret = made.out.trim();
    expect(secret).toMatch(/^csk_[0-9a-v]{26}_[\w-]{43}$/);
    expect((await operator.as(secret, running.url, "GET", "/v1/bundle")).status).toBe(503); // known; no policy yet
    await operator.run("person", "invite", "bob@example.com", "--role", "auditor", "--print");
    expect((await operator.run("key", "add", "bobs", "--owner", "BOB@example.com", "--print")).code).toBe(0);
    expect((await operator.run("key", "add", "free", "--owner", "nobody", "--print")).code).toBe(0);
    const stranger = await operator.run("key", "add", "x", "--owner", "eve@example.com", "--print");
    expect([stranger.code, stranger.err]).toEqual([2, expect.stringContaining("nobody here has this address")]);
    const { keys } = JSON.parse((await operator.run("key", "ls", "--format", "json")).out) as { keys: { name: string; ownerId: string | null }[] };
    const { people } = JSON.parse((await operator.run("person", "ls", "--format", "json")).out) as { people: { id: string; email: string | null; roles: string[] }[] };
    const [owner, bob] = [people.find(({ roles }) => roles.includes("owner")), people.find(({ email }) => email === "bob@example.com")];
    expect(Object.fromEntries(keys.map(({ name, ownerId }) => [name, ownerId]))).toEqual({ bot: owner?.id, bobs: bob?.id, free: null });
    expect((await operator.run("key", "revoke", "bot")).code).toBe(0);
    expect((await operator.as(secret, running.url, "GET", "/v1/bundle")).status).toBe(401);
    expect((await operator.run("key", "ls")).out).toMatch(/bot .* revoked\n/);
    expect((await operator.run("key", "revoke", "bot")).code).toBe(2); // its name is nobody's now
  });

  it("invites a person with roles, and gives one who is there a new link alone", async () => {
    await operator.login(running.url);
    const first = await operator.run("person", "invite", "cleo@example.com", "--role", "approver", "--role", "policy_editor", "--name", "Cleo", "--print");
    const again = await operator.run("person", "invite", "Cleo@example.com", "--role", "owner", "--print");
    expect([first.code, again.code]).toEqual([0, 0]);
    expect((await operator.run("person", "ls")).out).toMatch(/Cleo {2}cleo@example\.com {2}approver,policy_editor {2}active/);
    const guest = createOperator();
    try {
      expect((await guest.run("login", "--link", first.out.trim())).code).toBe(1); // the newer link ended it
      expect((await guest.run("login", "--link", again.out.trim())).code).toBe(0);
      const refused = await guest.run("key", "add", "x", "--url", running.url, "--print");
      expect([refused.code, refused.out]).toEqual([1, ""]);
      writeFileSync(guest.path("policy.yaml"), POLICY);
      expect((await guest.run("policy", "push", guest.path("policy.yaml"), "--check", "--url", running.url)).code).toBe(0);
    } finally {
      await guest.close();
    }
    const unknown = await operator.run("person", "invite", "x@example.com", "--role", "king", "--print");
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining("owner, policy_editor, approver, auditor")]);
  });
});

describe("countersign policy push", () => {
  const write = (text: string): string => {
    writeFileSync(operator.path("policy.yaml"), text);
    return operator.path("policy.yaml");
  };
  const inForce = async (): Promise<number> => JSON.parse((await operator.run("status", "--format", "json")).out).installation.policy?.version ?? 0;

  it("checks, saves and activates; says what is probably a slip; changes nothing where nothing changed", async () => {
    const slip = POLICY.replace("timeoutMinutes: 60", "timeoutMinutes: 60, approvers: [nobody@example.com]");
    const check = await operator.run("policy", "push", write(slip), "--check");
    expect([check.code, await inForce()]).toEqual([0, 0]);
    expect(check.err).toMatch(/policy\.yaml:8:\d+: warning: .*nobody@example\.com.*\[[\w-]+\]/);
    const first = await operator.run("policy", "push", write(POLICY));
    expect([first.code, first.err, await inForce()]).toEqual([0, "", 1]);
    const again = await operator.run("policy", "push", write(POLICY));
    expect([again.code, again.out, await inForce()]).toEqual([0, expect.stringContaining("version 1 is this document"), 1]);
  });

  it("refuses a document with problems, with their places, and leaves what was in force", async () => {
    const before = await inForce();
    const { code, err } = await operator.run("policy", "push", write(POLICY.replace("block", "blok")));
    expect([code, await inForce()]).toEqual([1, before]);
    expect(err).toMatch(/policy\.yaml:6:\d+: /);
  });

  it("does not overwrite what somebody else put in force meanwhile", async () => {
    await operator.run("policy", "push", write(POLICY));
    const before = await inForce();
    const { code, err } = await operator.run("policy", "push", write(POLICY.replace("writes", "all-writes")), "--expect", String(before + 7));
    expect([code, await inForce()]).toEqual([1, before]);
    expect(err).toContain(`version ${before} is in force now`);
    expect((await operator.run("policy", "push", write(POLICY.replace("writes", "all-writes")), "--expect", String(before), "--comment", "wider")).code).toBe(0);
    expect(await inForce()).toBeGreaterThan(before);
  });

  it("COUNTERSIGN_TOKEN and --url are enough for CI, and an agent's key is not", async () => {
    const token = await operator.login(running.url);
    const { body } = await operator.as<{ secret: string }>(token, running.url, "POST", "/v1/keys", { name: "ci", ownerId: null, expiresAt: null });
    const as = (secret: string): Operator => createOperator({ COUNTERSIGN_URL: running.url, COUNTERSIGN_TOKEN: secret });
    for (const [secret, wanted] of [[token, 0], [body.secret, 1]] as const) {
      const ci = as(secret);
      const { code, out, err } = await ci.run("policy", "push", write(`${POLICY}# ${wanted}\n`));
      expect([code, out + err]).toEqual([wanted, expect.not.stringContaining(secret)]);
      await ci.close();
    }
  });
});

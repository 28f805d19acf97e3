import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { configureSession, init, PolicyViolationError, shutdown } from "@countersign/sdk";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startControlPlane } from "./running-control-plane.ts";
import type { RunningControlPlane } from "./running-control-plane.ts";
import { ask, claimBody, cookiesOf, hireStaff, signedIn, voteBody } from "./staff.ts";
import type { Asked, Key, Requirement, SignedIn, Staff } from "./staff.ts";
import { newAuthenticator } from "./test-tools.ts";

const SERVER = fileURLToPath(new URL("fetch-server.ts", import.meta.url));
const POLICY = "version: 1\ndefault: allow\npolicies:\n  - name: writes\n    match: mcp:tools:write_file\n    action: block\n    reason: Writes need approval\n";

let plane: RunningControlPlane;
let staff: Staff;
/** Of the owner, who is the only person there is at first. */
let key: Key;

beforeAll(async () => {
  plane = await startControlPlane({ policy: POLICY });
  staff = await hireStaff(plane);
  key = await staff.addKey("agent", staff.owner.personId);
}, 60_000);
afterAll(() => plane.remove());

const vote = (who: SignedIn, request: Asked, change: object = {}) => staff.as<{ code?: string; state?: string }>(who, "POST", `/v1/approvals/${request.id}/vote`, voteBody(request, change));
const codeOf = async (answer: ReturnType<typeof vote>) => (await answer).body.code ?? (await answer).body.state;
const state = async ({ id }: Asked, by = key) => (await staff.must<{ state: string }>(by, "GET", `/v1/approvals/${id}/asked`)).state;
const asking = (more: Requirement = {}, by = key) => ask(staff, by, more);
const onePerson = (on: boolean) => staff.must(staff.owner, "POST", "/v1/one-person-mode", { on });

describe("R15: neither the agent, its key, nor the person it acts for decides, on any path", () => {
  it("one-person mode: the one person may approve, the record says so, and selfApproval: false holds there too", async () => {
    const request = await asking();
    expect(await codeOf(vote(staff.owner, request))).toBe("approved");
    const { rows } = await staff.must<{ rows: readonly string[] }>(staff.owner, "GET", `/v1/record?requestId=${request.id}&event=vote_cast`);
    expect(rows.map((row) => (JSON.parse(row) as { detail: { selfApproved: boolean } }).detail.selfApproved)).toEqual([true]);
    const forbidden = await asking({ selfApproval: false });
    expect([await codeOf(vote(staff.owner, forbidden)), await state(forbidden)]).toEqual(["self_approval", "pending"]);
  });

  it("the mode ends in the commit that makes a second person able to approve, also for what is pending", async () => {
    const pending = await asking();
    const approved = await asking();
    expect(await codeOf(vote(staff.owner, approved))).toBe("approved");
    await staff.join("Ann", ["approver"]);
    expect((await staff.must<{ onePersonMode: boolean }>(staff.owner, "GET", "/v1/me")).onePersonMode).toBe(false);
    expect([await codeOf(vote(staff.owner, pending)), await state(pending)]).toEqual(["self_approval", "pending"]);
    // What was approved by oneself is not released any more either.
    expect((await staff.as<{ code: string }>(key, "POST", `/v1/approvals/${approved.id}/claim`, claimBody(approved))).body.code).toBe("superseded");
  });

  it("a second person in the requirement, delegation in either direction, and two owners: the person the key is bound to never counts", async () => {
    const [bob, cyd] = [await staff.join("Bob", ["approver"]), await staff.join("Cyd", ["owner"])];
    const until = Date.now() + 3_600_000;
    const delegate = (from: SignedIn, to: SignedIn) => staff.must(from, "POST", "/v1/delegations", { toId: to.personId, from: 0, until });
    await delegate(staff.owner, bob);
    await delegate(cyd, staff.owner);
    await delegate(bob, staff.owner);
    for (const more of [{}, { selfApproval: false }, { approvers: [staff.owner.personId] }, { approvers: [cyd.personId, staff.owner.personId] }, { approvers: [cyd.personId] }]) {
      const request = await asking(more);
      expect([more, await codeOf(vote(staff.owner, request)), await state(request)]).toEqual([more, "self_approval", "pending"]);
    }
    // Bob for the owner is the owner; Bob for himself is Bob.
    const onlyOwner = await asking({ approvers: [staff.owner.personId] });
    expect([await codeOf(vote(bob, onlyOwner)), await state(onlyOwner)]).toEqual(["self_approval", "pending"]);
    const two = await asking({ quorum: 2 });
    expect(await codeOf(vote(bob, two))).toBe("pending");
    expect(await codeOf(vote(staff.owner, two))).toBe("self_approval");
    expect(await codeOf(vote(bob, two))).toBe("pending");
    expect(await state(two)).toBe("pending");
    expect(await codeOf(vote(cyd, two))).toBe("approved");
  });

  it("an owner may end the rule by hand, for everyone to see; selfApproval: false still holds", async () => {
    await onePerson(true);
    const [request, forbidden] = [await asking(), await asking({ selfApproval: false })];
    expect([await codeOf(vote(staff.owner, request)), await codeOf(vote(staff.owner, forbidden))]).toEqual(["approved", "self_approval"]);
    const { diagnoses } = await staff.must<{ diagnoses: readonly { code: string }[] }>(staff.owner, "GET", "/v1/installation");
    expect(diagnoses.map(({ code }) => code)).toContain("one_person_mode");
    await onePerson(false);
  });

  it("a key makes no keys, binds itself to nobody else, and a person's sign-in claims nothing", async () => {
    for (const body of [{ name: "k", ownerId: null, expiresAt: null }, { name: "k", ownerId: staff.owner.personId, expiresAt: null }]) expect((await staff.as(key, "POST", "/v1/keys", body)).status).toBe(403);
    const keys = await staff.must<{ keys: readonly { id: string }[] }>(staff.owner, "GET", "/v1/keys");
    expect(keys.keys).toHaveLength(1);
    const ann = await staff.join("Ann2", ["approver"]);
    const request = await asking();
    expect(await codeOf(vote(ann, request))).toBe("approved");
    const cookie = String(staff.owner.headers["cookie"]).split("=")[1];
    for (const who of [staff.owner, ann, { headers: { authorization: `Bearer ${cookie}` } }, { headers: plane.operator }, undefined]) {
      const { status } = await staff.as(who, "POST", `/v1/approvals/${request.id}/claim`, claimBody(request));
      expect([401, 403]).toContain(status);
    }
    expect(await state(request)).toBe("approved");
    expect((await staff.as(key, "POST", `/v1/approvals/${request.id}/claim`, claimBody(request))).status).toBe(200);
  });
});

describe("R15, R18: a governed agent's own tools, aimed at our API", () => {
  let work: string;
  let client: Client;
  beforeAll(async () => {
    work = mkdtempSync(join(tmpdir(), "countersign-agent-"));
    init({ controlPlane: { url: plane.url, apiKey: key.secret }, record: join(work, "record") });
    client = new Client({ name: "agent", version: "1" });
    await client.connect(new StdioClientTransport({ command: process.execPath, args: [SERVER], stderr: "ignore" }));
    configureSession(client, { serverName: "tools", governanceConfig: { agentName: "agent" } });
  });
  afterAll(async () => {
    await client.close();
    await shutdown();
    rmSync(work, { recursive: true, force: true });
  });

  /** As the model would: the tool runs, and says what our API answered. */
  async function byTool(method: string, path: string, headers: Readonly<Record<string, string>>, body?: object): Promise<number> {
    const args = { url: `${plane.url}${path}`, method, headers: { ...headers, "content-type": "application/json" }, body: body === undefined ? undefined : JSON.stringify(body) };
    const { content } = await client.callTool({ name: "fetch", arguments: { ...args, ...(body === undefined ? { headers } : {}) } });
    return Number((content as { text: string }[])[0]?.text.slice(0, 3)); // the tool's own form
  }

  it("a held call is approved by none of 40 tool calls with all that the agent has", async () => {
    const held = client.callTool({ name: "write_file", arguments: { path: "/etc/passwd" } });
    const refused = expect(held).rejects.toThrow(PolicyViolationError);
    const request = await pendingOfTool();
    const page = { origin: plane.url, "sec-fetch-site": "same-origin" };
    const ways = [{}, { authorization: `Bearer ${key.secret}` }, { cookie: `__Host-countersign=${key.secret}`, ...page }, { "x-csrf-token": key.secret, ...page }, { authorization: `Bearer ${key.secret}`, "x-forwarded-for": "127.0.0.1", "x-countersign-person": staff.owner.personId }];
    const tries: readonly (readonly [string, string, object?])[] = [
      ["POST", `/v1/approvals/${request.id}/vote`, voteBody(request)],
      ["POST", "/v1/policies", { text: "version: 1\ndefault: allow\npolicies: []\n", comment: "" }],
      ["POST", "/v1/policies/1/activate", { expect: 1, comment: "" }],
      ["POST", "/v1/one-person-mode", { on: true }],
      ["POST", "/v1/keys", { name: "k", ownerId: null, expiresAt: null }],
      ["POST", "/v1/gateway-key", { name: "k" }],
      ["POST", "/v1/people", { name: "Friend", email: null, roles: ["owner"] }],
      ["PATCH", `/v1/people/${staff.owner.personId}`, { roles: ["owner", "approver"] }],
      ["POST", "/v1/owner-link"],
    ];
    for (const [method, path, body] of tries) for (const headers of ways) expect([path, [401, 403]]).toEqual([path, expect.arrayContaining([await byTool(method, path, headers, body)])]);
    expect(await state(request)).toBe("pending");
    const { requests } = await staff.must<{ requests: readonly Asked[] }>(staff.owner, "GET", "/v1/approvals?state=pending&tool=write_file");
    expect(requests.map(({ id }) => id)).toContain(request.id);
    // Its own key may end its own question, which runs nothing.
    expect(await byTool("POST", `/v1/approvals/${request.id}/cancel`, { authorization: `Bearer ${key.secret}` }, { reason: "" })).toBe(200);
    await refused;
  });

  async function pendingOfTool(): Promise<Asked> {
    for (const until = performance.now() + 9_000; performance.now() < until; await sleep(20)) {
      const { requests } = await staff.must<{ requests: readonly Asked[] }>(staff.owner, "GET", "/v1/approvals?state=pending&server=tools");
      if (requests[0] !== undefined) return requests[0];
    }
    throw new Error("nothing is pending");
  }
});

describe("where it ends: an agent under the operator's own OS user (T-local)", () => {
  it("can read the operator's secret, sign in as the owner, add a passkey and approve: doctor says so, and nothing here hides it", async () => {
    const request = await asking({ policy: "w" }, await staff.addKey("nobody's", null));
    const stolen = { authorization: `Bearer ${readFileSync(join(plane.directory, "operator.secret"), "utf8").trim()}` };
    const { url } = await staff.must<{ url: string }>({ headers: stolen }, "POST", "/v1/owner-link");
    const thief = await staff.signInBy(url);
    const origin = `http://localhost:${plane.port}`;
    const authenticator = await newAuthenticator(origin);
    const step = async (path: string, body: object | undefined, answer: (options: object) => object): Promise<SignedIn["headers"]> => {
      const begun = await staff.as<{ options: object }>(thief, "POST", `${path}/options`, body);
      const headers = { ...thief.headers, cookie: `${thief.headers["cookie"]}; ${cookiesOf(begun.answer)[0]}` };
      const done = await plane.send({ method: "POST", path, headers, body: answer(begun.body.options) });
      expect(done.status).toBeLessThan(300);
      return path === "/v1/me/passkeys" ? headers : signedIn(plane, done).headers;
    };
    await step("/v1/me/passkeys", undefined, (options) => ({ name: "thief's", response: authenticator.create(options) }));
    const headers = await step("/v1/sign-in/passkey", { requestDigest: request.requestDigest }, (options) => ({ response: authenticator.get(options) }));
    expect(await codeOf(vote({ ...thief, headers }, request))).toBe("approved");
    const { diagnoses } = await staff.must<{ diagnoses: readonly { code: string; mend: string }[] }>({ headers: plane.operator }, "GET", "/v1/installation");
    const same = diagnoses.find(({ code }) => code === "same_user");
    expect(same?.mend).toMatch(/another user|another machine/);
    expect(same?.mend).toContain("A passkey does not help");
    const { rows } = await staff.must<{ rows: readonly string[] }>(staff.owner, "GET", "/v1/record?event=link_made&order=newest&limit=1");
    expect(rows[0]).toContain('"by":"operator"');
  });
});

import { askAnswer, askedRequest, claimAnswer, people } from "@countersign/sdk/wire";
import type { AskAnswer, AskedRequest, ClaimAnswer } from "@countersign/sdk/wire";
import { connect } from "node:net";
import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { askBodyOf, openEmbedded } from "./fixture/open-embedded.ts";
import type { Embedded, Somebody } from "./fixture/open-embedded.ts";
import { send } from "./http/fixture/serve-app.ts";

let control: Embedded | undefined;
afterEach(async () => {
  await control?.close();
  control = undefined;
});

/** An owner, an approver, and an agent whose key is the owner's. */
async function staffed(): Promise<{ embedded: Embedded; owner: Somebody & { personId: string }; approver: Somebody & { personId: string }; agent: Somebody; keyId: string }> {
  const embedded = (control = await openEmbedded());
  const owner = await embedded.owner();
  const invited = await embedded.as<{ url: string }>(owner, "POST", "/v1/people", { name: "Ann", email: "ann@example.com", roles: ["approver"] });
  expect(invited.status).toBe(201);
  const approver = await embedded.signIn(invited.body.url);
  const made = await embedded.as<{ secret: string; key: { id: string } }>(owner, "POST", "/v1/keys", { name: "laptop", ownerId: owner.personId, expiresAt: null });
  expect(made.status).toBe(201);
  return { embedded, owner, approver, agent: { headers: { authorization: `Bearer ${made.body.secret}` } }, keyId: made.body.key.id };
}

const newClaimId = (): string => randomBytes(32).toString("hex");

describe("a whole approval over HTTP on the embedded store", () => {
  it("ask → vote by a signed-in person → the waiter wakes → claim → outcome, each once", async () => {
    const { embedded, owner, approver, agent } = await staffed();
    const stream = listen(embedded.port, agent);
    await stream.until("event: hello");
    const args = { path: "/etc/motd", content: "hello" };

    const asked = await embedded.as<AskAnswer>(agent, "POST", "/v1/approvals", askBodyOf(args));
    expect([asked.status, embedded.errors]).toEqual([201, []]);
    const { request } = askAnswer.parse(asked.body);
    expect(request).toMatchObject({ state: "pending", url: `http://localhost:${embedded.port}/requests/${request.id}` });
    const again = await embedded.as<AskAnswer>(agent, "POST", "/v1/approvals", askBodyOf(args));
    expect([again.status, again.body.created, again.body.request.id]).toEqual([200, false, request.id]);

    const shown = await embedded.as(approver, "GET", `/v1/approvals/${request.id}`);
    const detail = people.requestDetail.parse(shown.body);
    expect([shown.status, detail.argumentsText, detail.mayVote.allowed]).toEqual([200, '{"content":"hello","path":"/etc/motd"}', true]);

    const waiting = embedded.as<AskedRequest>(agent, "GET", `/v1/approvals/${request.id}/asked?waitMs=5000&rev=${request.rev}`);
    const vote = { choice: "approve", requestDigest: request.requestDigest, viewedDigest: null, reason: "looks right", grant: null };
    expect((await embedded.as(agent, "POST", `/v1/approvals/${request.id}/vote`, vote)).status).toBe(403);
    expect((await embedded.as(undefined, "POST", `/v1/approvals/${request.id}/vote`, vote)).status).toBe(401);
    const self = await embedded.as<{ code: string }>(owner, "POST", `/v1/approvals/${request.id}/vote`, vote);
    expect([self.status, self.body.code]).toEqual([403, "self_approval"]);
    const voted = await embedded.as(approver, "POST", `/v1/approvals/${request.id}/vote`, vote);
    expect([voted.status, people.requestSummary.parse(voted.body).state]).toEqual([200, "approved"]);

    const woken = askedRequest.parse((await waiting).body);
    expect(woken).toMatchObject({ state: "approved", decision: { approver: "ann@example.com", channel: "inbox", human: true, reason: "looks right", selfApproved: false } });
    const claim = { claimId: newClaimId(), callDigest: request.callDigest, definition: null, serverIdentity: null };
    const bodies = [claim, { ...claim, claimId: newClaimId() }, { ...claim, claimId: newClaimId() }];
    const claims = await Promise.all(bodies.map((body) => embedded.as<ClaimAnswer>(agent, "POST", `/v1/approvals/${request.id}/claim`, body)));
    expect(claims.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409]);
    const winner = claims.findIndex(({ status }) => status === 200);
    expect(claimAnswer.parse(claims[winner]?.body).epoch).toBe(1);
    const outcome = await embedded.as<AskedRequest>(agent, "POST", `/v1/approvals/${request.id}/outcome`, { claimId: bodies[winner]?.claimId, outcome: "completed", isError: false, elapsedMs: 12 });
    expect([outcome.status, outcome.body.state]).toEqual([200, "completed"]);
    expect((await embedded.as<AskAnswer>(agent, "POST", "/v1/approvals", askBodyOf(args))).body.request.id).not.toBe(request.id);

    const heard = await stream.until('"state":"completed"');
    for (const state of ["pending", "approved", "executing", "completed"]) expect(heard).toContain(`"state":"${state}"`);
    stream.end();
    const rows = await embedded.plane.store.readRecord({ tenant: "default", limit: 100, where: { requestId: request.id } });
    expect(rows.map(({ type, event }) => event ?? type)).toEqual(["request_created", "vote_cast", "approval", "intent", "outcome"]);
    expect(embedded.errors).toEqual([]);
  });

  it("R22: a link works once, and possession of one decides nothing", async () => {
    const { embedded, owner, agent } = await staffed();
    const invited = await embedded.as<{ url: string }>(owner, "POST", "/v1/people", { name: "Bob", email: null, roles: ["approver"] });
    const token = new URL(invited.body.url).hash.slice("#link=".length);
    const { body } = await embedded.as<AskAnswer>(agent, "POST", "/v1/approvals", askBodyOf({ path: "/x" }));
    const vote = { choice: "approve", requestDigest: body.request.requestDigest, viewedDigest: null, reason: "", grant: null };
    for (const headers of [{ authorization: `Bearer ${token}` }, { cookie: `__Host-countersign=${token}`, origin: `http://127.0.0.1:${embedded.port}`, "x-csrf-token": token }]) {
      expect((await embedded.as({ headers }, "POST", `/v1/approvals/${body.request.id}/vote`, vote)).status).toBe(401);
    }
    expect((await embedded.as(undefined, "GET", `/v1/sign-in/link?token=${token}`)).status).toBe(405);
    const bob = await embedded.signIn(invited.body.url);
    expect((await embedded.as(undefined, "POST", "/v1/sign-in/link", { token })).status).toBe(401);
    const { "x-csrf-token": _, ...withoutToken } = bob.headers;
    expect((await embedded.as({ headers: withoutToken }, "POST", `/v1/approvals/${body.request.id}/vote`, vote)).status).toBe(403);
    expect((await embedded.as(bob, "POST", `/v1/approvals/${body.request.id}/vote`, vote)).status).toBe(200);
  });

  it("a key that is revoked and a person who is disabled are strangers from the next request on", async () => {
    const { embedded, owner, approver, agent, keyId } = await staffed();
    expect((await embedded.as(agent, "POST", "/v1/approvals", askBodyOf({ path: "/x" }))).status).toBe(201);
    expect((await embedded.as(owner, "DELETE", `/v1/keys/${keyId}`)).status).toBe(204);
    expect((await embedded.as(agent, "POST", "/v1/approvals", askBodyOf({ path: "/y" }))).status).toBe(401);
    expect((await embedded.as(approver, "GET", "/v1/approvals")).status).toBe(200);
    expect((await embedded.as(owner, "PATCH", `/v1/people/${approver.personId}`, { status: "disabled" })).status).toBe(200);
    expect((await embedded.as(approver, "GET", "/v1/approvals")).status).toBe(401);
  });

  it("a person who is disabled takes the keys bound to them along, until they are back", async () => {
    const { embedded, owner, approver } = await staffed();
    const made = await embedded.as<{ secret: string }>(owner, "POST", "/v1/keys", { name: "theirs", ownerId: approver.personId, expiresAt: null });
    const theirs = { headers: { authorization: `Bearer ${made.body.secret}` } };
    const ask = async (path: string): Promise<number> => (await embedded.as(theirs, "POST", "/v1/approvals", askBodyOf({ path }))).status;
    expect(await ask("/a")).toBe(201);
    await embedded.as(owner, "PATCH", `/v1/people/${approver.personId}`, { status: "disabled" });
    expect(await ask("/b")).toBe(401);
    await embedded.as(owner, "PATCH", `/v1/people/${approver.personId}`, { status: "active" });
    expect(await ask("/c")).toBe(201);
  });

  it("readiness says that no policy is there; metrics count what happened", async () => {
    const { embedded, agent } = await staffed();
    await embedded.as(agent, "POST", "/v1/approvals", askBodyOf({ path: "/x" }));
    const ready = await embedded.as(undefined, "GET", "/readyz");
    expect([ready.status, ready.body]).toEqual([503, { ready: false, parts: { store: "ok", ledger: "ok", policy: "failing", clock: "ok" } }]);
    const text = await textOf(embedded, "/metrics");
    expect(text).toContain('countersign_requests{state="pending"} 1');
    expect(text).toContain('countersign_requests{state="approved"} 0');
    expect(text).toMatch(/countersign_commit_rows_count \d+/);
    expect(text).toMatch(/countersign_commits_total\{result="done"\} \d+/);
    expect(text).toContain('countersign_rows_total{type="event",event="request_created"} 1');
    expect(text).toContain("countersign_waiting_callers 0");
  });

  it("closing answers who waits, ends streams, and leaves nothing running", async () => {
    const { embedded, agent } = await staffed();
    const { body } = await embedded.as<AskAnswer>(agent, "POST", "/v1/approvals", askBodyOf({ path: "/x" }));
    const stream = listen(embedded.port, agent);
    await stream.until("event: hello");
    const waiting = embedded.as<AskedRequest>(agent, "GET", `/v1/approvals/${body.request.id}/asked?waitMs=60000&rev=${body.request.rev}`);
    for (let waited = 0; embedded.plane.requests.waiting === 0 && waited < 5000; waited += 5) await new Promise((resolve) => setTimeout(resolve, 5));
    const started = performance.now();
    await embedded.plane.close();
    expect(performance.now() - started).toBeLessThan(900);
    const answered = await waiting;
    expect([answered.status, answered.body.state]).toEqual([200, "pending"]);
    await stream.until(": closing");
    await expect(embedded.as(agent, "GET", "/healthz")).rejects.toThrow();
  });

  it("a caller that hangs up is not waited for", async () => {
    const { embedded, agent } = await staffed();
    const { body } = await embedded.as<AskAnswer>(agent, "POST", "/v1/approvals", askBodyOf({ path: "/x" }));
    const socket = connect(embedded.port, "127.0.0.1", () => socket.write(`GET /v1/approvals/${body.request.id}/asked?waitMs=60000&rev=${body.request.rev} HTTP/1.1\r\nHost: 127.0.0.1:${embedded.port}\r\nAuthorization: ${agent.headers["authorization"]}\r\n\r\n`));
    const settle = async (waiting: number): Promise<void> => {
      for (let waited = 0; embedded.plane.requests.waiting !== waiting && waited < 5000; waited += 5) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(embedded.plane.requests.waiting).toBe(waiting);
    };
    await settle(1);
    socket.destroy();
    await settle(0);
    expect(embedded.errors).toEqual([]);
  });
});

async function textOf(embedded: Embedded, path: string): Promise<string> {
  return (await send(embedded.port, { method: "GET", path, headers: embedded.operator.headers })).text;
}

function listen(port: number, who: Somebody): { until(part: string): Promise<string>; end(): void } {
  let text = "";
  const headers = Object.entries(who.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const socket = connect(port, "127.0.0.1", () => socket.write(`GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${headers.join("")}\r\n`));
  socket.on("data", (chunk) => (text += chunk.toString()));
  socket.on("error", () => undefined);
  return {
    async until(part) {
      for (let waited = 0; !text.includes(part) && waited < 5000; waited += 5) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(text).toContain(part);
      return text;
    },
    end: () => socket.destroy(),
  };
}

import { hash, randomBytes } from "node:crypto";
import { bindCall, canonicalJson } from "@countersign/sdk/call";
import type { JsonObject } from "@countersign/sdk";
import { viewText } from "@countersign/sdk/wire";
import { describe, expect, it } from "vitest";
import type { PersonIdentity } from "../../auth/identity.ts";
import { eachInItsOwnWorld, store, turn, world } from "../fixture/asked-requests.ts";
import { activate, agent, digestOf, person, put, question, requirement, voter } from "../fixture/world.ts";
import type { QuestionFields } from "../fixture/world.ts";

const LISTED = { name: "write", inputSchema: { type: "object", properties: { path: { type: "string" }, content: { type: "string" } }, required: ["path"], additionalProperties: false } };
const FIRST = { path: "/a", content: "SECRET-OLD" };
const SECOND = { path: "/a", content: "SECRET-NEW" };

eachInItsOwnWorld();

async function ask(fields: QuestionFields = {}) {
  const answer = await world.requests.ask(agent("k2"), question({ args: FIRST, requirements: [requirement({ edits: true })], listed: LISTED, ...fields }));
  if (!answer.ok) throw new Error(`${answer.code}: ${answer.detail}`);
  return answer.request;
}

type Asked = Awaited<ReturnType<typeof ask>>;

function edit(who: string, { id, requestDigest }: Pick<Asked, "id" | "requestDigest">, args: JsonObject | string = SECOND, fields: { readonly shown?: string; readonly digest?: string; readonly reason?: string; readonly as?: Partial<PersonIdentity> } = {}) {
  const argumentsText = typeof args === "string" ? args : JSON.stringify(args);
  const shown = fields.shown ?? (typeof args === "string" ? args : canonicalJson(args));
  const viewedDigest = hash("sha256", viewText({ requestDigest, argumentsText: shown, contextText: "{}" }), "hex");
  return world.requests.edit(voter(who, { signedDigest: viewedDigest, ...fields.as }), id, { requestDigest: fields.digest ?? requestDigest, argumentsText, viewedDigest, reason: fields.reason ?? "" }, "inbox");
}

const vote = (who: string, { id, requestDigest }: Pick<Asked, "id" | "requestDigest">, grant: { for: string; free: string[] } | null = null) =>
  world.requests.vote(voter(who), id, { choice: "approve", requestDigest, viewedDigest: null, reason: "", grant }, "inbox");

const claim = ({ id, callDigest }: Pick<Asked, "id" | "callDigest">) =>
  world.requests.claim(agent("k2"), id, { claimId: randomBytes(32).toString("hex"), callDigest, definition: digestOf(LISTED), serverIdentity: null });

const code = (answer: { readonly ok: boolean; readonly code?: string }) => (answer.ok ? "ok" : answer.code);

async function stateOf(id: string): Promise<string> {
  const answer = await world.requests.asked(agent("k2"), id);
  return answer.ok ? answer.request.state : answer.code;
}

async function mustEdit(who: string, request: Asked, args: JsonObject = SECOND) {
  const answer = await edit(who, request, args);
  if (!answer.ok) throw new Error(`${answer.code}: ${answer.detail}`);
  return answer.request;
}

/** The digest of the call with these arguments, as the SDK makes it. */
function digestWith(args: JsonObject): string {
  const read = { server: { name: "files", identity: null, transport: "stdio" as const }, tool: "write", arguments: args, argumentsText: canonicalJson(args), context: {}, contextText: "{}", meta: undefined, era: {}, caller: { principal: "", agent: { name: "", id: "" }, user: { id: "" }, session: { id: "" } } };
  return bindCall(read, digestOf(LISTED)).digest;
}

describe("approve with edits", () => {
  it("one commit: the old question is superseded by a new one about the changed call, and the editor's is its first vote", async () => {
    const request = await ask();
    let commits = 0;
    store.fault = async (what) => void (commits += what === "commit" ? 1 : 0);
    const successor = await mustEdit("ann", request);
    expect(commits).toBe(1);
    expect(successor).toMatchObject({ state: "approved", edited: true, callDigest: digestWith(SECOND), progress: [{ policy: "own", have: 1, need: 1 }] });
    const old = await world.requests.asked(agent("k2"), request.id);
    expect(old).toMatchObject({ ok: true, request: { state: "superseded", supersededBy: successor.id, endReason: "An approver changed the arguments.", editOf: null } });
    const fresh = await world.requests.asked(agent("k2"), successor.id);
    expect(fresh).toMatchObject({ ok: true, request: { state: "approved", editOf: request.id, decision: { approver: "ann@example.com" } } });
  });

  it("the record tells what was changed by place, who did it, and nothing of the values", async () => {
    const request = await ask();
    const from = store.lines.length;
    const successor = await mustEdit("ann", request, { path: "/b", content: "SECRET-NEW" });
    const rows = store.lines.slice(from).map(({ line }) => JSON.parse(line) as Record<string, unknown>);
    expect(rows.map((row) => row["event"] ?? `${String(row["type"])} ${String(row["status"])}`)).toEqual(["request_edited", "approval superseded", "request_created", "vote_cast", "approval approved"]);
    expect(rows[0]?.["detail"]).toMatchObject({ requestId: request.id, successor: successor.id, person: "person:ann", changed: ["/content", "/path"], digest: request.callDigest, successorDigest: successor.callDigest });
    expect(JSON.stringify(rows)).not.toMatch(/SECRET|"\/b"/);
    expect(JSON.stringify(await store.list("default", { table: "approval", orderBy: "created_at", limit: 10 }))).not.toContain("SECRET");
  });

  it("the asker reads the arguments and claims under their digest; under the old one nothing runs", async () => {
    const request = await ask();
    const successor = await mustEdit("ann", request);
    expect(await world.requests.readEdit(agent("k2"), successor.id)).toMatchObject({ ok: true, argumentsText: canonicalJson(SECOND), request: { id: successor.id } });
    expect(code(await claim({ id: request.id, callDigest: request.callDigest }))).toBe("ended");
    expect(code(await claim({ id: successor.id, callDigest: request.callDigest }))).toBe("digest_mismatch");
    expect(code(await claim({ id: successor.id, callDigest: digestWith({ ...SECOND, content: "other" }) }))).toBe("digest_mismatch");
    expect(await claim({ id: successor.id, callDigest: digestWith(SECOND) })).toMatchObject({ ok: true });
  });

  it("nobody but the asker reads them, and only of a request that an edit made", async () => {
    const request = await ask();
    const successor = await mustEdit("ann", request);
    expect(code(await world.requests.readEdit(agent("k1"), successor.id))).toBe("not_found");
    expect(code(await world.requests.readEdit(agent("k2"), request.id))).toBe("not_found");
    expect(code(await world.requests.readEdit(voter("ann"), successor.id))).toBe("forbidden");
    expect(code(await world.requests.edit(agent("k2"), request.id, { requestDigest: request.requestDigest, argumentsText: "{}", viewedDigest: "0".repeat(64), reason: "" }, "inbox"))).toBe("forbidden");
  });

  it("the same call sent again comes to what an approver made of it, until that has ended", async () => {
    const request = await ask();
    const successor = await mustEdit("ann", request);
    const again = await world.requests.ask(agent("k2"), question({ args: FIRST, requirements: [requirement({ edits: true })], listed: LISTED }));
    expect(again).toMatchObject({ ok: true, created: false, request: { id: successor.id, editOf: request.id } });
    await world.requests.cancel(agent("k2"), successor.id, { reason: "" });
    expect(await ask()).toMatchObject({ state: "pending", editOf: null });
  });

  it("only where every requirement allows it", async () => {
    for (const requirements of [[requirement()], [requirement({ edits: true }), requirement({ policy: "other" })]]) {
      const request = await ask({ requirements, args: { path: `/${requirements.length}` } });
      expect(code(await edit("ann", request))).toBe("forbidden");
      expect(await stateOf(request.id)).toBe("pending");
    }
  });

  it("where several have to approve, the others are asked about the new digest, and a yes to the old one counts for nothing", async () => {
    const request = await ask({ requirements: [requirement({ edits: true, quorum: 2 })] });
    await vote("bob", request);
    const successor = await mustEdit("ann", request);
    expect(successor).toMatchObject({ state: "pending", progress: [{ have: 1, need: 2 }] });
    expect(code(await vote("ann", successor))).toBe("ok"); // the very same yes, once more
    expect(code(await vote("bob", { ...successor, requestDigest: request.requestDigest }))).toBe("stale_digest");
    expect(await stateOf(successor.id)).toBe("pending");
    expect(await vote("bob", successor)).toMatchObject({ ok: true, request: { state: "approved" } });
  });

  it("whoever has voted may change it still; a second person may change it again", async () => {
    const request = await ask({ requirements: [requirement({ edits: true, quorum: 2 })] });
    await vote("ann", request);
    const second = await mustEdit("ann", request);
    const third = await edit("bob", second, { ...SECOND, content: "third" });
    expect(third).toMatchObject({ ok: true, request: { state: "pending", progress: [{ have: 1, need: 2 }] } });
    expect(await stateOf(second.id)).toBe("superseded");
  });

  it("the document in force judges the changed call: what it forbids to all is refused with its reason, what it asks for more is asked for", async () => {
    await activate(world.ledger, 1, JSON.stringify({ version: 1, policies: [
      { name: "w", match: "mcp:files:*", action: "block", reason: "writes", approval: { edits: true } },
      { name: "etc", match: "mcp:files:*", when: 'args.path.startsWith("/etc")', action: "block", reason: "system files", approval: { quorum: 2, edits: true } },
      { name: "never", match: "mcp:files:*", when: 'args.path == "/etc/shadow"', action: "block", reason: "not this one", approval: "never" },
    ] }));
    const request = await ask({ requirements: [] });
    expect(await edit("ann", request, { path: "/etc/shadow" })).toMatchObject({ ok: false, code: "policy_block", detail: expect.stringContaining("not this one") as string });
    expect(await stateOf(request.id)).toBe("pending");
    const successor = await mustEdit("ann", request, { path: "/etc/hosts" });
    expect(successor).toMatchObject({ state: "pending", reason: expect.stringContaining("system files") as string, progress: [{ policy: "w", have: 1, need: 1 }, { policy: "etc", have: 1, need: 2 }] });
  });

  it("what the policy would let through needs one approver's yes all the same", async () => {
    await activate(world.ledger, 1, JSON.stringify({ version: 1, policies: [{ name: "w", match: "mcp:files:*", when: 'args.path == "/a"', action: "block", reason: "writes", approval: { edits: true } }] }));
    const successor = await mustEdit("ann", await ask({ requirements: [] }), { path: "/tmp/x" });
    expect(successor).toMatchObject({ state: "approved", progress: [{ policy: "default", have: 1, need: 1 }] });
    expect(await claim(successor)).toMatchObject({ ok: true });
  });

  it.each<[string, JsonObject | string, string, object]>([
    ["what the tool's definition does not take", { path: 5, more: 1 }, "invalid_arguments", { fields: [{ pointer: "/more", message: "must not be there" }, { pointer: "/path", message: "must be a string" }] }],
    ["a key written twice", '{"path":"/a","path":"/b"}', "invalid_arguments", {}],
    ["a number that does not survive", '{"path":9007199254740993}', "invalid_arguments", {}],
    ["a list", "[]", "invalid_arguments", {}],
    ["no JSON", "{", "invalid_arguments", {}],
    ["the arguments as they were", { content: "SECRET-OLD", path: "/a" }, "bad_request", {}],
  ])("refuses %s, and nothing has changed", async (_, args, wanted, more) => {
    const request = await ask();
    const from = store.lines.length;
    expect(await edit("ann", request, args)).toMatchObject({ ok: false, code: wanted, ...more });
    expect([store.lines.length, await stateOf(request.id)]).toEqual([from, "pending"]);
  });

  it("refuses what was not shown: the digest is of the changed call, of this question", async () => {
    const request = await ask();
    expect(code(await edit("ann", request, SECOND, { shown: canonicalJson(FIRST) }))).toBe("not_viewed");
    expect(code(await edit("ann", request, SECOND, { shown: canonicalJson({ ...SECOND, content: "x" }) }))).toBe("not_viewed");
  });

  it("refuses where the definition is not known, or what the agent says of it has not the bound digest", async () => {
    const unknown = await ask({ listed: undefined as never, args: { path: "/1" } });
    expect(code(await edit("ann", unknown, { path: "/2" }))).toBe("invalid_arguments");
    const body = question({ args: { path: "/3" }, requirements: [requirement({ edits: true })], listed: LISTED });
    const loose = { ...body, narration: { description: "", definition: { name: "write", inputSchema: true } } };
    const answer = await world.requests.ask(agent("k2"), loose);
    if (!answer.ok) throw new Error(answer.detail);
    expect(await edit("ann", answer.request, { path: "/4" })).toMatchObject({ code: "invalid_arguments", detail: expect.stringContaining("not known") as string });
  });

  it("is nobody's who could not decide: not named, not an approver, disabled, the agent's own person, or without the passkey that is asked for", async () => {
    const named = await ask({ requirements: [requirement({ edits: true, approvers: ["bob"] })] });
    expect(code(await edit("ann", named))).toBe("not_eligible");
    await put(world.ledger, person("cy", { roles: ["auditor"] }), person("gone", { status: "disabled" }));
    expect(code(await edit("cy", named))).toBe("not_eligible");
    expect(code(await edit("gone", named))).toBe("unauthenticated");
    const owners = await world.requests.ask(agent("k1", "own"), question({ args: FIRST, requirements: [requirement({ edits: true })], listed: LISTED }));
    if (!owners.ok) throw new Error(owners.detail);
    expect(code(await edit("own", owners.request))).toBe("self_approval");
    const sure = await ask({ args: { path: "/p" }, requirements: [requirement({ edits: true, assurance: "passkey" })] });
    expect(code(await edit("ann", sure, SECOND))).toBe("assurance");
    expect(code(await edit("ann", sure, SECOND, { as: { assurance: "passkey", signedDigest: sure.requestDigest } }))).toBe("assurance"); // of the call as it was
    expect(code(await edit("ann", sure, SECOND, { as: { assurance: "passkey" } }))).toBe("ok");
  });

  it("needs a reason where one is asked for", async () => {
    const request = await ask({ requirements: [requirement({ edits: true, requireReason: true })] });
    expect(code(await edit("ann", request))).toBe("bad_request");
    expect(code(await edit("ann", request, SECOND, { reason: "wrong file" }))).toBe("ok");
  });

  it("is of the question that was shown, while it is open, and once", async () => {
    const request = await ask();
    expect(code(await edit("ann", request, SECOND, { digest: "0".repeat(64) }))).toMatch(/stale_digest|not_viewed/);
    const both = await Promise.all([edit("ann", request), edit("bob", request, { ...SECOND, content: "other" }), vote("cy", request)]);
    expect(both.filter(({ ok }) => ok)).toHaveLength(1);
    expect((await store.list("default", { table: "approval", orderBy: "created_at", limit: 10 })).filter(({ data }) => data.state === "approved").length).toBe(1);
  });

  it("comes too late when time has run out, sweeper or not", async () => {
    const request = await ask({ timeoutMs: 1_000 });
    turn(1_001);
    expect(await edit("ann", request)).toMatchObject({ code: "ended", state: "expired" });
    expect(await stateOf(request.id)).toBe("expired");
  });

  it("gives the new question a window of its own, of the same length", async () => {
    const request = await ask({ timeoutMs: 100_000, requirements: [requirement({ edits: true, quorum: 2 })] });
    turn(90_000);
    const successor = await mustEdit("ann", request);
    expect(successor.expiresAt - successor.createdAt).toBe(100_000);
    turn(100_000);
    expect(await stateOf(successor.id)).toBe("expired");
  });

  it("brings no standing grant, with it or later, and none that there is approves it", async () => {
    const grants = ["session", "30m"];
    const granted = await ask({ args: SECOND, requirements: [requirement({ edits: true, grants })] });
    await vote("ann", granted, { for: "30m", free: [] });
    await claim(granted);
    const request = await ask({ requirements: [requirement({ edits: true, grants, quorum: 1 })] });
    const successor = await mustEdit("bob", request);
    const read = await world.requests.read(voter("ann"), successor.id);
    expect(read).toMatchObject({ ok: true, request: { grantId: null, edit: { of: request.id, personId: "bob", changed: ["/content"] } } });
    const two = await ask({ args: { path: "/two" }, requirements: [requirement({ edits: true, grants, approvers: ["ann", "bob"] }), requirement({ policy: "second", edits: true, grants, approvers: ["cy"] })] });
    await put(world.ledger, person("dora"));
    const later = await edit("ann", two, { path: "/three" });
    if (!later.ok) throw new Error(later.detail);
    expect(later.request.state).toBe("pending");
    expect(await vote("cy", later.request, { for: "30m", free: [] })).toMatchObject({ code: "forbidden", detail: expect.stringContaining("changed the arguments") as string });
  });

  it("leaves votes that are checked again at the claim: an editor who lost the right releases nothing", async () => {
    const successor = await mustEdit("ann", await ask());
    await put(world.ledger, person("ann", { status: "disabled" }));
    expect(code(await claim(successor))).toBe("superseded");
  });

  it("long lists of changes are cut in the record, names too", async () => {
    const open = { name: "write", inputSchema: { type: "object" } };
    const request = await ask({ args: { path: "/a" }, listed: open });
    const from = store.lines.length;
    await mustEdit("ann", request, { path: "/a", ["k".repeat(10_000)]: 1, many: 1, ...Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`n${index}`, index])) });
    expect(store.lines.slice(from).map(({ line }) => line).join("").length).toBeLessThan(20_000);
  });
});

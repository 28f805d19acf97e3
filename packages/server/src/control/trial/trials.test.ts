import type { trial } from "@countersign/sdk/wire";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OPERATOR } from "../../auth/identity.ts";
import { MemoryStore } from "../fixture/memory-store.ts";
import { activate, agent, agentKey, openWorld, person, put, question, voter, type World } from "../fixture/world.ts";
import { codeOf, must } from "../people/fixture/installation.ts";
import { createRecords } from "../record/records.ts";
import { createRunTrial } from "./run-trial.ts";
import { createTrials, type Trials } from "./trials.ts";

const DAY = 86_400_000;
const EDITOR = voter("ed", { roles: ["policy_editor"] });
const AUDITOR = voter("aud", { roles: ["auditor"] });
const APPROVER = voter("ann", { roles: ["approver"] });
const D = "ab".repeat(32);
const policy = (name: string, rest: string): string => `  - { name: ${name}, match: "mcp:files:*", ${rest} }\n`;
const text = (...policies: readonly string[]): string => `version: 1\ndefault: allow\npolicies:\n${policies.join("")}`;
const NOTHING = "version: 1\ndefault: allow\npolicies: []\n";
const ETC = text(policy("etc", `when: 'args.path.startsWith("/etc")', action: block, reason: Not there`));

let store: MemoryStore;
let world: World;
let trials: Trials;
let ship: (...entries: readonly object[]) => Promise<unknown>;
let nobody: AbortController;
beforeEach(async () => {
  nobody = new AbortController();
  store = new MemoryStore();
  world = await openWorld(store);
  const records = createRecords({ ledger: world.ledger, store, sealer: world.sealer, checkpointKeys: () => [] });
  let batch = 0;
  ship = (...entries) => records.take(agent("k"), { process: "p", batch: (batch += 1), entries: entries as never }); // rows as an agent may send them
  trials = createTrials({ ledger: world.ledger, store, sealer: world.sealer });
  await put(world.ledger, person("ed", { roles: ["policy_editor"] }), person("aud", { roles: ["auditor"] }), person("ann"), agentKey("k"));
});
afterEach(() => world.close());

const decision = (callId: string, fields: object = {}): object => ({
  type: "decision", callId, at: Date.now() - 1000, policyId: "mcp:files:write", server: "files", tool: "write", principal: "x", agent: "bot", user: "u", session: "s", digest: D, definition: null,
  action: "allow", reason: "", policies: [], decisive: [], findings: [], ...fields,
});
const withPath = (callId: string, path: string, fields: object = {}): object => decision(callId, { argumentsText: JSON.stringify({ path }), ...fields });
const replay = async (body: Partial<trial.ReplayBody> & { readonly text: string }, identity = AUDITOR) => must(await trials.replay(identity, { days: 7, against: "record", ...body }, nobody.signal));
const explain = async (body: trial.ExplainBody, identity = AUDITOR) => must(await trials.explain(identity, body, nobody.signal));

it("a call whose arguments were erased with its request is explained without those that its agent's process recorded", async () => {
  await activate(world.ledger, 1, text(policy("ask", "action: block")));
  const asked = must(await world.requests.ask(agent("k"), question({ args: { path: "/etc/secret" } }))).request;
  await ship(withPath("call", "/etc/secret", { action: "block" }), withPath("another", "/etc/other"));
  must(await world.requests.cancel(agent("k"), asked.id, { reason: "" }));
  expect(await explain({ text: ETC, callId: "call" })).toMatchObject({ arguments: "used" });
  const records = createRecords({ ledger: world.ledger, store, sealer: world.sealer, checkpointKeys: () => [] });
  await put(world.ledger, person("own", { roles: ["owner"] }));
  must(await records.erase(voter("own", { roles: ["owner"] }), { requestId: asked.id, reason: "asked to" }));
  const said = await explain({ text: ETC, callId: "call" });
  expect([said.arguments, JSON.stringify(said).includes("secret")]).toEqual(["gone", false]);
  expect(await explain({ text: ETC, callId: "another" })).toMatchObject({ arguments: "used" });
});

describe("a replay of the record", () => {
  it("tells what was decided then and what would be, with the calls between and how people answered them", async () => {
    await ship(
      withPath("a", "/etc/passwd"),
      withPath("b", "/tmp/b"),
      withPath("c", "/etc/hosts", { agent: "other" }),
      decision("d", { tool: "read", policyId: "mcp:mail:read", server: "mail", action: "block", decisive: ["mail"] }),
      { type: "approval", callId: "d", at: Date.now(), requestId: "req-d", requestDigest: D, digest: D, status: "denied", approver: "ann", elapsedMs: 5 },
    );
    const said = await replay({ text: ETC });
    expect(said).toMatchObject({ calls: 4, judged: 4, unjudged: 0, undecided: 0, cut: false, arguments: "used", against: { kind: "record", version: null } });
    expect(said.before).toEqual({ allow: 3, warn: 0, throttle: 0, throttled: 0, block: 1, never: 0 });
    expect(said.after).toEqual({ allow: 2, warn: 0, throttle: 0, throttled: 0, block: 2, never: 0 });
    expect(said.moves).toMatchObject([
      { before: "allow", after: "block", calls: 2, groups: [{ policyId: "mcp:files:write", because: "etc", calls: 2, examples: [{ callId: "a", agent: "bot", requestId: null }, { callId: "c", agent: "other" }] }] },
      { before: "block", after: "allow", calls: 1, denied: 1, groups: [{ because: "no policy is about it", examples: [{ callId: "d", requestId: "req-d" }] }] },
    ]);
  });

  it("counts the first row of a call, leaves out what is older, and says what was never put to a policy", async () => {
    await ship(decision("a"), decision("a", { action: "block" }), decision("old", { at: Date.now() - 3 * DAY }), decision("m", { code: "malformed_call", action: "block" }));
    expect(await replay({ text: NOTHING, days: 1 })).toMatchObject({ calls: 1, undecided: 1, moves: [] });
    expect(await replay({ text: NOTHING, days: 7 })).toMatchObject({ calls: 2 });
  });

  it("compares with the version in force where that is asked for", async () => {
    await activate(world.ledger, 1, text(policy("ask", "action: block")));
    await ship(decision("a"), decision("b"));
    expect(await replay({ text: text(policy("ask", "action: warn")), against: "in_force" })).toMatchObject({
      against: { kind: "in_force", version: 1 },
      moves: [{ before: "block", after: "warn", calls: 2 }],
    });
    expect((await replay({ text: text(policy("ask", "action: warn")) })).moves).toMatchObject([{ before: "allow", after: "warn", calls: 2 }]);
  });

  it("throttles by the times at which the calls were made", async () => {
    const at = Date.now() - 600_000;
    await ship(...[0, 1, 2, 70_000].map((later, index) => decision(`c${index}`, { at: at + later })));
    const { after } = await replay({ text: text(policy("slow", 'action: throttle, rate: { limit: 2, per: 1m }')) });
    expect([after.throttle, after.throttled]).toEqual([3, 1]);
  });

  it("a condition on the time sees the time of the call", async () => {
    const [early, late] = [Date.now() - 2 * DAY, Date.now() - DAY];
    await ship(decision("a", { at: early }), decision("b", { at: late }));
    const between = new Date((early + late) / 2).toISOString();
    const said = await replay({ text: text(policy("early", `when: 'now < timestamp("${between}")', action: block`)) });
    expect(said).toMatchObject({ judged: 2, after: { block: 1 }, moves: [{ groups: [{ examples: [{ callId: "a" }] }] }] });
  });

  it("arguments are used only for whoever may read them, and what cannot be judged is counted", async () => {
    await ship(withPath("a", "/etc/passwd"), decision("none"), decision("mail", { server: "mail", policyId: "mcp:mail:write" }));
    expect(await replay({ text: ETC })).toMatchObject({ calls: 3, judged: 2, unjudged: 1, arguments: "used", after: { block: 1 } });
    expect(await replay({ text: ETC }, EDITOR)).toMatchObject({ calls: 3, judged: 1, unjudged: 2, arguments: "hidden", after: { block: 0 } });
  });

  it("what a server claimed of its tool is not in the record, so nothing is judged by it; whether the tool was known is", async () => {
    await ship(decision("a", { definition: D }), decision("b"));
    expect(await replay({ text: text(policy("claims", "when: '!tool.claims.readOnly', action: block")) })).toMatchObject({ judged: 0, unjudged: 2 });
    expect(await replay({ text: text(policy("known", "when: '!tool.known', action: block")) })).toMatchObject({ judged: 2, after: { block: 1 } });
  });

  it("arguments that were changed in the store count as not there", async () => {
    await ship(withPath("a", "/etc/passwd"));
    const row = store.lines.findIndex(({ type }) => type === "arguments");
    const line = store.lines[row];
    if (line === undefined) throw new TypeError("no arguments were sealed");
    store.lines[row] = { ...line, line: line.line.replace(/"tag":"[^"]{4}/, '"tag":"AAAA') };
    expect(await replay({ text: ETC })).toMatchObject({ calls: 1, unjudged: 1 });
    expect(await explain({ text: ETC, callId: "a" })).toMatchObject({ arguments: "gone" });
  });

  it("says the problems of a draft that is none", async () => {
    const refused = await trials.replay(AUDITOR, { text: "version: 1\npolicies: 3\n", days: 1, against: "record" }, nobody.signal);
    expect(refused).toMatchObject({ ok: false, code: "invalid_document", problems: [{ line: 2 }] });
    expect(codeOf(await trials.replay(AUDITOR, { text: NOTHING, days: 1, against: "in_force" }, nobody.signal))).toBe("policy_unavailable");
  });

  it("keeps nobody waiting: the event loop turns all the while, and pages of rows are read between two turns", async () => {
    for (let n = 0; n < 10; n += 1) await ship(...Array.from({ length: 100 }, (_, index) => withPath(`c${n}-${index}`, "/etc/x")));
    let [turns, isDone] = [0, false];
    const turn = (): void => {
      turns += 1;
      if (!isDone) setImmediate(turn);
    };
    turn();
    expect(await replay({ text: ETC })).toMatchObject({ calls: 1000, after: { block: 1000 } });
    isDone = true;
    expect(turns).toBeGreaterThan(200);
  });

  it("looks at the end of a record that is too long, and says since when", async () => {
    trials = createTrials({ ledger: world.ledger, store, sealer: world.sealer, mostRows: 10 });
    const at = Date.now() - 500_000;
    for (let n = 0; n < 30; n += 1) await ship(decision(`c${n}`, { at: at + n * 1000 }));
    const said = await replay({ text: NOTHING });
    expect(said.cut).toBe(true);
    expect(said.calls).toBeLessThan(10);
    expect(said.from).toBeGreaterThan(at);
  });

  it("is a few at once, ends when nobody waits for it any more, and never goes on for ever", async () => {
    await ship(decision("a"));
    const one = createTrials({ ledger: world.ledger, store, sealer: world.sealer, run: createRunTrial({ atOnce: 1, longestMs: 60_000 }) });
    const first = one.replay(AUDITOR, { text: NOTHING, days: 1, against: "record" }, nobody.signal);
    expect(codeOf(await one.replay(AUDITOR, { text: NOTHING, days: 1, against: "record" }, nobody.signal))).toBe("too_many");
    nobody.abort();
    expect(codeOf(await first)).toBe("bad_request");
    const patient = new AbortController();
    expect(codeOf(await one.replay(AUDITOR, { text: NOTHING, days: 1, against: "record" }, patient.signal))).toBe("ok"); // its place is free again
    const hasty = createTrials({ ledger: world.ledger, store, sealer: world.sealer, run: createRunTrial({ atOnce: 1, longestMs: 1 }) });
    expect(codeOf(await hasty.replay(AUDITOR, { text: NOTHING, days: 1, against: "record" }, patient.signal))).toBe("too_large");
  });
});

describe("an explanation of a recorded call", () => {
  it("says which policies decide, what their conditions said of which arguments, and what the version in force says", async () => {
    await activate(world.ledger, 1, text(policy("all", "action: warn")));
    await ship(withPath("a", "/etc/passwd"));
    const said = await explain({ text: ETC + policy("tmp", `when: 'args.path.startsWith("/tmp")', action: block`) + policy("size", "when: args.size > 3, action: block, mode: observe"), callId: "a" });
    expect(said).toMatchObject({ call: { callId: "a", tool: "write", kind: "allow" }, arguments: "used", inForce: { version: 1, verdict: { kind: "warn" } } });
    expect(said.draft.verdict).toMatchObject({ kind: "block", reason: "Not there", needs: [{ policy: "etc", words: expect.stringContaining("1 approval") }] });
    expect(said.draft.policies).toMatchObject([
      { name: "etc", part: "decides", condition: { result: "true", reads: [{ path: "args.path", value: '"/etc/passwd"' }] } },
      { name: "tmp", part: "near", condition: { result: "false" } },
      { name: "size", part: "near", condition: { result: "no answer", why: expect.stringContaining("args.size"), reads: [{ path: "args.size", value: null }] } },
    ]);
  });

  it("without the right to arguments it says what is about the call by name, and no verdict", async () => {
    await ship(withPath("a", "/etc/passwd"), decision("bare"));
    const hidden = await explain({ text: ETC, callId: "a" }, EDITOR);
    expect(hidden).toMatchObject({ arguments: "hidden", draft: { verdict: null, policies: [{ name: "etc", part: "near", condition: { result: "unknown", reads: [] } }] } });
    expect(JSON.stringify(hidden)).not.toContain("passwd");
    expect(await explain({ text: ETC, callId: "bare" })).toMatchObject({ arguments: "gone", draft: { verdict: null } });
    expect((await explain({ text: text(policy("any", "action: warn")), callId: "a" }, EDITOR)).draft.verdict).toMatchObject({ kind: "warn" });
  });

  it("explains the call of a request for whoever may read the request", async () => {
    await activate(world.ledger, 1, text(policy("ask", "action: block")).replace("mcp:files", "mcp:*"));
    const asked = must(await world.requests.ask(agent("k"), question())).request;
    const said = await explain({ text: text(policy("near", "action: block")), requestId: asked.id });
    expect(said).toMatchObject({ arguments: "used", inForce: { verdict: { kind: "block" } } });
    expect(codeOf(await trials.explain(EDITOR, { text: NOTHING, requestId: asked.id }, nobody.signal))).toBe("forbidden");
    const both = voter("both", { roles: ["policy_editor", "approver"] });
    expect((await explain({ text: NOTHING, requestId: asked.id }, both)).arguments).toBe("used");
  });

  it("refuses whoever may not, and calls that are none", async () => {
    await ship(decision("a"));
    for (const identity of [APPROVER, OPERATOR, agent("k")]) {
      expect([codeOf(await trials.explain(identity, { text: NOTHING, callId: "a" }, nobody.signal)), codeOf(await trials.calls(identity, {}))]).toEqual(["forbidden", "forbidden"]);
      expect(codeOf(await trials.replay(identity, { text: NOTHING, days: 1, against: "record" }, nobody.signal))).toBe("forbidden");
    }
    expect(codeOf(await trials.explain(AUDITOR, { text: NOTHING, callId: "zzz" }, nobody.signal))).toBe("not_found");
    expect(codeOf(await trials.explain(AUDITOR, { text: NOTHING }, nobody.signal))).toBe("bad_request");
  });
});

it("recorded calls are listed newest first, a page after the other, without arguments", async () => {
  await ship(withPath("a", "/etc/secret"), decision("b"), decision("c", { code: "malformed_call" }), decision("d", { policyId: "mcp:mail:read" }));
  const first = must(await trials.calls(EDITOR, { limit: 2 }));
  expect([first.calls.map(({ callId }) => callId), first.next]).toEqual([["d"], expect.any(Number)]);
  const second = must(await trials.calls(EDITOR, { limit: 5, before: first.next ?? 0 }));
  expect([second.calls.map(({ callId }) => callId), second.next]).toEqual([["b", "a"], null]);
  expect(must(await trials.calls(EDITOR, { policyId: "mcp:mail:read" })).calls).toMatchObject([{ callId: "d", kind: "allow" }]);
  expect(JSON.stringify(second)).not.toContain("secret");
});

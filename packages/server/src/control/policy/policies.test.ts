import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OPERATOR } from "../../auth/identity.ts";
import type { Store } from "../../store/store.ts";
import { MemoryStore } from "../fixture/memory-store.ts";
import { agent, agentKey, openWorld, person, put, question, voter, type World } from "../fixture/world.ts";
import { codeOf, must } from "../people/fixture/installation.ts";
import { checkText } from "../../trial/check-text.ts";
import { createPolicies, type Policies } from "./policies.ts";

const EDITOR = voter("ed", { roles: ["policy_editor"] });
const APPROVER = voter("ann", { roles: ["approver"] });
const text = (extra = ""): string => `version: 1\ndefault: allow\npolicies:\n  - name: writes\n    match: mcp:files:write\n    action: block\n${extra}`;
const FIRST = text();
const SECOND = text("    approval: { quorum: 2 }\n");

let store: Store;
let world: World;
let policies: Policies;
beforeEach(async () => {
  store = new MemoryStore();
  world = await openWorld(store);
  policies = createPolicies({ ledger: world.ledger, store, reviewPending: () => world.requests.review() });
  await put(world.ledger, person("ed", { roles: ["policy_editor"] }), person("ann"), person("bob"), agentKey("k"));
});
afterEach(() => world.close());

const save = async (document: string, comment = ""): Promise<number> => must(await policies.save(EDITOR, { text: document, comment })).version.version;
const activate = (version: number, inForce: number | null) => policies.activate(EDITOR, version, { expect: inForce, comment: "" });
const events = async (event: string) => (await store.readRecord({ tenant: "default", where: { event }, limit: 100 })).map(({ line }) => JSON.parse(line).detail);

describe("policies of a control plane", () => {
  it("saves versions that count up and never change; the same text twice is two versions", async () => {
    expect([await save(FIRST, "one"), await save(SECOND), await save(FIRST)]).toEqual([1, 2, 3]);
    expect(must(await policies.read(EDITOR, 1)).version).toMatchObject({ version: 1, text: FIRST, comment: "one", createdBy: "ed", active: false, size: 1 });
    expect(must(await policies.list(APPROVER)).versions.map(({ version, active }) => [version, active])).toEqual([[3, false], [2, false], [1, false]]);
    expect(world.ledger.resident.policy).toBeUndefined(); // saved is not in force
    expect(await events("policy_saved")).toMatchObject([{ version: 1, by: "ed", comment: "one" }, { version: 2 }, { version: 3 }]);
  });

  it("numbers versions without gap or double where many save at once", async () => {
    const numbers = await Promise.all(Array.from({ length: 20 }, () => save(FIRST)));
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  });

  it("refuses a document with problems, with every place, and saves nothing", async () => {
    const refused = await policies.save(EDITOR, { text: FIRST.replace("block", "blok").replace("version: 1", "version: 1\ncolour: red"), comment: "" });
    expect(refused).toMatchObject({ ok: false, code: "invalid_document", problems: expect.arrayContaining([expect.objectContaining({ line: 2 }), expect.objectContaining({ line: 7 })]) });
    expect(must(await policies.list(EDITOR)).versions).toEqual([]);
  });

  it("checks without saving: problems, and slips with places, from the people who exist", async () => {
    const { check } = must(await policies.check(APPROVER, { text: text("    approval: { approvers: [ann@example.com, carl@example.com] }\n") }));
    expect(check).toMatchObject({ ok: true, size: 1, problems: [{ severity: "warning", code: "unknown_approver", line: 7, message: expect.stringContaining("carl@example.com") }] });
    expect(must(await policies.check(OPERATOR, { text: "version: 1" })).check).toMatchObject({ ok: false, digest: null, problems: [{ severity: "error" }] });
    expect(checkText(text("    approval: { approvers: [carl@example.com] }\n"), []).problems.map(({ code }) => code)).toContain("unknown_approver");
    expect(must(await policies.list(EDITOR)).versions).toEqual([]);
  });

  it("checks a long document in a thread, with the same words, and for nobody who has gone", async () => {
    const long = `${text("    approval: { approvers: [carl@example.com] }\n")}${"# so it goes on\n".repeat(1000)}`;
    expect(must(await policies.check(APPROVER, { text: long })).check).toEqual(checkText(long, ["ann", "ann@example.com", "bob", "bob@example.com", "ed", "ed@example.com"]));
    expect(codeOf(await policies.check(APPROVER, { text: long }, AbortSignal.abort()))).toBe("bad_request");
  });

  it("puts a version in force only over the one that was looked at; of two editors one is told", async () => {
    const [one, two] = [await save(FIRST), await save(SECOND)];
    const both = await Promise.all([activate(one, null), activate(two, null)]);
    expect(both.map(codeOf).toSorted()).toEqual(["conflict", "ok"]);
    const now = world.ledger.resident.policy?.version ?? 0;
    expect(codeOf(await activate(now === one ? two : one, null))).toBe("conflict");
    expect(codeOf(await activate(now === one ? two : one, now))).toBe("ok");
    expect(codeOf(await activate(99, now))).toBe("not_found");
    expect(await events("policy_activated")).toHaveLength(2);
  });

  it("rolls back by putting an older version in force again", async () => {
    const [one, two] = [await save(FIRST), await save(SECOND)];
    await activate(one, null);
    await activate(two, one);
    const back = must(await activate(one, two)).activation;
    expect(back.version).toMatchObject({ version: one, active: true });
    expect(world.ledger.resident.policy?.version).toBe(one);
    expect(await events("policy_activated")).toMatchObject([{ version: 1, before: null }, { version: 2, before: 1 }, { version: 1, before: 2, by: "ed" }]);
    expect(must(await activate(one, two)).activation.superseded).toBe(0); // it is in force already
    expect(await events("policy_activated")).toHaveLength(3);
  });

  it("takes back pending requests that would ask another question, and leaves the others", async () => {
    await activate(await save(FIRST), null);
    const asked = must(await world.requests.ask(agent("k"), question())).request;
    const unrelated = await save(`${FIRST}  - name: other\n    match: mcp:mail:*\n    action: block\n`);
    expect(must(await activate(unrelated, 1)).activation.superseded).toBe(0);
    const stricter = must(await activate(await save(SECOND), unrelated)).activation;
    expect(stricter.superseded).toBe(1);
    expect(must(await world.requests.read(APPROVER, asked.id)).request.state).toBe("superseded");
  });

  it("gives agents the document in force, named by its digest, and nobody else", async () => {
    expect(codeOf(await policies.readBundle(agent("k")))).toBe("policy_unavailable");
    await activate(await save(FIRST), null);
    const first = must(await policies.readBundle(agent("k"))).bundle;
    expect(first).toMatchObject({ version: 1, text: FIRST, principal: "key:k" });
    await activate(await save(SECOND), 1);
    const second = must(await policies.readBundle(agent("k"))).bundle;
    expect([second.text, second.digest === first.digest]).toEqual([SECOND, false]);
    await activate(1, 2);
    expect(must(await policies.readBundle(agent("k"))).bundle.digest).toBe(first.digest);
    for (const identity of [EDITOR, OPERATOR]) expect(codeOf(await policies.readBundle(identity))).toBe("forbidden");
  });

  it("puts a file in force once, and does nothing where it is in force", async () => {
    expect(must(await policies.saveAndActivate(OPERATOR, { text: FIRST, comment: "up" }))).toMatchObject({ changed: true, version: { version: 1, createdBy: "operator" } });
    expect(must(await policies.saveAndActivate(OPERATOR, { text: FIRST, comment: "up" }))).toMatchObject({ changed: false, version: { version: 1 } });
    expect(must(await policies.list(EDITOR)).versions).toHaveLength(1);
  });

  it("is edited by policy editors and owners alone, as they are at the commit", async () => {
    const one = await save(FIRST);
    for (const identity of [APPROVER, voter("aud", { roles: ["auditor"] }), agent("k"), { kind: "anonymous" } as const]) {
      expect([codeOf(await policies.save(identity, { text: FIRST, comment: "" })), codeOf(await policies.activate(identity, one, { expect: null, comment: "" }))]).toEqual(["forbidden", "forbidden"]);
    }
    for (const identity of [agent("k"), voter("nora", { roles: [] })]) expect([codeOf(await policies.list(identity)), codeOf(await policies.read(identity, 1)), codeOf(await policies.check(identity, { text: FIRST }))]).toEqual(["forbidden", "forbidden", "forbidden"]);
    await put(world.ledger, person("ed", { roles: ["approver"] })); // and the sign-in still says policy_editor
    expect([codeOf(await policies.save(EDITOR, { text: FIRST, comment: "" })), codeOf(await activate(one, null))]).toEqual(["forbidden", "forbidden"]);
  });

  it("counts on every instance: what is activated at one is in force at the other", async () => {
    const memory = new MemoryStore();
    const [here, there] = [await openWorld(memory), await openWorld(memory)];
    try {
      const of = ({ ledger, store: its, requests }: World) => createPolicies({ ledger, store: its, reviewPending: () => requests.review() });
      must(await of(here).saveAndActivate(OPERATOR, { text: FIRST, comment: "" }));
      must(await of(there).saveAndActivate(OPERATOR, { text: SECOND, comment: "" }));
      await put(here.ledger, person("ed"));
      expect(must(await of(here).readBundle(agent("k"))).bundle.text).toBe(SECOND);
    } finally {
      await Promise.all([here.close(), there.close()]);
    }
  });
});

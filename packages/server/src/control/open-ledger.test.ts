import { verifyRecord } from "@countersign/sdk/record";
import { afterEach, describe, expect, it } from "vitest";
import type { Command } from "./ledger.ts";
import { openLedger } from "./open-ledger.ts";
import { StoreUnavailableError } from "./store-unavailable-error.ts";
import { MemoryStore } from "./fixture/memory-store.ts";
import { activate, person, PLAIN_POLICY, put } from "./fixture/world.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const ledger of open.splice(0)) await ledger.close();
});

async function ledgerOver(store: MemoryStore, options: Parameters<typeof openLedger>[1] = {}) {
  const ledger = await openLedger(store, options);
  open.push(ledger);
  return ledger;
}

/** Adds one to a number that is kept in a setting. */
function countUp(by = 1): Command<number> {
  return {
    needs: [],
    apply(view) {
      const row = view.get("setting", "count");
      const value = Number(row?.data.value ?? 0) + by;
      return { answer: value, changes: [{ table: "setting", id: "count", rev: row?.rev ?? 0, data: { name: "count", value } }], entries: [{ type: "event", event: "mode_changed", at: view.now, detail: { value } }] };
    },
  };
}

const lines = (store: MemoryStore) => verifyRecord(store.lines.map(({ line }) => `${line}\n`).join(""));

describe("the ledger", () => {
  it("opens an empty record with its first row, and a chain that verifies", async () => {
    const store = new MemoryStore();
    const ledger = await ledgerOver(store);
    await ledger.run(countUp());
    expect(store.lines.map(({ event }) => event)).toEqual(["record_opened", "mode_changed"]);
    expect(ledger.head).toEqual(store.head);
    expect(lines(store)).toMatchObject({ ok: true });
  });

  it("decides the commands of one moment one after the other and commits them once", async () => {
    const store = new MemoryStore();
    const ledger = await ledgerOver(store);
    let commits = 0;
    store.fault = async (what) => void (commits += what === "commit" ? 1 : 0);
    const answers = await Promise.all(Array.from({ length: 50 }, () => ledger.run(countUp())));
    expect(answers).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect(commits).toBe(1);
    expect(store.rows.get("setting")?.get("count")).toMatchObject({ rev: 1, data: { value: 50 } });
    expect(store.lines).toHaveLength(51);
    await ledger.run(countUp());
    expect(store.rows.get("setting")?.get("count")).toMatchObject({ rev: 2, data: { value: 51 } });
  });

  it("commits no more at once than a store takes in its time, so that what is small is not refused for what is large", async () => {
    const store = new MemoryStore();
    const ledger = await ledgerOver(store);
    const commit = store.commit.bind(store);
    const lengths: number[] = [];
    store.commit = (set) => {
      lengths.push(set.lines.reduce((sum, { line }) => sum + line.length, 0));
      return commit(set);
    };
    const large: Command<string> = { needs: [], apply: ({ now }) => ({ answer: "large", entries: [{ type: "event", event: "signed_out", at: now, detail: { text: "x".repeat(3 * 1024 * 1024) } }] }) };
    const answers = await Promise.all([ledger.run(countUp()), ledger.run(large), ledger.run(large), ledger.run(large), ledger.run(countUp())]);
    expect(answers).toEqual([1, "large", "large", "large", 2]);
    expect(lengths).toHaveLength(2);
    expect(Math.max(...lengths)).toBeLessThan(7 * 1024 * 1024);
  });

  it("a command that no store takes fails alone, whoever it came with", async () => {
    const store = new MemoryStore();
    const ledger = await ledgerOver(store);
    const commit = store.commit.bind(store);
    store.commit = async (set) => {
      if (set.changes.some(({ id }) => id === "refused")) throw new TypeError("a column cannot hold it");
      return commit(set);
    };
    const refused: Command<number> = { needs: [], apply: ({ now }) => ({ answer: 0, changes: [{ table: "setting", id: "refused", rev: 0, data: { name: "refused", value: 0 } }], entries: [{ type: "event", event: "mode_changed", at: now, detail: {} }] }) };
    const answers = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => ledger.run(index % 7 === 3 ? refused : countUp())));
    expect(answers.map((answer) => (answer.status === "fulfilled" ? "done" : (answer.reason as Error).name))).toEqual(answers.map((_, index) => (index % 7 === 3 ? "TypeError" : "done")));
    expect(store.rows.get("setting")?.get("count")).toMatchObject({ data: { value: 17 } });
    expect(lines(store)).toMatchObject({ ok: true });
  });

  it("takes along what comes while it reads, so that it need not wait for another turn", async () => {
    const store = new MemoryStore();
    const ledger = await ledgerOver(store);
    const reading = Promise.withResolvers<void>();
    const read = Promise.withResolvers<void>();
    let commits = 0;
    store.fault = async (what) => {
      if (what === "commit") commits += 1;
      if (what !== "read" || commits > 0) return;
      reading.resolve();
      await read.promise;
    };
    const first = ledger.run({ ...countUp(), needs: [{ table: "approval", id: "never seen" }] });
    await reading.promise;
    const later = [ledger.run(countUp()), ledger.run(countUp())];
    read.resolve();
    expect(await Promise.all([first, ...later])).toEqual([1, 2, 3]);
    expect(commits).toBe(1);
  });

  it("lets a command that throws, or changes what it has not seen, harm none of the others", async () => {
    const ledger = await ledgerOver(new MemoryStore());
    const broken: Command<never> = {
      needs: [],
      apply() {
        throw new RangeError("no");
      },
    };
    const blind: Command<undefined> = { needs: [], apply: ({ now }) => ({ answer: undefined, changes: [{ table: "setting", id: "count", rev: 9, data: { name: "count", value: 9 } }], entries: [{ type: "event", event: "mode_changed", at: now, detail: {} }] }) };
    const silent: Command<undefined> = { needs: [], apply: () => ({ answer: undefined, changes: [{ table: "setting", id: "x", rev: 0, data: { name: "x", value: 9 } }] }) };
    const untold: Command<undefined> = { needs: [], apply: ({ now }) => ({ answer: undefined, changes: [{ table: "setting", id: "x", rev: 0, data: { name: "x", value: 9 } }], entries: [{ type: "event", event: "key_added", at: now, detail: {} }] }) };
    const nameless: Command<undefined> = { needs: [], apply: ({ now }) => ({ answer: undefined, changes: [{ table: "setting", id: "a\0", rev: 0, data: { name: "x", value: 9 } }], entries: [{ type: "event", event: "mode_changed", at: now, detail: {} }] }) };
    const answers = await Promise.allSettled([ledger.run(countUp()), ledger.run(broken), ledger.run(blind), ledger.run(silent), ledger.run(untold), ledger.run(nameless), ledger.run(countUp())]);
    expect(answers.map((answer) => (answer.status === "fulfilled" ? answer.value : String(answer.reason)))).toEqual([
      1,
      "RangeError: no",
      "TypeError: setting count is at revision 1, and the command changes 9",
      "TypeError: a change leaves a row in the record",
      "TypeError: no row of this command tells of the change of setting x",
      "TypeError: id must be 1 to 256 characters of well-formed text without control marks",
      2,
    ]);
  });

  it("decides again on what another instance has committed, with nothing lost", async () => {
    const store = new MemoryStore();
    store.hints = false;
    const [one, two] = [await ledgerOver(store), await ledgerOver(store)];
    const rounds = Array.from({ length: 40 }, async (_, index) => (index % 2 === 0 ? one : two).run(countUp()));
    const answers = await Promise.all(rounds);
    await Promise.all([one.run(countUp()), two.run(countUp()), one.run(countUp())]);
    expect(answers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(store.rows.get("setting")?.get("count")?.data).toMatchObject({ value: 43 });
    expect(lines(store)).toMatchObject({ ok: true });
  });

  it("answers from what is there now, also where nothing is written", async () => {
    const store = new MemoryStore();
    store.hints = false;
    const [one, two] = [await ledgerOver(store, { pollMs: 3_600_000 }), await ledgerOver(store, { pollMs: 3_600_000 })];
    await one.run(countUp());
    const look: Command<unknown> = { needs: [], apply: (view) => ({ answer: view.get("setting", "count")?.data.value }) };
    expect(await two.run(look)).toBe(1);
  });

  it("hands out the rows of all instances in order and without a gap", async () => {
    const store = new MemoryStore();
    const [one, two] = [await ledgerOver(store), await ledgerOver(store, { pollMs: 10 })];
    const seen: number[] = [];
    two.onRows((rows) => seen.push(...rows.map(({ seq }) => seq)));
    two.onRows(() => {
      throw new Error("a listener's own trouble");
    });
    for (let round = 0; round < 10; round++) await Promise.all([one.run(countUp()), two.run(countUp()), one.run(countUp())]);
    await expect.poll(() => seen.length).toBe(store.lines.length - 1);
    expect(seen).toEqual(store.lines.slice(1).map(({ seq }) => seq));
  });

  it("knows a policy that another instance has put in force", async () => {
    const store = new MemoryStore();
    const [one, two] = [await ledgerOver(store), await ledgerOver(store)];
    await activate(one, 1, PLAIN_POLICY);
    await expect.poll(() => two.resident.policy?.version).toBe(1);
    await put(two, person("ann"));
    await expect.poll(() => one.resident.get("person", "ann")?.data.name).toBe("ann");
    expect((await ledgerOver(store)).resident.policy?.compiled.size).toBe(1);
  });

  it("decides again with the store's clock where the time of an answer has come", async () => {
    const store = new MemoryStore();
    const start = Date.now();
    let ahead = 0;
    store.clock = () => start + ahead;
    store.hints = false;
    const ledger = await ledgerOver(store, { pollMs: 3_600_000 });
    ahead = 60_000;
    const seen: number[] = [];
    const timely: Command<string> = {
      needs: [],
      apply({ now }) {
        seen.push(now);
        if (now >= start + 30_000) return { answer: "late" };
        return { answer: "in time", entries: [{ type: "event", event: "signed_out", at: now, detail: {} }], before: start + 30_000 };
      },
    };
    expect(await ledger.run(timely)).toBe("late");
    expect(seen[0]).toBeLessThan(start + 30_000);
    expect(store.lines).toHaveLength(1);
  });

  it("takes a unique value that another row gives up at the same moment only in the commit after it", async () => {
    const store = new MemoryStore();
    const ledger = await ledgerOver(store);
    await put(ledger, person("ann", { email: "a@example.com" }));
    await Promise.all([put(ledger, person("ann", { email: null })), put(ledger, person("bob", { email: "a@example.com" })), put(ledger, person("cy"))]);
    expect(ledger.resident.get("person", "bob")?.data.email).toBe("a@example.com");
    expect(store.rows.get("person")?.size).toBe(3);
  });

  it.each([0, 1, 2])("serves what a commit of its own turn has put off like anything else, once (%i more behind it)", async (more) => {
    const store = new MemoryStore();
    const ledger = await ledgerOver(store);
    await put(ledger, person("ann", { email: "a@example.com" }));
    // Another instance is faster, so that this one takes the next turn for itself.
    const commit = store.commit.bind(store);
    store.commit = async () => ({ ok: false, why: "conflict" });
    const told: Command<string> = { needs: [], apply: ({ now }) => ({ answer: "told", entries: [{ type: "event", event: "signed_out", at: now, detail: {} }] }) };
    const before = store.lines.length;
    const answers = [put(ledger, person("ann", { email: null })), put(ledger, person("bob", { email: "a@example.com" })), ...Array.from({ length: more }, () => ledger.run(told))];
    await Promise.all(answers);
    store.commit = commit;
    expect(ledger.resident.get("person", "bob")?.data.email).toBe("a@example.com");
    expect(store.lines.slice(before).map(({ event }) => event)).toEqual(["person_changed", "person_changed", ...Array.from({ length: more }, () => "signed_out")]);
  });

  it("rejects only the command that takes a unique value which is taken", async () => {
    const ledger = await ledgerOver(new MemoryStore());
    await put(ledger, person("ann", { email: "a@example.com" }));
    const answers = await Promise.allSettled([put(ledger, person("bob", { email: "A@example.com" })), put(ledger, person("cy"))]);
    expect(answers.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    expect(ledger.resident.get("person", "bob")).toBeUndefined();
  });
});

describe("a store that fails", () => {
  it("is answered for within two seconds, and nothing was changed", async () => {
    const store = new MemoryStore();
    const ledger = await ledgerOver(store, { answerWithinMs: 200, pollMs: 3_600_000 });
    let release = (): void => undefined;
    store.fault = (what) => (what === "commit" ? new Promise((resolve) => (release = resolve)) : Promise.resolve());
    const before = performance.now();
    const answers = await Promise.allSettled([ledger.run(countUp()), ledger.run(countUp())]);
    expect(performance.now() - before).toBeLessThan(1_000);
    for (const answer of answers) expect(answer).toMatchObject({ status: "rejected", reason: expect.any(StoreUnavailableError) });
    store.fault = async () => undefined;
    release();
    // The commit that hung may still get through; whoever asks next decides on whatever is there.
    const next = await ledger.run(countUp());
    expect([1, 3]).toContain(next);
    expect(store.rows.get("setting")?.get("count")?.data).toMatchObject({ value: next });
    expect(lines(store)).toMatchObject({ ok: true });
  });

  it("whose answer to a commit is lost is asked whether it has written, and the command is answered", async () => {
    const store = new MemoryStore();
    const ledger = await ledgerOver(store);
    store.fault = async (what) => {
      if (what === "committed") throw new Error("connection reset");
    };
    expect(await ledger.run(countUp())).toBe(1);
    expect(await ledger.run(countUp())).toBe(2);
    expect(store.lines).toHaveLength(3);
  });

  it("is not believed to have written what another instance wrote with the very same row", async () => {
    const store = new MemoryStore();
    store.hints = false;
    store.clock = () => 1_000;
    const still = { pollMs: 3_600_000, monotonic: () => 0 };
    const [one, two] = [await ledgerOver(store, still), await ledgerOver(store, still)];
    await put(one, person("ann"));
    let conflicts = 0;
    store.fault = async (what) => {
      if (what === "committed" && conflicts++ === 0) throw new Error("connection reset");
    };
    // Decided on the record as it was before, this is the row that the first has written, to the last byte.
    await put(two, person("ann", { status: "disabled" }));
    expect(store.rows.get("person")?.get("ann")).toMatchObject({ rev: 2, data: { status: "disabled" } });
  });

  it("rejects at once where it is gone, and goes on where it is back", async () => {
    const store = new MemoryStore();
    const ledger = await ledgerOver(store);
    store.fault = async () => {
      throw new Error("gone");
    };
    await expect(ledger.run(countUp())).rejects.toThrow(StoreUnavailableError);
    store.fault = async () => undefined;
    expect(await ledger.run(countUp())).toBe(1);
  });

  it("is not asked any more once the ledger is closed", async () => {
    const store = new MemoryStore();
    const ledger = await ledgerOver(store);
    const last = ledger.run(countUp());
    await ledger.close();
    expect(await last).toBe(1);
    await expect(ledger.run(countUp())).rejects.toThrow("closing");
  });
});

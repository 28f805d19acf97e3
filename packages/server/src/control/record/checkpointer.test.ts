import { createSecretKey, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryStore } from "../fixture/memory-store.ts";
import { openWorld, person, put, type World } from "../fixture/world.ts";
import { isSignedBy, keyIdOf, readPublicKey, type SignedCheckpoint } from "./checkpoint.ts";
import { openCheckpointer, type Checkpointer, type CheckpointPlace } from "./checkpointer.ts";

const KEY = createSecretKey(randomBytes(32));
let store: MemoryStore;
let world: World;
const opened: Checkpointer[] = [];
beforeEach(async () => {
  store = new MemoryStore();
  world = await openWorld(store);
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  await world.close();
});

interface Kept extends CheckpointPlace {
  readonly kept: SignedCheckpoint[];
  /** What a push ends with, where it fails. */
  broken: string | undefined;
}
function place(name = "elsewhere"): Kept {
  const made: Kept = {
    name,
    kept: [],
    broken: undefined,
    async push(checkpoint) {
      if (made.broken !== undefined) throw new Error(made.broken);
      made.kept.push(checkpoint);
    },
  };
  return made;
}
async function open(options: { readonly places?: readonly CheckpointPlace[]; readonly everyRows?: number; readonly everyMs?: number; readonly at?: World } = {}) {
  const warnings: string[] = [];
  const { at = world, places = [], ...rest } = options;
  const checkpointer = await openCheckpointer({ ledger: at.ledger, store, installationKey: KEY, places, onWarning: (message) => warnings.push(message), everyMs: 3_600_000, ...rest });
  opened.push(checkpointer);
  return { checkpointer, warnings };
}
let counted = 0;
const addRow = () => put(world.ledger, person(`p${(counted += 1)}`));
async function until(test: () => boolean): Promise<void> {
  for (let waited = 0; waited < 5_000 && !test(); waited += 10) await sleep(10);
  expect(test()).toBe(true);
}

describe("checkpoints", () => {
  it("are signed statements of the head, once for each head, kept in the store and at every place", async () => {
    const [one, two] = [place("one"), place("two")];
    const { checkpointer } = await open({ places: [one, two] });
    await addRow();
    const made = await checkpointer.checkpoint();
    const [key] = checkpointer.keys();
    expect(made).toMatchObject({ seq: world.ledger.head.seq, hash: world.ledger.head.hash, tenant: "default", installation: "memory", keyId: key?.id });
    expect(made !== undefined && isSignedBy(made, readPublicKey(key?.publicKey ?? ""))).toBe(true);
    expect(keyIdOf(key?.publicKey ?? "")).toBe(key?.id);
    await Promise.all([checkpointer.checkpoint(), checkpointer.checkpoint()]); // the head has not moved
    expect([store.checkpoints.length, one.kept, two.kept]).toEqual([1, [made], [made]]);
  });

  it("come after so many rows", async () => {
    const kept = place();
    await open({ places: [kept], everyRows: 5 });
    for (let n = 0; n < 12; n += 1) await addRow();
    await until(() => kept.kept.length >= 2);
    const [first, second] = kept.kept;
    expect((second?.seq ?? 0) - (first?.seq ?? 0)).toBeGreaterThanOrEqual(5);
  });

  it("come after so long, where the head has moved, and only there", async () => {
    const kept = place();
    await open({ places: [kept], everyMs: 50 });
    await addRow();
    await until(() => kept.kept.at(-1)?.seq === world.ledger.head.seq); // one may have been made before the row
    const made = kept.kept.length;
    await sleep(200);
    expect(kept.kept).toHaveLength(made);
    await addRow();
    await until(() => kept.kept.length === made + 1);
  });

  it("come at the end", async () => {
    const kept = place();
    const { checkpointer } = await open({ places: [kept] });
    await addRow();
    await checkpointer.close();
    expect(kept.kept.map(({ seq }) => seq)).toEqual([world.ledger.head.seq]);
  });

  it("that a place does not take are told once, shown while it lasts, and stop nothing; it heals by itself", async () => {
    const [good, bad] = [place("good"), place("bad")];
    bad.broken = "no space left";
    const { checkpointer, warnings } = await open({ places: [bad, good] });
    for (let n = 0; n < 3; n += 1) {
      await addRow();
      await checkpointer.checkpoint();
    }
    expect([good.kept.length, checkpointer.failing()]).toEqual([3, [{ place: "bad", error: "no space left" }]]);
    expect(warnings).toEqual([expect.stringContaining("could not be pushed to bad: no space left")]);
    bad.broken = undefined;
    await addRow();
    await checkpointer.checkpoint();
    expect([bad.kept.length, checkpointer.failing(), warnings.at(-1)]).toEqual([1, [], "checkpoints reach bad again"]);
  });

  it("that could not be pushed are pushed again also where the head has not moved since", async () => {
    const bad = place("bad");
    bad.broken = "away";
    await open({ places: [bad], everyMs: 50 });
    await addRow();
    await sleep(150);
    bad.broken = undefined;
    await until(() => bad.kept.length === 1);
    expect(bad.kept[0]?.seq).toBe(world.ledger.head.seq);
  });
});

describe("the key that signs", () => {
  it("is made once, whichever of several instances is first, and told in the record", async () => {
    const others = await Promise.all([openWorld(store), openWorld(store), openWorld(store)]);
    try {
      const all = await Promise.all([world, ...others].map((at) => open({ at })));
      const keys = new Set(all.flatMap(({ checkpointer }) => checkpointer.keys().map(({ id }) => id)));
      expect(keys.size).toBe(1);
      expect(store.lines.filter(({ event }) => event === "checkpoint_key_made")).toHaveLength(1);
      expect(new Set((await Promise.all(all.map(({ checkpointer }) => checkpointer.checkpoint()))).map((one) => one?.keyId))).toEqual(keys);
    } finally {
      for (const one of opened.splice(0)) await one.close();
      for (const other of others) await other.close();
    }
  });

  it("stays the same when the process starts again, and is not in the store in the clear", async () => {
    const { checkpointer } = await open();
    const again = await open();
    expect(again.checkpointer.keys()).toEqual(checkpointer.keys());
    expect(JSON.stringify([...(store.rows.get("setting")?.values() ?? [])])).not.toMatch(/BEGIN|PRIVATE/);
  });

  it("does not open under another installation key, and says which key to give", async () => {
    await open();
    const other = openCheckpointer({ ledger: world.ledger, store, installationKey: createSecretKey(randomBytes(32)), places: [], onWarning: () => undefined });
    await expect(other).rejects.toThrow(/wrapped with another installation key\. Give this process the right one \(COUNTERSIGN_MASTER_KEY or master\.key\)/);
  });
});

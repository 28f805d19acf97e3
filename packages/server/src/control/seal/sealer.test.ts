import { createSecretKey } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryStore } from "../fixture/memory-store.ts";
import { INSTALLATION_KEY, openWorld } from "../fixture/world.ts";
import type { World } from "../fixture/world.ts";
import { createSealer } from "./sealer.ts";

const DAY_MS = 86_400_000;
let store: MemoryStore;
let world: World;
let ahead = 0;
beforeEach(async () => {
  store = new MemoryStore();
  ahead = 0;
  store.clock = () => 20_000 * DAY_MS + ahead;
  world = await openWorld(store, { pollMs: 3_600_000, monotonic: () => ahead });
});
afterEach(() => world.close());

const keys = () => [...(store.rows.get("data_key")?.keys() ?? [])];

/** As an owner's command does it: the key is dropped, and a row says so. */
function erase(id: string): Promise<void> {
  return world.ledger.run({
    needs: [],
    apply(view) {
      const row = view.get("data_key", id);
      if (row === undefined) throw new Error("no such key");
      const data = { ...row.data, wrapped: null, erasedAt: view.now };
      return { answer: undefined, changes: [{ table: "data_key", id, rev: row.rev, data }], entries: [{ type: "event", event: "arguments_erased", at: view.now, detail: { key: id } }] };
    },
  });
}

describe("what is sealed", () => {
  it("is opened for its request alone, and not where anything of it was changed", async () => {
    const sealed = await world.sealer.seal("the arguments", "r1");
    expect(await world.sealer.open(sealed, "r1")).toBe("the arguments");
    expect(JSON.stringify(sealed)).not.toContain(Buffer.from("the arguments").toString("base64").slice(0, 12));
    const flip = (text: string) => `${text.startsWith("A") ? "B" : "A"}${text.slice(1)}`;
    await expect(world.sealer.open(sealed, "r2")).rejects.toThrow();
    for (const part of ["iv", "tag", "data"] as const) await expect(world.sealer.open({ ...sealed, [part]: flip(sealed[part]) }, "r1")).rejects.toThrow();
  });

  it("is under one key a day, which is made once by all who need it", async () => {
    const sealed = await Promise.all(["a", "b", "c"].map((id) => world.sealer.seal(id, id)));
    expect(new Set(sealed.map(({ key }) => key))).toEqual(new Set(keys()));
    expect(keys()).toHaveLength(1);
    ahead = DAY_MS;
    const next = await world.sealer.seal("d", "d");
    expect(keys()).toEqual([sealed[0]?.key, next.key]);
    expect(store.lines.filter(({ event }) => event === "data_key_made")).toHaveLength(2);
  });

  it("is not where the key of the day is lost again and again: the store is told to be away, and nobody waits for ever", async () => {
    const { ledger } = world;
    const forgetful = { ...ledger, resident: { ...ledger.resident, now: 20_000 * DAY_MS, all: () => [] }, run: async () => "dk_lost" } as unknown as World["ledger"]; // answers, and keeps nothing
    await expect(createSealer(forgetful, INSTALLATION_KEY).seal("text", "r1")).rejects.toMatchObject({ code: "store_unavailable", maybe: false });
  });

  it("is opened after a restart, by every instance, and by no other installation's key", async () => {
    const sealed = await world.sealer.seal("text", "r1");
    const other = await openWorld(store, { pollMs: 3_600_000, monotonic: () => ahead });
    expect(await other.sealer.open(sealed, "r1")).toBe("text");
    await expect(createSealer(other.ledger, createSecretKey(Buffer.alloc(32, 8))).open(sealed, "r1")).rejects.toThrow();
    expect(() => createSealer(other.ledger, createSecretKey(Buffer.alloc(16, 8)))).toThrow(TypeError);
    await other.close();
  });

  it("is opened by an instance that has not heard of its key yet", async () => {
    store.hints = false;
    const other = await openWorld(store, { pollMs: 3_600_000, monotonic: () => ahead });
    const sealed = await world.sealer.seal("text", "r1");
    expect(other.ledger.resident.get("data_key", sealed.key)).toBeUndefined();
    expect(await other.sealer.open(sealed, "r1")).toBe("text");
    await other.close();
  });

  it("is gone with its key, and the next is sealed under another", async () => {
    const sealed = await world.sealer.seal("text", "r1");
    await erase(sealed.key);
    expect(await world.sealer.open(sealed, "r1")).toBeUndefined();
    expect((await world.sealer.seal("text", "r1")).key).not.toBe(sealed.key);
    // Whoever still has the installation's key finds nothing to unwrap.
    expect(await createSealer(world.ledger, INSTALLATION_KEY).open(sealed, "r1")).toBeUndefined();
  });
});

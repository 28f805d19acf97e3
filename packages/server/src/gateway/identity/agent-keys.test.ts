import { describe, expect, it } from "vitest";
import { createAgentKeys, FRESH_MS, type KeyStanding } from "./agent-keys.ts";

const SECRET = `csk_k1_${"s".repeat(43)}`;
const KNOWN: KeyStanding = { kind: "known", key: { id: "k1", name: "bot", principal: "key:k1", owner: null, expiresAt: null, now: 0 } };

function open(): { readonly keys: ReturnType<typeof createAgentKeys>; looks: number; says: KeyStanding; at: number; readonly lost: string[] } {
  const world = { looks: 0, says: KNOWN, at: 0, lost: [] as string[] };
  const keys = createAgentKeys({
    look: async () => {
      world.looks += 1;
      return world.says;
    },
    onLost: (secret) => void world.lost.push(secret),
    now: () => world.at,
  });
  return Object.assign(world, { keys });
}

describe("an agent's key", () => {
  it("is asked about once for many calls, and anew while they go on", async () => {
    const world = open();
    await Promise.all(Array.from({ length: 50 }, async () => world.keys.verify(SECRET)));
    expect(world.looks).toBe(1);
    for (world.at = 0; world.at < FRESH_MS / 2; world.at += 10) expect(world.keys.verify(SECRET)).toBe(KNOWN); // at once: no promise
    expect(world.looks).toBe(1);
    world.at = FRESH_MS - 500;
    expect(world.keys.verify(SECRET)).toBe(KNOWN);
    expect(world.looks).toBe(2);
  });

  it("that was revoked opens nothing after three seconds, however busy it is", async () => {
    const world = open();
    await world.keys.verify(SECRET);
    world.says = { kind: "unknown" };
    let last = 0;
    for (world.at = 0; world.at <= 20_000; world.at += 100) if ((await world.keys.verify(SECRET)).kind === "known") last = world.at;
    expect(last).toBeLessThan(3_000);
    expect(world.lost).toEqual([SECRET]);
  });

  it("is refused where nobody can say whether it is good, once what was heard is too old", async () => {
    const world = open();
    expect((await world.keys.verify(SECRET)).kind).toBe("known");
    world.says = { kind: "unreachable" };
    world.at = FRESH_MS - 1;
    expect((await world.keys.verify(SECRET)).kind).toBe("known");
    world.at = FRESH_MS;
    expect((await world.keys.verify(SECRET)).kind).toBe("unreachable");
    world.says = KNOWN;
    expect((await world.keys.verify(SECRET)).kind).toBe("known");
  });

  it("that has no key's shape is refused without asking; a flood of made-up ones asks for some at a time only", async () => {
    const world = open();
    for (const wrong of ["csk_", "csk_a_b", `${SECRET}x`, `csk_../../x_${"s".repeat(43)}`, ""]) expect(await world.keys.verify(wrong)).toEqual({ kind: "unknown" });
    expect(world.looks).toBe(0);
    world.says = { kind: "unknown" };
    const flood = await Promise.all(Array.from({ length: 1_000 }, async (_, index) => world.keys.verify(`csk_k${index}_${"s".repeat(43)}`)));
    expect(world.looks).toBe(64);
    expect(flood.filter(({ kind }) => kind === "known")).toEqual([]);
  });
});

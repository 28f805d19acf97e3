import { pathToFileURL } from "node:url";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { breakOnPurpose, forgetBroken, MUTANTS } from "../fixture/mutants.ts";
import type * as AtOnce from "../fixture/decide-at-once.ts";
import type * as Commands from "../fixture/model-commands.ts";
import type * as Run from "../fixture/model-run.ts";
import type * as Stores from "../fixture/turned-stores.ts";
import type * as Worlds from "../fixture/world.ts";
import type * as Votes from "../fixture/vote-sequences.ts";
import type * as Memory from "../fixture/memory-store.ts";

const LIVES = 3_000;
const SEQUENCES = 5_000;

afterAll(forgetBroken);

/** From the broken copy: it has the types of what it was made from. */
const load = async <T>(folder: string, file: string): Promise<T> => (await import(pathToFileURL(join(folder, "control", "fixture", file)).href)) as T;

/** What the random lives of request-model.test.ts find, or undefined. */
async function liveIn(folder: string): Promise<string | undefined> {
  const { live, lives } = await load<typeof Commands>(folder, "model-commands.ts");
  const { ModelRun } = await load<typeof Run>(folder, "model-run.ts");
  const { turnedMemory } = await load<typeof Stores>(folder, "turned-stores.ts");
  const property = fc.asyncProperty(lives(60), async (commands) => live(await ModelRun.start({ instances: turnedMemory().instances, tenant: "t" }), commands));
  const { failed, errorInstance } = await fc.check(property, { numRuns: LIVES, endOnFailure: true });
  return failed ? String(errorInstance) : undefined;
}

/** What the random votes of quorum.test.ts find. */
async function voteIn(folder: string): Promise<string | undefined> {
  const { seeded } = await load<typeof AtOnce>(folder, "decide-at-once.ts");
  const { voteInSequences } = await load<typeof Votes>(folder, "vote-sequences.ts");
  await voteInSequences(SEQUENCES, seeded(1));
  return undefined;
}

/** What the histories of linearizable.test.ts find, on two instances. */
async function decideIn(folder: string): Promise<string | undefined> {
  const { decideAtOnce, decideThrough, seeded, VOTERS } = await load<typeof AtOnce>(folder, "decide-at-once.ts");
  const { agentKey, openWorld, person, put } = await load<typeof Worlds>(folder, "world.ts");
  const { MemoryStore } = await load<typeof Memory>(folder, "memory-store.ts");
  const store = new MemoryStore();
  const worlds = [await openWorld(store), await openWorld(store)] as const;
  await put(worlds[0].ledger, ...VOTERS.map((id) => person(id)), agentKey("k2"));
  const deciders = worlds.map((world) => ({ decide: (request: Parameters<typeof decideThrough>[1], decision: Parameters<typeof decideThrough>[2]) => decideThrough(world, request, decision) }));
  const { violations } = await decideAtOnce(worlds[0], { requests: 60, deciders, random: seeded(1) });
  for (const world of worlds) await world.close();
  return violations[0];
}

const FINDERS = { lives: liveIn, votes: voteIn, history: decideIn } as const;

describe("a control plane that", () => {
  it.each(MUTANTS)("$name is found out by the $foundBy", { timeout: 120_000 }, async (mutant) => {
    const folder = breakOnPurpose(mutant);
    const found = await FINDERS[mutant.foundBy](folder).catch((error: unknown) => String(error));
    expect(found).toBeTypeOf("string");
    expect(found).not.toMatch(/SyntaxError|Cannot find|is not defined/);
  });

  it("has nothing broken is not found out", { timeout: 120_000 }, async () => {
    const folder = breakOnPurpose({ name: "whole", file: "control/request/move.ts", from: "now >= expiresAt ?", to: "now >= expiresAt ?", foundBy: "lives" });
    expect(await decideIn(folder)).toBeUndefined();
  });
});

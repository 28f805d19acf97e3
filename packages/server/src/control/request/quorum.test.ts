import { randomInt } from "node:crypto";
import { expect, it } from "vitest";
import { seeded } from "../fixture/decide-at-once.ts";
import { ModelRun } from "../fixture/model-run.ts";
import { PEOPLE, TOOLS } from "../fixture/request-model.ts";
import { turnedMemory } from "../fixture/turned-stores.ts";

const seed = Number(process.env["COUNTERSIGN_SEED"] ?? randomInt(2 ** 31));
const SEQUENCES = process.env["COUNTERSIGN_LONG"] === "1" ? 10_000 : 2_000;
const PER_RUN = 50;
const VOTES = 8;

it(`R17: each vote counts once, for whom and what it may, over the same digest, in ${SEQUENCES} random vote sequences (seed ${seed})`, { timeout: 600_000 }, async () => {
  const random = seeded(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] ?? expect.fail("an empty list");
  const chance = (share: number): boolean => random() < share;
  const ends = new Set<string>();
  for (let made = 0; made < SEQUENCES; ) {
    const run = await ModelRun.start({ instances: turnedMemory().instances, tenant: "t" });
    try {
      await run.activate(0, Math.floor(random() * 3));
      for (let index = 0; index < PER_RUN; index++, made++) {
        if (chance(0.2)) await run.delegate(0, "ann", pick(["bob", "cy", "own"]), chance(0.7));
        if (chance(0.2)) await run.setPerson(0, pick(PEOPLE), chance(0.8), chance(0.8));
        if (chance(0.1)) await run.setOnePerson(0, chance(0.5));
        await run.ask(0, chance(0.5) ? "k1" : "k2", pick(TOOLS), index);
        const request = run.model.requests.at(-1);
        if (request === undefined) continue;
        for (let vote = 0; vote < VOTES; vote++) await run.vote(vote % 2, request, pick(PEOPLE), chance(0.85), chance(0.6), chance(0.1));
        ends.add(request.state);
      }
      await run.check();
    } finally {
      await run.close();
    }
  }
  expect([...ends].toSorted()).toEqual(["approved", "denied", "pending"]);
});

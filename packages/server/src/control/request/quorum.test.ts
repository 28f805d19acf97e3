import { randomInt } from "node:crypto";
import { expect, it } from "vitest";
import { seeded } from "../fixture/decide-at-once.ts";
import { voteInSequences } from "../fixture/vote-sequences.ts";

const seed = Number(process.env["COUNTERSIGN_SEED"] ?? randomInt(2 ** 31));
const SEQUENCES = process.env["COUNTERSIGN_LONG"] === "1" ? 10_000 : 2_000;

it(`R17: each vote counts once, for whom and what it may, over the same digest, in ${SEQUENCES} random vote sequences (seed ${seed})`, { timeout: 600_000 }, async () => {
  const ends = await voteInSequences(SEQUENCES, seeded(seed));
  expect(["approved", "denied", "pending"].filter((end) => !ends.has(end))).toEqual([]);
});

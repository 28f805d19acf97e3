import { integer, readConfigureGlobal, sample } from "fast-check";
import { expect, it } from "vitest";

it("COUNTERSIGN_SEED is what properties draw from", ({ skip }) => {
  const given = process.env["COUNTERSIGN_SEED"];
  if (given === undefined) return skip("COUNTERSIGN_SEED is not set: this run draws anew");
  const seed = Number(given);
  expect(readConfigureGlobal()).toMatchObject({ seed });
  expect(sample(integer(), 5)).toEqual(sample(integer(), { seed, numRuns: 5 }));
});

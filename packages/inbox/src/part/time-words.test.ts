import { describe, expect, it } from "vitest";
import { agoWords, count, durationWords, elapsedWords, shortDuration } from "./time-words.ts";

describe("times in words", () => {
  it("a ring has room for four characters", () => {
    expect([0, 9_999, 65_000, 599_000, 600_000, 3_600_000, 90_000_000].map(shortDuration)).toEqual(["0:00", "0:09", "1:05", "9:59", "10m", "1h", "1d"]);
  });

  it("lengths, moments and counts", () => {
    expect([1000, 61_000, 7_200_000].map(durationWords)).toEqual(["1 second", "1 minute", "2 hours"]);
    expect([12.4, 1400, 120_000].map(elapsedWords)).toEqual(["12 ms", "1.4 s", "2 minutes"]);
    expect([agoWords(1000, 2000), agoWords(0, 60_000)]).toEqual(["just now", "1 minute ago"]);
    expect([count(1, "call"), count(10_000, "call")]).toEqual(["1 call", "10,000 calls"]);
  });
});

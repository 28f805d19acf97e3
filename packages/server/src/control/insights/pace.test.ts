import { describe, expect, it } from "vitest";
import { isHeavy, isRubberStamp, leastReadingMs, paceOf } from "./pace.ts";

describe("how quickly people decide", () => {
  it("the median is the middle or half way between the two in the middle, the 95th percentile the nearest rank", () => {
    expect(paceOf([])).toEqual({ medianMs: null, p95Ms: null });
    expect(paceOf([7])).toEqual({ medianMs: 7, p95Ms: 7 });
    expect(paceOf([100, 2, 30, 4])).toEqual({ medianMs: 17, p95Ms: 100 });
    expect(paceOf(Array.from({ length: 100 }, (_, index) => 100 - index))).toEqual({ medianMs: 50.5, p95Ms: 95 });
  });

  it("a call is heavy where a policy asks for more than one yes, or where it is longer than a screen", () => {
    expect([isHeavy({ guarded: false, length: 4096 }), isHeavy({ guarded: false, length: 4097 }), isHeavy({ guarded: true, length: 2 }), isHeavy({ guarded: false, length: null })]).toEqual([false, true, true, false]);
  });

  it("the least time to read grows with the length, and is two seconds where that is not known", () => {
    expect([leastReadingMs(null), leastReadingMs(0), leastReadingMs(4_000), leastReadingMs(100_000)]).toEqual([2_000, 2_000, 22_000, 502_000]);
  });

  it("warns from five heavy approvals on, and only where more than half came too soon", () => {
    const of = (approvals: number, quick: number): boolean => isRubberStamp({ approvals, quick });
    expect([of(4, 4), of(5, 2), of(5, 3), of(6, 3), of(6, 4), of(0, 0)]).toEqual([false, false, true, false, true, false]);
  });
});

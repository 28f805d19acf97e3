import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { setLongTimeout } from "./timer.ts";

const THIRTY_DAYS_MS = 30 * 24 * 3600_000;

describe("setLongTimeout", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it("fires once, after the delay and not before", () => {
    const run = vi.fn();
    setLongTimeout(run, 1000);
    vi.advanceTimersByTime(999);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it.each([2 ** 31 - 1, 2 ** 31, 2 ** 32 + 5, THIRTY_DAYS_MS, 4 * THIRTY_DAYS_MS])("keeps a window of %d ms whole", (ms) => {
    const run = vi.fn();
    setLongTimeout(run, ms);
    vi.advanceTimersByTime(ms - 1);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it("never fires after it was cleared, also between two links of the chain, and clearing twice is harmless", () => {
    const run = vi.fn();
    const timer = setLongTimeout(run, THIRTY_DAYS_MS);
    vi.advanceTimersByTime(2 ** 31 + 10);
    timer.clear();
    timer.clear();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(THIRTY_DAYS_MS);
    expect(run).not.toHaveBeenCalled();
  });

  it("takes a delay below zero as zero", () => {
    const run = vi.fn();
    setLongTimeout(run, -5);
    vi.advanceTimersByTime(0);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("refuses %d", (ms) => {
    expect(() => setLongTimeout(() => {}, ms)).toThrow(TypeError);
  });
});

describe("setLongTimeout with real timers", () => {
  it("keeps the process alive unless told not to", () => {
    const spy = vi.spyOn(globalThis, "setTimeout");
    const held = setLongTimeout(() => {}, 60_000);
    const loose = setLongTimeout(() => {}, 60_000, { unref: true });
    const refs = spy.mock.results.map(({ value }) => value.hasRef());
    held.clear();
    loose.clear();
    spy.mockRestore();
    expect(refs).toEqual([true, false]);
  });
});

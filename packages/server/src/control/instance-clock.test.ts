import { expect, it } from "vitest";
import { InstanceClock } from "./instance-clock.ts";

function clockAt(start: number) {
  let elapsed = 0;
  const clock = new InstanceClock(start, () => elapsed);
  return { clock, pass: (ms: number) => void (elapsed += ms) };
}

it("carries the store's time on, and takes its corrections", () => {
  const { clock, pass } = clockAt(1_000);
  pass(250.7);
  expect(clock.now).toBe(1_250);
  clock.read(5_000);
  pass(10);
  expect(clock.now).toBe(5_010);
});

it("never goes back: a small lead is waited for, and a clock that was set back stretches no window", () => {
  const { clock, pass } = clockAt(10_000);
  pass(500);
  expect(clock.now).toBe(10_500);
  clock.read(10_400);
  expect(clock.now).toBe(10_500);
  pass(300);
  expect(clock.now).toBe(10_700);
  clock.read(10_700 - 600_000);
  pass(1_000);
  expect(clock.now).toBe(11_700);
});

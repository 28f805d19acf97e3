import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { openPreviews } from "./previews.ts";
import type { readRequest } from "./requests.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Requests that are read when the test says so. */
function source() {
  const asked: string[] = [];
  const answers: (() => void)[] = [];
  const read: typeof readRequest = (id) => {
    asked.push(id);
    const said = id === "refused" ? { ok: false, message: "no" } : { ok: true, value: { argumentsText: `{"path":"/${id}"}` } };
    return new Promise((resolve) => answers.push(() => resolve(said as Awaited<ReturnType<typeof readRequest>>))); // of a request only its arguments are looked at
  };
  const answer = async (): Promise<void> => {
    answers.shift()?.();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { asked, answer, previews: openPreviews(read) };
}

it("rows that stay are read two at a time; those that only pass by are not", async () => {
  const { asked, answer, previews } = source();
  const listener = vi.fn();
  const leave = previews.watch({ id: "passing", callDigest: "p" }, listener);
  for (const id of ["a", "b", "c"]) previews.watch({ id, callDigest: id }, listener);
  leave();
  expect(asked).toEqual([]);
  await vi.advanceTimersByTimeAsync(200);
  expect(asked).toEqual(["a", "b"]);
  await answer();
  expect([asked, previews.of("a"), previews.of("b"), listener.mock.calls.length]).toEqual([["a", "b", "c"], "path: /a", undefined, 1]);
  previews.close();
});

it("the same call is read once, and one that was refused is asked for again when its row comes again", async () => {
  const { asked, answer, previews } = source();
  const leave = previews.watch({ id: "refused", callDigest: "r" }, () => undefined);
  previews.watch({ id: "a", callDigest: "same" }, () => undefined);
  previews.watch({ id: "b", callDigest: "same" }, () => undefined);
  await vi.advanceTimersByTimeAsync(200);
  await answer();
  await answer();
  await vi.advanceTimersByTimeAsync(10_000);
  expect([asked, previews.of("same"), previews.of("r")]).toEqual([["refused", "a"], "path: /a", undefined]);
  leave();
  previews.watch({ id: "refused", callDigest: "r" }, () => undefined);
  previews.watch({ id: "c", callDigest: "same" }, () => undefined);
  await vi.advanceTimersByTimeAsync(200);
  expect(asked).toEqual(["refused", "a", "refused"]);
  previews.close();
});

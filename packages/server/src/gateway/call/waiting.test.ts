import { expect, it } from "vitest";
import { progressMessage } from "./waiting.ts";

it("the progress of a wait rises, and a server's own that begins at zero still rises after it", () => {
  const told = [1, 2, 3, 1_000].map((count) => JSON.parse(progressMessage("t", count, "waiting")) as { params: { progress: number } }); // our own
  const values = [...told.map(({ params }) => params.progress), 0, 1];
  for (const [at, value] of values.entries()) if (at > 0) expect(value).toBeGreaterThan(values[at - 1] ?? 0);
  expect(told[0]).toEqual({ jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: "t", progress: -1, message: "waiting" } });
});

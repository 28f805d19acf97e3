// Runs before every test file: a test that leaves a timer, a socket, a process or a watcher behind fails, and so
// does a file whose last hook leaves one. What is unref'd is not seen: it keeps nothing alive.
// A test that knows better says so with a tag: it("…", { tags: ["leaves-sockets"] }, …); see vitest.config.ts.
import { afterAll, afterEach, beforeEach } from "vitest";
import { added, allowedKinds, settled } from "./resources.ts";
import type { Resources } from "./resources.ts";

// Node opens these on first use and keeps them: whoever is first would be blamed.
void [process.stdin, process.stdout, process.stderr];

const atStart = count();
let before: Resources = atStart;
const allowedInFile = new Set<string>();

beforeEach(({ task }) => {
  for (const kind of allowedKinds(task.tags ?? [])) allowedInFile.add(kind);
  before = count();
});

afterEach(async ({ task }) => {
  // Tests that run side by side see each other's resources; the file's own check still sees what stays.
  if (task.concurrent === true) return;
  fail(await settled(() => added(before, count(), allowedKinds(task.tags ?? []))), "test");
});

afterAll(async () => {
  fail(await settled(() => added(atStart, count(), allowedInFile)), "file");
});

function count(): Resources {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

function fail(leftovers: readonly string[], what: "test" | "file"): void {
  if (leftovers.length === 0) return;
  throw new Error(`This ${what} left behind: ${leftovers.join(", ")}. Close, clear or await it.`);
}

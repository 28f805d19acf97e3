import { execFileSync, spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { MAIN } from "./fixture/operator.ts";
import { whyNodeIsTooOld } from "./old-node.ts";

it.each([
  ["22.15.0", true],
  ["22.15.1", true],
  ["24.0.0", true],
  ["100.1.0", true],
  ["22.14.9", false],
  ["20.20.2", false],
  ["18.0.0", false],
])("Node %s: %s", (running, isFine) => {
  const said = whyNodeIsTooOld(running, ">=22.15");
  if (isFine) expect(said).toBeUndefined();
  else expect(said).toContain("needs Node 22.15 or newer");
});

/** Another Node of this machine that is too old, if there is one. */
function findOldNode(): string | undefined {
  return ["/usr/bin/node", "/usr/local/bin/node"].find((path) => {
    try {
      return whyNodeIsTooOld(execFileSync(path, ["-p", "process.versions.node"], { encoding: "utf8" }).trim()) !== undefined;
    } catch {
      return false;
    }
  });
}

it("a Node that is too old is told which one is needed, and nothing is loaded that would crash it", ({ skip }) => {
  const old = findOldNode();
  if (old === undefined) return skip("no Node older than the package asks for in /usr/bin or /usr/local/bin");
  const { status, stdout, stderr } = spawnSync(old, [MAIN, "up"], { encoding: "utf8" });
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(/^countersign needs Node 22\.15 or newer; this is Node \d+\.\d+\.\d+ \(.+\)\. Install a newer one: .+\n$/);
});

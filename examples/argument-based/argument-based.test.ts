import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { runStory } from "../testing/run-story.ts";
import { pick } from "../testing/story-sandbox.ts";

it("writes below tmp/ run, writes elsewhere do not, and a path that leads out of tmp/ is elsewhere", async () => {
  const { code, output, errors, folder, rows, record } = await runStory("argument-based");
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  expect(output.trimEnd().split("\n")).toEqual(
    ["argumentBasedHandler", "approveWhen"].flatMap((name) => [
      `${name}: tmp/notes.txt written`,
      `${name}: etc/passwd denied`,
      `${name}: tmp/../etc/passwd denied`,
    ]),
  );
  expect(readFileSync(`${folder}/tmp/notes.txt`, "utf8")).toBe("approveWhen");
  expect(existsSync(`${folder}/etc/passwd`)).toBe(false);
  const statuses = pick(rows, "approval", "status", "approver").map(({ status, approver }) => `${String(status)} ${String(approver)}`);
  const each = ["approved auto_tmp_rule", "denied auto_tmp_rule", "denied auto_tmp_rule"];
  expect(statuses).toEqual([...each, ...each]);
  expect(record.ok).toBe(true);
});

import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { runStory } from "../testing/run-story.ts";
import { pick } from "../testing/story-sandbox.ts";

it("autoDeny gives the agent the original error, and nothing is written or sent", async () => {
  const { code, output, errors, folder, rows, record } = await runStory("auto-deny");
  expect(code).toBe(0);
  expect(output).toBe("approval_denied: File writes require approval\n");
  expect(errors).toBe("");
  expect(existsSync(`${folder}/output.txt`)).toBe(false);
  expect(pick(rows, "approval", "status", "approver", "human")).toEqual([{ status: "denied", approver: "auto_deny", human: false }]);
  expect(pick(rows, "intent")).toEqual([]);
  expect(record).toMatchObject({ ok: true, files: [{ closed: true }] });
});

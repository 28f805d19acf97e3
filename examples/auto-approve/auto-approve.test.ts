import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { runStory } from "../testing/run-story.ts";
import { pick } from "../testing/story-sandbox.ts";

it("autoApprove runs the blocked call, warns once that nobody is asked, and the record says that no human approved", async () => {
  const { code, output, errors, folder, rows, record } = await runStory("auto-approve");
  expect(code).toBe(0);
  expect(output).toBe(`Successfully wrote to ${folder}/output.txt\n`);
  expect(readFileSync(`${folder}/output.txt`, "utf8")).toBe("Hello from governed agent!");
  expect(errors).toMatch(/^countersign: autoApprove answers approval requests in this process: nobody is asked/);
  expect(pick(rows, "decision", "policyId", "action", "decisive")).toEqual([
    { policyId: "mcp:filesystem:write_file", action: "block", decisive: ["file-writes-need-approval"] },
  ]);
  expect(pick(rows, "approval", "status", "approver", "human")).toEqual([{ status: "approved", approver: "auto_approve", human: false }]);
  expect(pick(rows, "outcome", "outcome")).toEqual([{ outcome: "completed" }]);
  expect(record).toMatchObject({ ok: true, problems: [], files: [{ closed: true }] });
});

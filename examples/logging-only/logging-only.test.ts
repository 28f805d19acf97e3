import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { runStory } from "../testing/run-story.ts";
import { pick } from "../testing/story-sandbox.ts";

it("blocked calls are logged without their arguments and run, with auditOnly and with a handler of one's own", async () => {
  const { code, output, errors, folder, rows, record } = await runStory("logging-only");
  expect(code).toBe(0);
  expect(output).toBe(`Successfully wrote to ${folder}/first.txt\nSuccessfully wrote to ${folder}/second.txt\n`);
  expect(errors).toBe(
    "WOULD HAVE BLOCKED: write_file (reason: File writes require approval, approvers: ops-team@company.com)\n" +
      "AUDIT write_file (reason: File writes require approval, approvers: ops-team@company.com)\n",
  );
  expect(readFileSync(`${folder}/first.txt`, "utf8")).toBe("Logged.");
  expect(readFileSync(`${folder}/second.txt`, "utf8")).toBe("Logged as well.");
  expect(pick(rows, "approval", "status", "approver")).toEqual([
    { status: "approved", approver: "audit_bypass" },
    { status: "approved", approver: "audit_bypass" },
  ]);
  expect(record.ok).toBe(true);
});

import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { runStory } from "../testing/run-story.ts";
import { pick } from "../testing/story-sandbox.ts";

const SHOWN = "Tool blocked: File writes require approval\nOperation: write_file\nApprovers: ops-team@company.com\n";

it("an async handler that approves lets the call run", async () => {
  const { code, output, folder, rows, record } = await runStory("custom-handler", { env: { APPROVED_OPERATION: "write_file" } });
  expect(code).toBe(0);
  expect(output).toBe(`${SHOWN}Successfully wrote to ${folder}/output.txt\n`);
  expect(readFileSync(`${folder}/output.txt`, "utf8")).toBe("Approved elsewhere.");
  const [approval] = pick(rows, "approval", "status", "approver", "human", "elapsedMs");
  expect(approval).toEqual({ status: "approved", approver: "custom-system", human: undefined, elapsedMs: expect.any(Number) });
  expect(approval?.["elapsedMs"]).toBeGreaterThanOrEqual(199);
  expect(record.ok).toBe(true);
});

it("an async handler that denies gives the agent the original error, and nothing is written", async () => {
  const { code, output, folder, rows, record } = await runStory("custom-handler", { env: { APPROVED_OPERATION: "read_text_file" } });
  expect(code).toBe(0);
  expect(output).toBe(`${SHOWN}approval_denied: MCP tool call blocked: mcp:filesystem:write_file: File writes require approval\n`);
  expect(existsSync(`${folder}/output.txt`)).toBe(false);
  expect(pick(rows, "approval", "status", "approver")).toEqual([{ status: "denied", approver: "custom-system" }]);
  expect(record.ok).toBe(true);
});

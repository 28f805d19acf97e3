import { existsSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { describe, expect, it } from "vitest";
import { runStory } from "../testing/run-story.ts";
import { pick } from "../testing/story-sandbox.ts";
import { startOnTerminal, terminal } from "../testing/terminal-story.ts";

const ASKED = "Approve this operation? (y/n): ";

describe("promptApproval", () => {
  it("shows the block of the guide and runs the call on y", async ({ skip }) => {
    skip(terminal.path === undefined, terminal.missing);
    const story = startOnTerminal("prompt");
    const shown = await story.see(ASKED);
    expect(shown).toContain(
      "!! BLOCKED BY APPROVAL POLICY\nReason: File writes require approval\nOperation: write_file\nApprovers: ops-team@company.com\nTimeout: 5 min\n",
    );
    expect(shown).toContain('|   "content": "Hello from governed agent!",\n');
    await story.answer("y");
    const { code, output, folder, rows, record } = await story.end();
    expect(code).toBe(0);
    expect(output).toContain(`Successfully wrote to ${folder}/output.txt`);
    expect(readFileSync(`${folder}/output.txt`, "utf8")).toBe("Hello from governed agent!");
    expect(pick(rows, "approval", "status", "approver", "human", "channel")).toEqual([
      { status: "approved", approver: userInfo().username, human: true, channel: "terminal" },
    ]);
    expect(pick(rows, "decision", "agent", "user")).toEqual([{ agent: "file-manager", user: "user-123" }]);
    expect(record).toMatchObject({ ok: true, files: [{ closed: true }] });
  });

  it.for(["n", "\u0003"])("gives the agent the original error on %j, and the file is not there", async (key, { skip }) => {
    skip(terminal.path === undefined, terminal.missing);
    const story = startOnTerminal("prompt");
    await story.see(ASKED);
    await story.answer(key);
    const { code, output, folder, rows, record } = await story.end();
    expect(code).toBe(0);
    expect(output).toContain("MCP tool call blocked: mcp:filesystem:write_file: File writes require approval");
    expect(existsSync(`${folder}/output.txt`)).toBe(false);
    expect(pick(rows, "approval", "status", "human")).toEqual([{ status: "denied", human: true }]);
    expect(record.ok).toBe(true);
  });

  it("denies where there is no terminal, and says what to do", async () => {
    const { code, output, errors, folder, rows } = await runStory("prompt");
    expect(code).toBe(0);
    expect(output).toBe("MCP tool call blocked: mcp:filesystem:write_file: File writes require approval\n");
    expect(errors).toMatch(/nobody could be asked.*Run it in a terminal, or configure another approval handler\.\n$/);
    expect(existsSync(`${folder}/output.txt`)).toBe(false);
    expect(pick(rows, "approval", "status", "human")).toEqual([{ status: "denied", human: false }]);
  });
});

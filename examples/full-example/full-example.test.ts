import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runStory } from "../testing/run-story.ts";
import { pick } from "../testing/story-sandbox.ts";
import { startOnTerminal, terminal } from "../testing/terminal-story.ts";

const READ = "Read succeeded: Hello from the scratch folder.\n";
const DENIED = "Write denied: MCP tool call blocked: mcp:filesystem:write_file: File writes require approval\n";
const ASKED = "Allow this tool call? (y/n): ";

describe("the full example", () => {
  it("reads without asking, shows the whole write, and runs it on y", async ({ skip }) => {
    skip(terminal.path === undefined, terminal.missing);
    const story = startOnTerminal("full-example");
    const shown = await story.see(ASKED);
    expect(shown).toContain(READ);
    expect(shown).toContain(
      "  === MCP Tool Call Review ===\n  Reason: File writes require approval\n  Operation: write_file\n  Approvers: ops-team@company.com\n",
    );
    expect(shown).toContain('  |   "content": "Written after approval!",\n');
    await story.answer("y");
    const { code, output, folder, rows, record } = await story.end();
    expect(code).toBe(0);
    expect(output).toContain(`Write succeeded: Successfully wrote to ${folder}/output.txt\n`);
    expect(readFileSync(`${folder}/output.txt`, "utf8")).toBe("Written after approval!");
    expect(pick(rows, "decision", "policyId", "action", "agent", "user")).toEqual([
      { policyId: "mcp:filesystem:read_text_file", action: "allow", agent: "file-manager", user: "demo-user" },
      { policyId: "mcp:filesystem:write_file", action: "block", agent: "file-manager", user: "demo-user" },
    ]);
    expect(pick(rows, "approval", "status", "approver", "human")).toEqual([{ status: "approved", approver: "interactive_reviewer", human: true }]);
    expect(record).toMatchObject({ ok: true, files: [{ closed: true }] });
  });

  it.for([
    ["n", { status: "denied", error: undefined }],
    ["\u0004", { status: "denied", error: "the handler threw AbortError" }],
  ] as const)("denies the write on %j, and the file is not there", async ([key, recorded], { skip }) => {
    skip(terminal.path === undefined, terminal.missing);
    const story = startOnTerminal("full-example");
    await story.see(ASKED);
    await story.answer(key);
    const { code, output, folder, rows, record } = await story.end();
    expect(code).toBe(0);
    expect(output).toContain(DENIED);
    expect(existsSync(`${folder}/output.txt`)).toBe(false);
    expect(pick(rows, "approval", "status", "error")).toEqual([recorded]);
    expect(record.ok).toBe(true);
  });

  it("denies at once where there is nobody to answer", async () => {
    const { code, output, folder, record } = await runStory("full-example");
    expect(code).toBe(0);
    expect(output).toMatch(new RegExp(`^${READ}[^]*${DENIED}$`));
    expect(existsSync(`${folder}/output.txt`)).toBe(false);
    expect(record.ok).toBe(true);
  });
});

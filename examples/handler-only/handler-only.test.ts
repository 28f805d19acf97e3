import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runStory } from "../testing/run-story.ts";
import { pick } from "../testing/story-sandbox.ts";
import { startOnTerminal, terminal } from "../testing/terminal-story.ts";

/** The lines between two headings, without the indent that all of them have. */
function section(output: string, heading: string): string {
  const [, rest = ""] = output.split(`\n${heading}\n`);
  return (rest.split(/\n\n?(?=\d\. |Next\n)/)[0] ?? "").replaceAll(/^ {3}/gm, "");
}

/** Attributes of one span of the printed tree. */
function attributes(output: string, span: string): Readonly<Record<string, string>> {
  const tree = section(output, "4. The trace").split("\n");
  const from = tree.findIndex((line) => /^[├└]─ /.test(line) && line.includes(span));
  const to = tree.findIndex((line, index) => index > from && /^[├└]─ /.test(line));
  const lines = tree.slice(from + 1, to === -1 ? undefined : to);
  return Object.fromEntries(lines.flatMap((line) => [...line.matchAll(/(waxell\.mcp\.\w+) +(.+?)\s*$/g)].map(([, key, value]) => [key, value])));
}

describe("handler-only", () => {
  it("without a terminal says what it would ask, denies, and ends well", async () => {
    const { code, output, folder, rows, record } = await runStory("handler-only", { cwd: "/" });
    expect(code).toBe(0);
    expect(output.match(/^(?:\d\. .*|Next)$/gm)).toEqual([
      "1. Policy",
      "2. The agent reads a file",
      "3. The agent wants to write a file",
      "4. The trace",
      "5. The record",
      "Next",
    ]);
    expect(section(output, "2. The agent reads a file")).toBe("read_text_file ran: Hello from the scratch folder.");
    expect(section(output, "3. The agent wants to write a file").split("\n")).toEqual([
      "There is no terminal to ask at, and silence is a no. You would have been asked:",
      "   Reason: File writes require approval",
      '   Call: tool "write_file" on server "filesystem"',
      "   Arguments:",
      "   | {",
      '   |   "content": "# Report\\n\\n',
      '   :     | All is well.\\n",',
      `   |   "path": "${folder}/report.md"`,
      "   | }",
      "write_file did not run: MCP tool call blocked: mcp:filesystem:write_file: File writes require approval",
    ]);
    expect(existsSync(`${folder}/report.md`)).toBe(false);
    expect(pick(rows, "approval", "status", "human", "channel")).toEqual([{ status: "denied", human: false, channel: "terminal" }]);
    expect(record).toMatchObject({ ok: true, files: [{ closed: true }] });
  });

  it("prints the calls as children of the agent's span, with how each was governed", async () => {
    const { output } = await runStory("handler-only");
    const titles = section(output, "4. The trace").split("\n").filter((line) => / \d+ ms$/.test(line));
    expect(titles.map((line) => line.replace(/ {2}\d+ ms$/, ""))).toEqual([
      "invoke_agent file-manager",
      "├─ tools/call read_text_file",
      "└─ tools/call write_file",
    ]);
    const read = attributes(output, "read_text_file");
    expect(read).toMatchObject({ "waxell.mcp.governance_action": "allow", "waxell.mcp.server_name": "filesystem" });
    expect(read).not.toHaveProperty(["waxell.mcp.approval_status"]);
    expect(attributes(output, "write_file")).toMatchObject({
      "waxell.mcp.tool_name": "write_file",
      "waxell.mcp.governance_action": "block",
      "waxell.mcp.governance_reason": "File writes require approval",
      "waxell.mcp.approval_status": "denied",
      "waxell.mcp.approval_elapsed_ms": expect.stringMatching(/^\d+$/),
    });
    expect(section(output, "4. The trace")).not.toContain("All is well");
  });

  it("prints the head and the rows that the verifier finds in the file it names", async () => {
    const { output, record } = await runStory("handler-only");
    const [file] = record.files;
    const printed = Object.fromEntries(section(output, "5. The record").split("\n").map((line) => line.split(/ {2,}/)));
    expect(printed).toMatchObject({ rows: String(file?.rows), chain: "ok", head: `${file?.head.seq} ${file?.head.hash}` });
    const text = readFileSync(printed["file"] ?? "", "utf8");
    expect(text.trimEnd().split("\n")).toHaveLength(file?.rows ?? 0);
    expect(text).not.toContain("All is well");
  });

  it("at a terminal asks, writes on y, and tells who approved", async ({ skip }) => {
    skip(terminal.path === undefined, terminal.missing);
    const story = startOnTerminal("handler-only");
    const shown = await story.see("Approve this operation? (y/n): ");
    expect(shown).toContain("!! BLOCKED BY APPROVAL POLICY\nReason: File writes require approval\nOperation: write_file\n");
    await story.answer("y");
    const { code, output, folder, rows, record } = await story.end();
    expect(code).toBe(0);
    expect(output).toContain(`   write_file ran: Successfully wrote to ${folder}/report.md\n`);
    expect(readFileSync(`${folder}/report.md`, "utf8")).toBe("# Report\n\nAll is well.\n");
    expect(attributes(output, "write_file")).toMatchObject({ "waxell.mcp.approval_status": "approved", "waxell.mcp.human": "true", "waxell.mcp.approval_channel": "terminal" });
    // The read's outcome has a row of its own only where its decision was written before it ended.
    const [asked] = pick(rows, "approval", "callId", "status");
    expect(asked?.["status"]).toBe("approved");
    expect(pick(rows, "outcome", "callId", "outcome")).toContainEqual({ callId: asked?.["callId"], outcome: "completed" });
    expect(record.ok).toBe(true);
  });

  it("at a terminal writes nothing on n", async ({ skip }) => {
    skip(terminal.path === undefined, terminal.missing);
    const story = startOnTerminal("handler-only");
    await story.see("Approve this operation? (y/n): ");
    await story.answer("n");
    const { code, output, folder } = await story.end();
    expect(code).toBe(0);
    expect(output).toContain("   write_file did not run: ");
    expect(existsSync(`${folder}/report.md`)).toBe(false);
  });
});

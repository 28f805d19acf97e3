import { describe, expect, it } from "vitest";
import type { JsonObject } from "../call/json.ts";
import { lintDocument, type LintFacts } from "./lint.ts";
import { readPolicyText } from "./read-document.ts";

const FILES = {
  type: "object",
  properties: {
    path: { type: "string" },
    content: { type: "string" },
    count: { type: "integer" },
    note: { type: ["string", "null"] },
    mode: { enum: ["a", "b"] },
    tags: { type: "array", items: { type: "string" } },
    edits: { type: "array", items: { type: "object", properties: { oldText: { type: "string" }, line: { type: "number" } }, required: ["oldText"] } },
    options: { type: "object", properties: { dryRun: { type: "boolean" } }, required: [] },
    free: { type: "object" },
    extra: { type: "object", properties: { a: { type: "string" } }, additionalProperties: true },
    odd: { anyOf: [{ type: "object", properties: {} }] },
    "odd key": { type: "string" },
  },
  required: ["path", "count", "tags", "edits"],
  additionalProperties: false,
} satisfies JsonObject;
const READ = { type: "object", properties: { path: { type: "number" }, head: { type: "number" } }, required: ["path"] } satisfies JsonObject;
const FACTS: LintFacts = { tools: { files: [{ name: "write", inputSchema: FILES }, { name: "read", inputSchema: READ }, { name: "plain" }], git: [{ name: "push", inputSchema: { type: "object" } }] } };

/** Findings of one condition as `check` prints them. The condition begins at 6:7. */
function said(when: string, { action = "block", facts = FACTS, match = "mcp:files:write", mode = "enforce" } = {}): readonly string[] {
  const text = `version: 1\ndefault: ${action === "allow" ? "block" : "allow"}\npolicies:\n  - name: big\n    when: |\n      ${when}\n    match: ${JSON.stringify(match)}\n    action: ${action}\n    mode: ${mode}\n`;
  return lintDocument(readPolicyText(text, "rules.yaml"), facts).map(({ code, column, line, mend, message }) => `${line}:${column} ${code}: ${message} ${mend}`);
}

describe("lint of conditions says", () => {
  it("which can never be true, or are never false, and at which comparison", () => {
    expect(said("args.path == '/a' && args.path == '/b'")).toEqual([
      "6:28 never_true: policies[0] (big): its condition can never be true: `args.path == '/a'` and `args.path == '/b'` are never both true. Correct the condition, or remove the policy.",
    ]);
    expect(said("args.count > 5 && args.count < 3", { facts: {} })[0]).toContain("6:25 never_true: policies[0] (big): its condition can never be true: `args.count > 5` and `args.count < 3` are never both true.");
    expect(said("1 > 2", { facts: {} })).toEqual(["6:7 never_true: policies[0] (big): its condition can never be true, whatever the call is. Correct the condition, or remove the policy."]);
    expect(said("args.count != 1 || args.count != 2", { facts: {} })).toEqual([
      "6:26 always_true: policies[0] (big): its condition is never false: `args.count != 1` and `args.count != 2` are never both false. Correct the condition, or remove `when` if every call is meant.",
    ]);
    expect(said("true", { facts: {} })[0]).toContain("is never false, whatever the call is.");
  });

  it("what they read without asking that calls need not have, and what comes of it", () => {
    expect(said("args.count > 5 && args.content == ''")).toEqual([
      "6:30 optional_argument: policies[0] (big): its condition reads args.content without asking whether it is there, and calls of write (files) need not have it. The condition has no answer then, and the policy matches. Write `has(args.content) && …`, or `!(has(args.content)) || …` where calls without it are meant too.",
    ]);
    expect(said("args.content == ''", { action: "allow" })[0]).toContain("and the policy does not match.");
    expect(said("args.content == ''", { mode: "observe" })[0]).toContain("and the policy does not match.");
    expect(said("args.edits.exists(e, e.line > 5)")[0]).toContain("reads e.line without asking whether it is there, and calls of write (files) need not have it.");
    expect(said("args['odd key'] == ''")[0]).toContain("Write `'odd key' in args && …`");
    expect(said("args.options.dryRun").map((line) => /reads (\S+)/.exec(line)?.[1])).toEqual(["args.options.dryRun"]);
  });

  it("nothing about what is required, asked for first, or said by no schema", () => {
    for (const fine of [
      "args.count > 5 && args.path == '/a'",
      "has(args.content) && args.content == ''",
      "!has(args.content) || args.content == ''",
      "'content' in args && args.content == ''",
      "args.edits.exists(e, e.oldText == '' || has(e.line) && e.line > 1)",
      "has(args.free) && args.free.anything == 1",
      "has(args.extra) && args.extra.other == 1",
      "has(args.odd) && args.odd.x == 1",
      "size(args) > 3",
      "args.tags.exists(t, t.startsWith('a')) && args.tags[0] == 'x'",
    ]) {
      expect(said(fine), fine).toEqual([]);
    }
    expect(said("args.anything > 5", { facts: {} })).toEqual([]);
    expect(said("args.anything > 5", { match: "mcp:files:plain" })).toEqual([]);
    expect(said("args.anything > 5", { match: "mcp:git:push" })).toEqual([]);
  });

  it("what no tool takes that they read it for", () => {
    expect(said("has(args.contnet) && args.contnet == ''")).toEqual([
      "6:16 unknown_argument: policies[0] (big): its condition reads args.contnet, which write (files) does not take. Did you mean args.content?",
    ]);
    expect(said("args.edits.exists(e, e.newText == '')")).toEqual([
      expect.stringContaining("6:30 unknown_argument: policies[0] (big): its condition reads e.newText, which write (files) does not take."),
    ]);
    // Another tool, or a server that is not known, may take it.
    expect(said("has(args.head) && args.head > 1", { match: "mcp:files:*" })).toEqual([]);
    expect(said("has(args.contnet) && args.contnet == ''", { match: "mcp:*:write" })).toEqual([]);
    expect(said("has(args.contnet) && args.contnet == ''", { match: "mcp:*:write", facts: { tools: { files: [{ name: "write", inputSchema: FILES }] }, servers: [] } })).toHaveLength(1);
  });

  it("where their types are not those of the schema", () => {
    expect(said("args.count == '5'")).toEqual([
      "6:7 argument_type: policies[0] (big): its condition does not fit the input schema of write (files): no such overload: number == string. There args.count is a number.",
    ]);
    expect(said("args.path.startsWith('/') && args.path > 3")[0]).toContain("6:36 argument_type: policies[0] (big): its condition does not fit the input schema of write (files): no such overload: string > number. There args.path is a string.");
    expect(said("size(args.count) > 1")[0]).toContain("found no matching overload for 'size(number)'");
    expect(said("args.tags.exists(t, t > 3)")[0]).toContain("no such overload: string > number. There args.tags is a list of strings.");
    expect(said("args.edits.exists(e, e.oldText == 1)")[0]).toContain("no such overload: string == number");
    expect(said("has(args.options) && has(args.options.dryRun) && args.options.dryRun == 'yes'")[0]).toContain("no such overload: bool == string");
    expect(said("args.path")[0]).toContain("must be true or false, and this is of the type string");
    for (const fine of ["has(args.note) && (args.note == null || args.note == 'x')", "has(args.mode) && args.mode == 'a'", "has(args.free) && args.free == {'a': 1}", "has(args.options) && size(args.options) == 1", "args.edits[args.count].oldText == ''", "args['path'] == '/a'", "args.tags == ['a'] && args.edits != []"]) {
      expect(said(fine), fine).toEqual([]);
    }
  });

  it("each thing for the tools that it is so for, and asks of which tool a part is", () => {
    const both = { match: "mcp:files:*" };
    expect(said("args.path == '/a'", both)).toEqual([expect.stringContaining("does not fit the input schema of read (files): no such overload: number == string.")]);
    expect(said("args.count > 5", both)).toEqual([expect.stringContaining("calls of read (files) need not have it.")]);
    expect(said("tool.name == 'write' && args.path == '/a' && args.count > 5", both)).toEqual([]);
    expect(said("tool.name in ['read', 'x'] ? args.path > 1 : args.path == '/a'", both)).toEqual([]);
    expect(said("server.name == 'git' || args.count > 5", { match: "mcp:files:write" })).toEqual([]);
    expect(said("tool.name == 'read' && args.contnet == ''", { ...both, facts: { tools: { files: FACTS.tools?.["files"]?.slice(0, 2) ?? [] } } })).toEqual([expect.stringContaining("reads args.contnet, which read (files) does not take.")]);
  });
});

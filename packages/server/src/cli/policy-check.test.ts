import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runCli, workspace } from "./fixture/run-cli.ts";

const GOOD = "version: 1\ndefault: allow\npolicies:\n  - { name: ask, match: mcp:fs:write, action: block }\n";
const SLIPS = `version: 1
policies:
  - name: ask
    match: mcp:fs:write
    when: "args.path == '/a' && (args.size > 5 && args.size < 3)"
    action: block

  - name: reading
    match: mcp:fs:read
    action: allow
`;
const BAD = "version: 1\npolicies:\n  - name: ask\n    match: mcp:fs:write\n    action: blok\n  - name: ask\n    match: fs\n    action: allow\n";

describe("policy check", () => {
  it("says how many policies are fine, and exits with 0", async () => {
    const files = await workspace();
    const one = await files.file("one.yaml", GOOD);
    const none = await files.file("none.yaml", "version: 1\ndefault: allow\npolicies: []\n");
    expect(await runCli("policy", "check", one, none)).toEqual({ code: 0, out: `${one}: 1 policy is fine.\n${none}: 0 policies are fine.`, err: "" });
  });

  it("says every problem with file, line and column, of every file, and exits with 1", async () => {
    const files = await workspace();
    const [bad, good] = [await files.file("bad.yaml", BAD), await files.file("good.yaml", GOOD)];
    const { code, err, out } = await runCli("policy", "check", bad, good);
    expect(code).toBe(1);
    const lines = err.split("\n");
    expect(lines[0]).toMatch(`${bad}:5:`);
    expect(lines[0]).toMatch(/action.*"block"|action.*block/);
    expect(err).toContain(`${bad}:7:5: policies[1].match has the pattern "fs", which needs two colons`);
    expect(out).toBe(`${good}: 1 policy is fine.`);
  });

  it("says the same as JSON", async () => {
    const files = await workspace();
    const [bad, good] = [await files.file("bad.yaml", BAD), await files.file("good.yaml", GOOD)];
    const { code, out } = await runCli("policy", "check", bad, good, "--format", "json");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      files: [
        { file: bad, ok: false, policies: 0, problems: [{ line: 5, column: 5 }, { line: 7, column: 5 }] },
        { file: good, ok: true, policies: 1, problems: [] },
      ],
    });
  });

  it("says what is probably not meant as warnings, which fail with --strict only", async () => {
    const files = await workspace();
    const slips = await files.file("slips.yaml", SLIPS);
    const err = [
      `${slips}:1:1: warning: default: is missing, which means that every call that no policy is about runs. Write \`default: allow\` to say so, or \`default: block\`. [missing_default]`,
      `${slips}:5:51: warning: policies[0] (ask): its condition can never be true: \`args.size > 5\` and \`args.size < 3\` are never both true. Correct the condition, or remove the policy. [never_true]`,
      `${slips}:10:5: warning: policies[1] (reading): is an allow that does nothing: the default allows already, and an allow lifts nothing but a blocking default. Remove it. To let calls past a block, use the block's \`except\`. [idle_allow]`,
    ].join("\n");
    expect(await runCli("policy", "check", slips)).toEqual({ code: 0, out: `${slips}: 2 policies, 3 warnings.`, err });
    expect(await runCli("policy", "check", slips, "--strict")).toMatchObject({ code: 1, err });
    const good = await files.file("good.yaml", GOOD);
    expect((await runCli("policy", "check", good, "--strict")).code).toBe(0);
    const { code, out } = await runCli("policy", "check", slips, "--strict", "--format", "json");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      files: [{ ok: true, policies: 2, warnings: [{ code: "missing_default", policy: null, line: 1 }, { code: "never_true", policy: "ask", path: "policies.0.when", line: 5, column: 51, mend: "Correct the condition, or remove the policy." }, { code: "idle_allow" }] }],
    });
  });

  it("says who is nobody that is known", async () => {
    const files = await workspace();
    const asks = await files.file("asks.yaml", "version: 1\ndefault: allow\npolicies:\n  - name: ask\n    match: mcp:fs:write\n    action: block\n    approval:\n      approvers: [ann@example.com, group:ops]\n");
    const known = await files.file("people.txt", "anne@example.com\n\ngroup:ops\n");
    for (const approvers of ["anne@example.com, group:ops", `@${known}`]) {
      expect((await runCli("policy", "check", asks, "--approvers", approvers)).err).toBe(`${asks}:8:19: warning: policies[0] (ask): "ann@example.com" is nobody who is known, and adds nobody. Did you mean "anne@example.com"? [unknown_approver]`);
    }
    expect((await runCli("policy", "check", asks, "--approvers", "ann@example.com,group:ops")).err).toBe("");
    expect((await runCli("policy", "check", asks, "--approvers", "@/no/such")).code).toBe(2);
    expect((await runCli("policy", "check", asks, "--server", "fs")).code).toBe(2);
  });

  it("takes a file that is not there, no file, and an unknown format as wrong usage", async () => {
    expect(await runCli("policy", "check", "/no/such.yaml")).toEqual({ code: 2, out: "", err: "/no/such.yaml: cannot be read: there is no such file. Check the path." });
    expect((await runCli("policy", "check")).code).toBe(2);
    expect((await runCli("policy", "check", "x", "--format", "xml")).code).toBe(2);
    expect((await runCli("policy", "chek")).code).toBe(2);
    expect((await runCli("policy")).code).toBe(2);
  });

  it("shows help, which is no error", async () => {
    const { code, out } = await runCli("policy", "--help");
    expect(code).toBe(0);
    for (const name of ["check", "explain", "test", "diff", "replay", "init", "schema"]) expect(out).toContain(`  ${name} `);
    expect((await runCli("--help")).out).toContain("policy");
  });
});

const FILESYSTEM = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-filesystem/dist/index.js"));

describe("policy check with a server", { tags: ["leaves-processes"] }, () => {
  it("says which tools and arguments its list does not have, and what its schemas say otherwise", async () => {
    const files = await workspace();
    const rules = await files.file("rules.yaml", RULES);
    const { code, err, out } = await runCli("policy", "check", "--strict", rules, "--", process.execPath, FILESYSTEM, files.directory);
    expect(err.replaceAll(rules, "rules.yaml").split("\n")).toEqual([
      'rules.yaml:5:5: warning: policies[0] (a): "mcp:filesystem:write_flie" matches no tool that the server filesystem lists. Did you mean "write_file"? [unknown_tool]',
      "rules.yaml:9:25: warning: policies[1] (b): its condition reads args.pth, which write_file (filesystem) does not take. Did you mean args.path? [unknown_argument]",
      "rules.yaml:13:16: warning: policies[2] (c): its condition reads args.head without asking whether it is there, and calls of read_text_file (filesystem) need not have it. The condition has no answer then, and the policy matches. Write `has(args.head) && …`, or `!(has(args.head)) || …` where calls without it are meant too. [optional_argument]",
      "rules.yaml:17:11: warning: policies[3] (d): its condition does not fit the input schema of write_file (filesystem): no such overload: string > number. There args.path is a string. [argument_type]",
    ]);
    expect({ code, out }).toEqual({ code: 1, out: `${rules}: 4 policies, 4 warnings.` });
    const other = await runCli("policy", "check", rules, "--server", "other", "--", process.execPath, FILESYSTEM, files.directory);
    expect(other).toEqual({ code: 0, out: `${rules}: 4 policies are fine.`, err: "" });
    expect((await runCli("policy", "check", rules, "--", process.execPath, "-e", "0")).code).toBe(1);
  });
});

const RULES = `version: 1
default: allow
policies:
  - name: a
    match: mcp:filesystem:write_flie
    action: block
  - name: b
    match: mcp:filesystem:write_file
    when: '"/a" == args.pth'
    action: block
  - name: c
    match: mcp:filesystem:read_text_file
    when: args.head > 3
    action: block
  - name: d
    match: mcp:filesystem:write_file
    when: args.path > 3
    action: block
`;

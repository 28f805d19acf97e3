import { describe, expect, it } from "vitest";
import { runCli, workspace } from "./fixture/run-cli.ts";

const GOOD = "version: 1\npolicies:\n  - { name: ask, match: mcp:fs:write, action: block }\n";
const BAD = "version: 1\npolicies:\n  - name: ask\n    match: mcp:fs:write\n    action: blok\n  - name: ask\n    match: fs\n    action: allow\n";

describe("policy check", () => {
  it("says how many policies are fine, and exits with 0", async () => {
    const files = await workspace();
    const one = await files.file("one.yaml", GOOD);
    const none = await files.file("none.yaml", "version: 1\npolicies: []\n");
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

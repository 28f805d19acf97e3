import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runCli, workspace } from "./fixture/run-cli.ts";

const POLICY = "version: 1\npolicies:\n  - { name: ask, match: mcp:fs:write, action: block, approval: { quorum: 2 } }\n";
const PASSES = "- case: writes ask\n  call: { server: fs, tool: write }\n  want: { action: block, askable: true, requirements: [{ policy: ask, quorum: 2 }] }\n";
const FAILS = '- case: reads & "runs"\n  call: { server: fs, tool: read }\n  want: { action: allow }\n- case: one is <enough>\n  call: { server: fs, tool: write }\n  want: { action: warn, requirements: [{ quorum: 1 }] }\n';

describe("policy test", () => {
  it("runs the cases of the README", async () => {
    const { code, out } = await runCli("policy", "test", fileURLToPath(new URL("./fixture/countersign.policy.yaml", import.meta.url)));
    expect(code).toBe(0);
    expect(out).toContain("countersign.policy.cases.yaml: 2 of 2 cases passed");
  });

  it("runs the cases beside the document, and exits with 0 where all pass", async () => {
    const files = await workspace();
    const policy = await files.file("p.yaml", POLICY);
    const cases = await files.file("p.cases.yaml", PASSES);
    expect(await runCli("policy", "test", policy)).toEqual({ code: 0, out: `${cases}: 1 of 1 case passed`, err: "" });
  });

  it("shows wanted and got of what differs, with its line, and exits with 1", async () => {
    const files = await workspace();
    const policy = await files.file("p.yaml", POLICY);
    const cases = await files.file("c.yaml", FAILS);
    const { code, out } = await runCli("policy", "test", policy, cases);
    expect(code).toBe(1);
    expect(out).toBe(
      [
        `${cases}: 1 of 2 cases passed`,
        `  FAILED ${cases}:4: one is <enough>`,
        "    action",
        '      - wanted  "warn"',
        '      + got     "block"',
        "    requirements[0].quorum",
        "      - wanted  1",
        "      + got     2",
      ].join("\n"),
    );
  });

  it("writes JUnit XML", async () => {
    const files = await workspace();
    const policy = await files.file("p.yaml", POLICY);
    const cases = await files.file("c.yaml", FAILS);
    const report = join(files.directory, "junit.xml");
    expect((await runCli("policy", "test", policy, cases, "--junit", report)).code).toBe(1);
    const xml = await readFile(report, "utf8");
    expect(xml).toContain('<testsuites name="countersign policy test" tests="2" failures="1">');
    expect(xml).toContain('name="reads &amp; &quot;runs&quot;"');
    expect(xml).toMatch(/name="one is &lt;enough&gt;" file="[^"]+" line="4">\n\s+<failure message="action">action\n/);
  });

  it("runs cases that bring policies of their own", async () => {
    const files = await workspace();
    const policy = await files.file("p.yaml", POLICY);
    const own = await files.file("c.yaml", "- case: own\n  policies: [{ name: w, match: mcp:fs:write, action: warn }]\n  call: { server: fs, tool: write }\n  want: { action: warn, policies: [w] }\n");
    expect((await runCli("policy", "test", policy, own)).code).toBe(0);
    const broken = await files.file("b.yaml", "- case: own\n  policies: [{ name: w, match: nothing, action: warn }]\n  call: { server: fs, tool: write }\n  want: { action: warn }\n");
    expect((await runCli("policy", "test", policy, broken)).out).toContain("needs two colons");
  });

  it("refuses files of cases that are none, with the place, and empty ones", async () => {
    const files = await workspace();
    const policy = await files.file("p.yaml", POLICY);
    const typo = await files.file("c.yaml", "- case: x\n  call: { server: fs, tool: write, tols: 1 }\n  want: { action: block }\n");
    const { code, err } = await runCli("policy", "test", policy, typo);
    expect(code).toBe(1);
    expect(err).toMatch(`${typo}:2:`);
    expect(err).toContain("tols");
    expect((await runCli("policy", "test", policy, await files.file("e.yaml", "[]\n"))).code).toBe(2);
    expect((await runCli("policy", "test", policy)).code).toBe(2);
  });
});

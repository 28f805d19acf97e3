// The situations of docs/policy-cookbook.md: each document loads, each of its cases holds, in process and by the command.
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { readPolicyCases, readPolicyText, runPolicyCase } from "@countersign/sdk/policy";
import { describe, expect, it } from "vitest";
import { EXAMPLES } from "../testing/story-sandbox.ts";

const ROOT = join(EXAMPLES, "..");
const FOLDER = "examples/cookbook";
const COMMAND = join(ROOT, "packages/server/dist/cli/main.js");
const PAGE = readFileSync(join(ROOT, "docs/policy-cookbook.md"), "utf8");
const SITUATIONS = readdirSync(import.meta.dirname).flatMap((name) => /^(.+)\.cases\.yaml$/.exec(name)?.[1] ?? []);

const read = (file: string): string => readFileSync(join(import.meta.dirname, file), "utf8");
const run = (...args: readonly string[]) => promisify(execFile)(process.execPath, [COMMAND, "policy", ...args], { cwd: ROOT });

describe("the cookbook", () => {
  it.each(SITUATIONS)("%s: every case holds", (situation) => {
    const document = readPolicyText(read(`${situation}.yaml`), `${situation}.yaml`);
    const cases = readPolicyCases(read(`${situation}.cases.yaml`), `${situation}.cases.yaml`);
    expect(cases.length).toBeGreaterThan(1);
    for (const one of cases) expect(runPolicyCase(one, document), one.case).toEqual([]);
    // Something runs as well as something does not: a document that blocks all would hold half of its cases.
    expect(cases.map(({ want }) => want.action === "allow" || want["rateLimited"] === false)).toContain(true);
  });

  it.each(SITUATIONS)("%s: `countersign policy test` prints what the page shows", async (situation) => {
    const { stdout } = await run("test", `${FOLDER}/${situation}.yaml`);
    expect(stdout).toMatch(/: (\d+) of \1 cases passed\n$/);
    expect(PAGE).toContain(`\`\`\`text\n${stdout}\`\`\``);
  });

  it("passes `countersign policy check` as it is", async () => {
    const { stderr, stdout } = await run("check", ...SITUATIONS.map((situation) => `${FOLDER}/${situation}.yaml`));
    expect(stderr).toBe("");
    expect(stdout.split("\n").filter((line) => line.includes("ok"))).toHaveLength(SITUATIONS.length);
  });

  it("shows each situation, with its document and its cases, and no other", () => {
    expect(SITUATIONS).toHaveLength(15);
    const shown = [...PAGE.matchAll(/^```yaml file=examples\/cookbook\/(.+)\.yaml$/gm)].map(([, name]) => name);
    expect(shown).toHaveLength(30);
    expect(new Set(shown)).toEqual(new Set(SITUATIONS.flatMap((name) => [name, `${name}.cases`])));
  });
});

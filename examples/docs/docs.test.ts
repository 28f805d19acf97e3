// The pages of docs/ and SECURITY.md say what is so: the programs they quote run here and print what they show, and
// what they list is complete.
import { existsSync, readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { REFUSAL_CODES } from "../../packages/sdk/src/errors.ts";
import { ATTRIBUTE } from "../../packages/sdk/src/otel/attribute.ts";
import { KEYS } from "../../packages/sdk/src/policy/document.ts";
import { ROW_PROBLEMS } from "../../packages/sdk/src/record/row-check.ts";
import { runStory } from "../testing/run-story.ts";
import { createSandbox, EXAMPLES, pick } from "../testing/story-sandbox.ts";

const ROOT = join(EXAMPLES, "..");

function page(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** What differs from run to run: folders, names of record files, what a flush takes together. */
function steady(text: string): string {
  return text.replaceAll(/\/[\w./-]*countersign-example-\w+/g, "FOLDER").replaceAll(/\d{8}T\d{9}Z-\d+/g, "START-PID");
}

describe("what the pages show is what their programs print", () => {
  it.each([
    ["policies", "docs/policies.md"],
    ["approvals", "docs/approvals.md"],
    ["errors", "docs/errors.md"],
    ["clients", "docs/clients.md"],
  ])("%s", async (story, path) => {
    const { code, output, errors, record } = await runStory(`docs/${story}`);
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    for (const line of steady(output).trimEnd().split("\n")) expect(steady(page(path)).split("\n")).toContain(line);
    expect(record).toMatchObject({ ok: true, files: [{ closed: true }] });
  });

  it("record: it verifies, reads, is erased without breaking, and a cut shows against a head kept elsewhere", async () => {
    const { code, output, errors } = await runStory("docs/record");
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    const [, verified = "", read = "", erased = "", cut = ""] = output.split(/^\S.*:\n/m);
    expect(verified).toContain("ok=true, 0 problems");
    expect(read).toContain('decision write_file {"content":"hello",');
    expect(erased).toContain("decision write_file\n");
    expect(erased).not.toContain("hello");
    expect(erased).toContain("ok=true");
    for (const line of cut.trimEnd().split("\n")) expect(page("docs/record.md")).toContain(line.replace(/row \d+ is/, "row 9 is"));
  });

  it("a document with slips is refused with the lines that docs/policies.md shows", () => {
    const program = 'import("@countersign/sdk").then(({ init }) => init()).catch(({ message }) => console.log(message))';
    const env = { ...createSandbox().env, COUNTERSIGN_POLICIES: "docs/policies/slips.policy.yaml" };
    const { stdout } = spawnSync(process.execPath, ["-e", program], { cwd: EXAMPLES, env, encoding: "utf8" });
    expect(stdout.split("\n")).toHaveLength(5);
    expect(page("docs/policies.md")).toContain(stdout);
  });
});

describe("what the pages list is complete", () => {
  it("docs/errors.md has one row for every code, in the order of errors.ts", () => {
    const rows = [...page("docs/errors.md").matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, code]) => code);
    expect(rows).toEqual([...REFUSAL_CODES, "policy_document_invalid", "record_unavailable"]);
  });

  it("docs/traces.md has one row for every attribute", () => {
    const rows = [...page("docs/traces.md").matchAll(/^\| `([\w.]+)` \|/gm)].map(([, name]) => name);
    expect(rows.toSorted()).toEqual(Object.values(ATTRIBUTE).toSorted());
  });

  it("docs/policies.md names every key of a document", () => {
    const text = page("docs/policies.md");
    expect(Object.values(KEYS).flat().filter((key) => !text.includes(`\`${key}`))).toEqual([]);
  });

  it("docs/record.md names every problem that the verifier finds", () => {
    const text = page("docs/record.md");
    const codes = [...ROW_PROBLEMS, "head_missing", "head_differs", "file_missing", "file_renamed"];
    expect(codes.filter((code) => !text.includes(`\`${code}\``))).toEqual([]);
  });

  it("every promise of SECURITY.md names a test that is there", () => {
    const promises = [...page("SECURITY.md").matchAll(/^\| .+ \| \[[^\]]+\]\(([^)]+)\): “(.+)” \|$/gm)];
    expect(promises.length).toBeGreaterThan(20);
    const missing = promises.filter(([, file = "", name = ""]) => !existsSync(join(ROOT, file)) || !page(file).includes(name));
    expect(missing.map(([row]) => row)).toEqual([]);
  });
});

describe("the example policies", () => {
  it("observed policies take no part: the record says what would have happened", async () => {
    const { rows } = await runStory("docs/policies");
    expect(pick(rows, "decision", "tool", "action", "wouldAction", "wouldPolicies").at(0)).toEqual({
      tool: "get_file_info",
      action: "allow",
      wouldAction: "block",
      wouldPolicies: ["info-on-trial"],
    });
  });

  it("a rule that answered for people is told from people", async () => {
    const { rows } = await runStory("docs/approvals");
    expect(pick(rows, "approval", "status", "approver", "human")).toEqual([
      { status: "approved", approver: "small-files", human: false },
      { status: "approved", approver: "lead@company.com, security@company.com", human: true },
      { status: "denied", approver: "security@company.com", human: true },
    ]);
  });
});


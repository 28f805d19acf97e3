// The pages of docs/ and SECURITY.md say what is so: the programs they quote run here and print what they show, and
// what they list is complete.
import { existsSync, readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { init, PolicyDocumentError, shutdown } from "@countersign/sdk";
import { describe, expect, it } from "vitest";
import { runStory } from "../testing/run-story.ts";
import { createSandbox, EXAMPLES, pick } from "../testing/story-sandbox.ts";

const ROOT = join(EXAMPLES, "..");

function page(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** The texts of a list in the SDK's source, which exports only their type. */
function listed(path: string, from: string): readonly string[] {
  const [, list = ""] = page(`packages/sdk/src/${path}`).split(from);
  return [...(list.split(" as const")[0] ?? "").matchAll(/^\s+(?:\w+: )?"([\w.]+)",/gm)].map(([, text = ""]) => text);
}

/** The keys of a document, as its reader names them where one is unknown. */
async function knownKeys(): Promise<readonly string[]> {
  const odd = { qqqqqqqqqqqq: 1 };
  const approval = { escalate: [{ after: "1m", to: ["a"], ...odd }], ...odd };
  const policy = { name: "a", match: "mcp:*:*", action: "block", approval, rate: { limit: 1, per: "1m", ...odd }, ...odd };
  const document = { version: 1, default: { action: "block", ...odd }, policies: [policy], inspection: { tools: { ...odd }, pii: { ...odd } }, ...odd };
  try {
    // Wrong on purpose.
    init({ policies: document as unknown as { version: 1; policies: [] }, record: "memory" });
  } catch (error) {
    if (!(error instanceof PolicyDocumentError)) throw error;
    return error.problems.flatMap(({ mend = "" }) => /^Known keys here: (.*)\.$/.exec(mend)?.[1]?.split(", ") ?? []);
  } finally {
    await shutdown();
  }
  throw new Error("the document was not refused");
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
    expect(stdout.split("\n")).toHaveLength(6);
    expect(page("docs/policies.md")).toContain(stdout);
  });

  it("a document that is probably not meant so comes into force with the lines that docs/policies.md shows", () => {
    const program = 'import("@countersign/sdk").then(({ init, shutdown }) => { init({ onWarning: console.log }); return shutdown(); })';
    const env = { ...createSandbox().env, COUNTERSIGN_POLICIES: "docs/policies/doubtful.policy.yaml" };
    const { stdout } = spawnSync(process.execPath, ["-e", program], { cwd: EXAMPLES, env, encoding: "utf8" });
    expect(stdout.split("\n")).toHaveLength(6);
    expect(page("docs/policies.md")).toContain(stdout);
  });
});

describe("what the pages list is complete", () => {
  it("docs/errors.md has one row for every code, in the order of errors.ts", () => {
    const [codes = "", rest = ""] = page("docs/errors.md").split("## What it carries");
    const rows = [...codes.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, code]) => code);
    expect(rows).toEqual(listed("errors.ts", "REFUSAL_CODES = ["));
    expect(rows).toContain("internal_error");
    expect(rest).toContain(`| \`${new PolicyDocumentError("", []).code}\` |`);
  });

  it("docs/traces.md has one row for every attribute", () => {
    const rows = [...page("docs/traces.md").matchAll(/^\| `([\w.]+)` \|/gm)].map(([, name]) => name);
    const attributes = listed("otel/attribute.ts", "ATTRIBUTE = {");
    expect(attributes).toContain("waxell.mcp.human");
    expect(rows).toHaveLength(attributes.length);
    expect(new Set(rows)).toEqual(new Set(attributes));
  });

  it("docs/policies.md and docs/inspections.md name every key of a document", async () => {
    const text = page("docs/policies.md") + page("docs/inspections.md");
    const keys = await knownKeys();
    expect(keys.length).toBeGreaterThan(30);
    expect(keys.filter((key) => !text.includes(`\`${key}`))).toEqual([]);
  });

  it("docs/policies.md names every code of what is reported", () => {
    const [, reported = ""] = page("docs/policies.md").split("## Reported");
    const codes = listed("policy/lint.ts", "LINT_CODES = [");
    expect(codes.length).toBeGreaterThan(15);
    expect(codes.filter((code) => !reported.includes(`\`${code}\``))).toEqual([]);
  });

  it("docs/record.md names every problem that the verifier finds", () => {
    const text = page("docs/record.md");
    const codes = [...listed("record/row-check.ts", "ROW_PROBLEMS = ["), "head_missing", "head_differs", "file_missing", "file_renamed"];
    expect(codes.length).toBeGreaterThan(12);
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


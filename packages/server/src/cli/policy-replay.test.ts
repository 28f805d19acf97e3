import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RECORDED_POLICY, recordCalls } from "./fixture/record-calls.ts";
import { createWorkspace, runCli, type Workspace } from "./fixture/run-cli.ts";

const CANDIDATE = `
version: 1
policies:
  - { name: no-folders, match: "mcp:filesystem:create_directory", action: block, approval: never }
  - { name: lists-ask, match: "mcp:filesystem:list_directory", action: block }
`;

let files: Workspace;
let state: string;
let candidate: string;
let same: string;

beforeAll(async () => {
  files = await createWorkspace();
  state = join(files.directory, "state");
  candidate = await files.file("candidate.yaml", CANDIDATE);
  same = await files.file("same.yaml", stringify(RECORDED_POLICY));
  const path = (name: string): string => join(files.directory, name);
  await recordCalls(files.directory, state, [
    { tool: "read_text_file", args: { path: candidate } },
    { tool: "list_directory", args: { path: files.directory } },
    { tool: "write_file", args: { path: path("a"), content: "top-secret" }, approve: true },
    { tool: "write_file", args: { path: path("b"), content: "top-secret" }, approve: false },
    { tool: "create_directory", args: { path: path("d") } },
    { tool: "no_such_tool", args: {} },
  ]);
});
afterAll(() => files.remove());

describe("policy replay", () => {
  it("says what would have run and who would have been asked", async () => {
    const { code, out } = await runCli("policy", "replay", candidate, "--record", state);
    expect(code).toBe(0);
    expect(out).toContain("5 recorded calls over 1 day; 5 judged\n1 more call ended before any policy was asked\nApprovals: 2 before, 1 after\n");
    expect(out).toMatch(/Newly allowed: 2 .*; people had denied 1 of them\n {2}mcp:filesystem:write_file: 2 calls, block → allow \(no policy holds it\), last by file-manager at .*; people had denied 1 of them\n/);
    expect(out).toMatch(/Newly blocked: 2 /);
    expect(out).toContain("mcp:filesystem:create_directory: 1 call, allow → block (no-folders)");
    expect(out).toMatch(/More approvals: 1 .*\n {2}mcp:filesystem:list_directory/);
    expect(out).toMatch(/Fewer approvals: 2 /);
    expect(out).not.toContain("top-secret");
  });

  it("finds nothing under the document that was in force", async () => {
    const { code, out } = await runCli("policy", "replay", same, "--record", state, "--fail-on", "any");
    expect(out).toContain("Newly allowed: 0\nNewly blocked: 0\nMore approvals: 0\nFewer approvals: 0");
    expect(code).toBe(0);
  });

  it("fails on what --fail-on names, and on nothing else", async () => {
    const failsOn = async (document: string, change: string) => (await runCli("policy", "replay", document, "--record", state, "--fail-on", change)).code;
    const stricter = await files.file("stricter.yaml", `${stringify(RECORDED_POLICY)}  - { name: more, match: "mcp:*:list_*", action: block }\n`);
    expect(await failsOn(candidate, "newly-allowed")).toBe(1);
    expect(await failsOn(stricter, "newly-allowed")).toBe(0);
    expect(await failsOn(stricter, "newly-blocked")).toBe(1);
    expect(await failsOn(stricter, "any")).toBe(1);
    expect(await failsOn(candidate, "else")).toBe(2);
  });

  it("compares two documents with --baseline", async () => {
    const { out } = await runCli("policy", "replay", candidate, "--record", state, "--baseline", candidate);
    expect(out).toContain("Newly allowed: 0\nNewly blocked: 0");
  });

  it("writes Markdown in which names cannot break out of their cell", async () => {
    const { out } = await runCli("policy", "replay", candidate, "--record", state, "--markdown");
    expect(out).toContain("| Newly allowed | 2 |\n| Newly blocked | 2 |\n| More approvals | 1 |\n| Fewer approvals | 2 |");
    expect(out).toContain("<code>mcp:filesystem:write&#95;file</code> | 2 (1 denial by people) | block | allow |");
  });

  it("proves nothing with an empty record or a time without calls", async () => {
    const early = await runCli("policy", "replay", candidate, "--record", state, "--since", "1ms", "--fail-on", "any");
    expect(early).toMatchObject({ code: 1, err: expect.stringContaining("nothing is proven") });
    expect((await runCli("policy", "replay", candidate, "--record", state, "--since", "1d")).out).toContain("5 recorded calls");
    expect((await runCli("policy", "replay", candidate, "--record", state, "--since", "week")).code).toBe(2);
    expect((await runCli("policy", "replay", candidate, "--record", join(state, "none"))).code).toBe(2);
    expect((await runCli("policy", "replay", candidate)).code).toBe(2);
  });

  it("reads the record/ directory itself, judges by name without keys, and trusts no record that was changed", async () => {
    const record = join(state, "record");
    expect((await runCli("policy", "replay", candidate, "--record", record)).out).toContain("5 judged");
    await rm(join(state, "keys"), { recursive: true });
    expect((await runCli("policy", "replay", candidate, "--record", state)).out).toContain("5 judged");
    const [name = ""] = (await readdir(record)).filter((file) => file.endsWith(".jsonl"));
    const text = await readFile(join(record, name), "utf8");
    await writeFile(join(record, name), text.replace('"tool":"create_directory"', '"tool":"delete_everything"'));
    const changed = await runCli("policy", "replay", candidate, "--record", state);
    expect(changed.code).toBe(1);
    expect(changed.err).toContain("cannot be trusted");
  });
});

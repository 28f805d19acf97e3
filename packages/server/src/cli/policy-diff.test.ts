import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { recordCalls } from "./fixture/record-calls.ts";
import { runCli, workspace } from "./fixture/run-cli.ts";

async function diff(before: string, after: string): Promise<string> {
  const files = await workspace();
  const { code, out } = await runCli("policy", "diff", await files.file("a.yaml", before), await files.file("b.yaml", after));
  expect(code).toBe(0);
  return out.replaceAll(`${files.directory}/`, "");
}
const document = (policies: string, rest = ""): string => `version: 1\n${rest}policies:\n${policies}`;
const ASK = "  - { name: ask, match: 'mcp:fs:delete_*', action: block, approval: { quorum: 2, assurance: passkey } }\n";

describe("policy diff", () => {
  it("says where two documents are the same", async () => {
    expect(await diff(document(ASK), document(ASK, "default: allow\n"))).toBe("a.yaml and b.yaml say the same.");
  });

  it("marks a removed block, and names the calls that run now", async () => {
    const out = await diff(document(ASK), "version: 1\npolicies: []\n");
    expect(out).toContain("! removed policy ask: block mcp:fs:delete_*\n    ! what it blocked may run");
    expect(out).toMatch(/! mcp::delete_other, mcp:fs:delete_other\n {4}before: block: .*\n {4}after: {2}allow: it runs\n {4}! it runs without a question/);
  });

  it("marks nothing where a block is added, and says which calls are held", async () => {
    const out = await diff("version: 1\npolicies: []\n", document(ASK));
    expect(out).not.toContain("!");
    expect(out).toContain("  added policy ask: block mcp:fs:delete_*");
    expect(out).toMatch(/before: allow: it runs\n {4}after: {2}block: it runs only after a yes/);
  });

  it("marks a default that allows, an allow under a blocking default, and a never that can be asked", async () => {
    expect(await diff("version: 1\ndefault: block\npolicies: []\n", "version: 1\npolicies: []\n")).toContain('! changed default: "block" → "allow"');
    const lifted = await diff("version: 1\ndefault: block\npolicies: []\n", document("  - { name: reads, match: 'mcp:fs:read_*', action: allow }\n", "default: block\n"));
    expect(lifted).toContain("! added policy reads: allow mcp:fs:read_*");
    expect(lifted).toContain("! mcp:fs:read_other\n");
    const never = "  - { name: no, match: mcp:fs:rm, action: block, approval: never }\n";
    expect(await diff(document(never), document(never.replace(", approval: never", "")))).toContain("! it can run after a yes");
  });

  it("marks weaker requirements, also where the policy has another name", async () => {
    const out = await diff(document(ASK), document(ASK.replace("quorum: 2, assurance: passkey", "quorum: 1, approvers: [a]")));
    expect(out).toContain("    ! ask: fewer approvals");
    expect(out).toContain("    ! ask: approvers need be known less well");
    const renamed = await diff(document(ASK), document(ASK.replace("name: ask", "name: other")));
    expect(renamed).toContain("The verdict changes for none of");
  });

  it("marks faster throttles, weaker inspection and policies that are observed only", async () => {
    const slow = "  - { name: slow, match: 'mcp:fs:*', action: throttle, rate: { limit: 1, per: 1m } }\n";
    expect(await diff(document(slow), document(slow.replace("limit: 1", "limit: 2")))).toContain("! more calls run in the same time");
    expect(await diff(document(slow), document(slow.replace("action:", "mode: observe, action:")))).toContain("! it no longer holds anything back");
    const inspection = "inspection: { pii: { input: { email: block } } }\n";
    expect(await diff(document(slow, inspection), document(slow, inspection.replace("block", "warn")))).toContain("! changed inspection.pii.input.email: block → warn");
  });

  it("finds calls that two wildcards meet in", async () => {
    const before = "  - { name: files, match: 'mcp:fs:*_file', action: block }\n";
    const after = before.replace("action", "except: 'mcp:fs:tmp_*', action");
    expect(await diff(document(before), document(after))).toMatch(/! mcp:fs:tmp_other_file\n {4}before: block.*\n {4}after: {2}allow/);
  });

  it("judges recorded calls", { tags: ["leaves-processes"] }, async () => {
    const files = await workspace();
    await recordCalls(files.directory, join(files.directory, "state"), [{ tool: "list_directory", args: { path: files.directory } }, { tool: "list_directory", args: { path: files.directory } }]);
    const before = await files.file("a.yaml", "version: 1\npolicies: []\n");
    const after = await files.file("b.yaml", document("  - { name: ask, match: mcp:filesystem:list_directory, action: block }\n"));
    const { out } = await runCli("policy", "diff", before, after, "--record", join(files.directory, "state"));
    expect(out).toContain("The verdict changes, of 2 recorded calls:\n  mcp:filesystem:list_directory (2 calls)\n");
  });
});

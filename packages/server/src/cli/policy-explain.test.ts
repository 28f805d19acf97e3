import { describe, expect, it } from "vitest";
import { runCli, workspace } from "./fixture/run-cli.ts";

const POLICY = `
version: 1
policies:
  - name: writes
    match: ["mcp:filesystem:write_*", "mcp:*:*_file"]
    except: mcp:filesystem:write_log
    action: block
    reason: File writes require approval
    approval: { approvers: [ops@example.com, "group:oncall"], quorum: 2, timeoutMinutes: 30, selfApproval: false }
  - { name: trial, match: "mcp:filesystem:*", action: warn, mode: observe }
  - { name: github, match: "mcp:github:write_file", action: block }
  - { name: deletes, match: "mcp:filesystem:delete_file", action: block }
  - { name: mail, match: "mcp:mail:send", action: block }
`;
const explain = async (...args: readonly string[]) => {
  const files = await workspace();
  return runCli("policy", "explain", await files.file("p.yaml", POLICY), ...args);
};

describe("policy explain", () => {
  it("says the verdict, which policies and patterns led to it, and what it needs", async () => {
    const { code, out } = await explain("--server", "filesystem", "--tool", "write_file", "--args", '{"path":"/tmp/a"}');
    expect(code).toBe(0);
    expect(out.split("\n").slice(0, 7)).toEqual([
      "mcp:filesystem:write_file",
      "  block: it runs only after a yes",
      "  reason: File writes require approval",
      "Matched:",
      "  writes (block), by mcp:filesystem:write_* and mcp:*:*_file; it decides",
      "Needs:",
      "  writes: 2 approvals of ops@example.com, group:oncall, within 30 minutes; not by the person behind the request",
    ]);
    expect(out).toContain("Observed only; enforced, the action would be block:\n  trial (warn), by mcp:filesystem:*");
  });

  it("says why policies nearby did not match: server, tool, exception", async () => {
    const { out } = await explain("--server", "filesystem", "--tool", "write_file");
    expect(out).toContain('github (block): its pattern mcp:github:write_file is for the server "github", and the call\'s server is "filesystem"');
    expect(out).toContain('deletes (block): its pattern mcp:filesystem:delete_file is for the tool "delete_file", and the call\'s tool is "write_file"');
    expect(out).toContain("1 other policy: about something else");
    const log = await explain("--server", "filesystem", "--tool", "write_log");
    expect(log.out).toContain("  allow: it runs\n");
    expect(log.out).toContain("writes (block): its `except` mcp:filesystem:write_log leaves this call out");
  });

  it("judges the call's own keys, however they are written", async () => {
    const files = await workspace();
    const policy = await files.file("keys.yaml", "version: 1\npolicies:\n  - { name: keyed, match: 'mcp:*:*', action: block, when: \"'a' in args\" }\n");
    const judged = async (args: string) => (await runCli("policy", "explain", policy, "--server", "s", "--tool", "t", "--args", args)).out.includes("  block: it runs only after a yes");
    expect([await judged(String.raw`{"x":1,"\\":2}`), await judged(String.raw`{"x":1,"\u0061":2}`), await judged(String.raw`{"x":1,"\\":2}`)]).toEqual([false, true, false]);
  });

  it("names look-alikes, and servers without a name", async () => {
    expect((await explain("--server", "filesystem", "--tool", "Delete_File")).out).toContain("deletes (block), by mcp:filesystem:delete_file, because the tool's name is a look-alike; it decides");
    const nameless = await explain("--tool", "send");
    expect(nameless.out).toContain("mcp::send\n  block: it runs only after a yes");
    expect(nameless.out).toContain("mail (block), by mcp:mail:send; it decides");
  });

  it("says which conditions have no answer, and where they are written", async () => {
    const files = await workspace();
    const file = await files.file("big.yaml", "version: 1\npolicies:\n  - name: big\n    match: mcp:bank:pay\n    when: args.amount > 1000\n    action: block\n");
    const { out } = await runCli("policy", "explain", file, "--server", "bank", "--tool", "pay");
    expect(out).toContain(`\nConditions without an answer, which count as the stricter side:\n  big (${file}:5:16) has no answer (args.amount: No such key: amount)`);
    const json = await runCli("policy", "explain", file, "--server", "bank", "--tool", "pay", "--format", "json");
    expect(JSON.parse(json.out)).toMatchObject({ verdict: { faults: [{ policy: "big", place: { source: file, path: "policies[0].when", line: 5, column: 16 } }] } });
  });

  it("says the same as JSON, with the whole verdict", async () => {
    const { out } = await explain("--server", "filesystem", "--tool", "write_file", "--format", "json");
    expect(JSON.parse(out)).toMatchObject({
      policyId: "mcp:filesystem:write_file",
      verdict: { action: "block", askable: true, decisive: ["writes"], would: { action: "block", policies: ["trial"] } },
      matched: [{ name: "writes", patterns: ["mcp:filesystem:write_*", "mcp:*:*_file"], lookAlike: false }],
      observed: [{ name: "trial" }],
      nearMisses: [{ name: "github" }, { name: "deletes" }],
      others: 1,
    });
  });

  it("reads arguments from a file, and never repeats arguments that are no JSON", async () => {
    const files = await workspace();
    const args = await files.file("args.json", '{"path":"/a"}');
    expect((await explain("--tool", "x", "--args", `@${args}`)).code).toBe(0);
    const wrong = await explain("--tool", "x", "--args", '{"password": hunter2}');
    expect(wrong.code).toBe(2);
    expect(wrong.err).not.toContain("hunter2");
    expect((await explain("--tool", "x", "--args", "[1]")).err).toContain("must be a JSON object");
    expect((await explain("--tool", "x", "--server", "a:b")).code).toBe(2);
    expect((await explain()).code).toBe(2);
  });
});

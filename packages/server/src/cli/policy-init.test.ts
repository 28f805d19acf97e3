import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readPolicyText } from "@countersign/sdk/policy";
import { describe, expect, it } from "vitest";
import { runCli, workspace } from "./fixture/run-cli.ts";
import { serverNameOf } from "./server-name.ts";
import { starterPolicy } from "./starter-policy.ts";

const FILESYSTEM = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-filesystem/dist/index.js"));

describe("policy init", { tags: ["leaves-processes"] }, () => {
  it("writes a document that blocks exactly the tools of the filesystem server that write, and passes check", async () => {
    const files = await workspace();
    const out = join(files.directory, "countersign.policy.yaml");
    const made = await runCli("policy", "init", "--out", out, "--", process.execPath, FILESYSTEM, files.directory);
    expect(made).toMatchObject({ code: 0, err: "" });
    expect(made.out).toContain("14 tools of filesystem, 4 of them blocked");
    const text = await readFile(out, "utf8");
    const { default: fallback, policies } = readPolicyText(text, out);
    expect(fallback).toBe("allow");
    expect(policies).toHaveLength(1);
    expect(new Set([policies[0]?.match].flat())).toEqual(new Set(["mcp:filesystem:create_directory", "mcp:filesystem:write_file", "mcp:filesystem:edit_file", "mcp:filesystem:move_file"]));
    expect(policies[0]).toMatchObject({ action: "block", approval: { timeoutMinutes: 5 } });
    expect(text).toContain("what the server says of itself");
    expect((await runCli("policy", "check", out)).code).toBe(0);

    const again = await runCli("policy", "init", "--out", out, "--", process.execPath, FILESYSTEM, files.directory);
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining("it exists already") });
    expect(await readFile(out, "utf8")).toBe(text);
  });

  it("says what to do about a command that is no server", async () => {
    const { code, err } = await runCli("policy", "init", "--", process.execPath, "-e", "0");
    expect(code).toBe(1);
    expect(err).toContain("could not be started as an MCP server");
    expect((await runCli("policy", "init", "--", join("/", "no", "such", "program"))).code).toBe(1);
    expect((await runCli("policy", "init")).code).toBe(2);
  });
});

describe("a starter document", () => {
  it("blocks what does not say that it only reads, and what says both", () => {
    const tools = [
      { name: "read", annotations: { readOnlyHint: true } },
      { name: "both", annotations: { readOnlyHint: true, destructiveHint: true } },
      { name: "unknown" },
      { name: "careful", annotations: { readOnlyHint: false, destructiveHint: false } },
    ];
    expect(readPolicyText(starterPolicy("s", tools), "s").policies[0]?.match).toEqual(["mcp:s:both", "mcp:s:unknown", "mcp:s:careful"]);
    expect(readPolicyText(starterPolicy("s", [{ name: "r", annotations: { readOnlyHint: true } }]), "s").policies).toEqual([]);
  });

  it("does not let the name of a tool write policies", () => {
    const evil = 'x"\npolicies: []\n# ';
    const tools = [{ name: `${evil}a` }, { name: `${evil}b`, annotations: { readOnlyHint: true } }];
    expect(readPolicyText(starterPolicy("s", tools), "s").policies[0]?.match).toEqual([`mcp:s:${evil}a`]);
    // Line breaks of YAML 1.1, which some readers still speak.
    expect(starterPolicy("s", [{ name: "a\u2028b\u0085c", annotations: { readOnlyHint: true } }])).toContain('#   "mcp:s:a?b?c"\n');
  });
});

it.each([
  ["npx -y @modelcontextprotocol/server-filesystem /data", "filesystem"],
  ["npx @modelcontextprotocol/server-github@2025.4.8", "github"],
  ["uvx mcp-server-git --repository /r", "git"],
  ["node ./node_modules/notes-mcp/dist/index.js", "notes"],
  ["/usr/bin/my-server --port 1", "my"],
  ["npx", "npx"],
])("%s is a server called %s", (command, name) => {
  expect(serverNameOf(command.split(" "))).toBe(name);
});

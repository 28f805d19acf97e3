/** The SDK as a stranger gets it: the packed tarball, installed in a folder of its own, governing each client build over real stdio. */
import { execFile } from "node:child_process";
import { mkdtemp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findProgram } from "../../test/needs.ts";
import { KINDS, programOf } from "./program.ts";

const run = promisify(execFile);
const SDK = fileURLToPath(new URL("../../packages/sdk", import.meta.url));
const require = createRequire(import.meta.url);
const SERVER = join(dirname(require.resolve("@modelcontextprotocol/server-filesystem/package.json")), "dist/index.js");

let home: string;
let data: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "countersign-packed-"));
  data = join(home, "data");
  await mkdir(data);
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", home], { cwd: SDK });
  // npm prints one entry for each packed package.
  const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  expect(packed?.files.map(({ path }) => path).filter((path) => path.includes(".test."))).toEqual([]);
  await writeFile(join(home, "package.json"), JSON.stringify({ name: "stranger", private: true }));
  const root = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8")) as { devDependencies: Record<string, string> };
  const clients = ["@modelcontextprotocol/sdk", "@modelcontextprotocol/client", "@modelcontextprotocol/server-filesystem"].map((name) => `${name}@${root.devDependencies[name]}`);
  await run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", join(home, packed?.filename ?? ""), ...clients], { cwd: home });
  await writeFile(
    join(home, "countersign.policy.yaml"),
    "version: 1\ndefault: allow\npolicies:\n  - name: file-writes-need-approval\n    match: mcp:filesystem:write_file\n    action: block\n    reason: File writes require approval\n",
  );
}, 120_000);
afterAll(() => rm(home, { recursive: true, force: true }));

describe("a program in a folder of its own, with the packed tarball installed", () => {
  it.each(KINDS)("%s: all four ways to call a tool are seen, and each refuses with the same PolicyViolationError", async (kind) => {
    const { file, source } = programOf(kind);
    await writeFile(join(home, file), source);
    const { stdout, stderr } = await run(process.execPath, [file, SERVER, data], { cwd: home, env: { ...process.env, COUNTERSIGN_DIR: join(home, "state") } });
    expect(stderr).toBe("");
    const refusal = "policy_block MCP tool call blocked: mcp:filesystem:write_file: File writes require approval";
    const seen = JSON.parse(stdout) as { governed: string[]; refusals: string[]; listing: string; written: string };
    expect(seen.refusals).toEqual([refusal, refusal, refusal, refusal]);
    expect(seen.written).toContain("Successfully wrote");
    expect(seen.governed).toEqual(["@modelcontextprotocol/client cjs", "@modelcontextprotocol/client esm", "@modelcontextprotocol/sdk cjs", "@modelcontextprotocol/sdk esm"]);
    expect(await readFile(join(data, `${kind.replace(" ", "-")}.txt`), "utf8")).toBe("hello");
    expect((await readdir(join(home, "state", "record"))).length).toBeGreaterThan(0);
  });

  it("the program of the README, copied from it, denies without a terminal and asks in one", async ({ skip }) => {
    const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
    await writeFile(join(home, "countersign.policy.yaml"), fence(readme, "yaml"));
    await writeFile(join(home, "main.mts"), fence(readme, "ts"));
    const env = { ...process.env, COUNTERSIGN_DIR: join(home, "state"), npm_config_offline: "true" };

    // setsid: a process without a controlling terminal, also where this test has one
    const { stdout } = await run("setsid", ["--wait", process.execPath, "main.mts"], { cwd: home, env, timeout: 20_000 });
    expect(stdout).toBe("MCP tool call blocked: mcp:filesystem:write_file: File writes require approval\n");
    await expect(readFile(join(home, "hello.txt"))).rejects.toThrow("ENOENT");

    const tmux = findProgram("tmux");
    skip(tmux.path === undefined, tmux.missing);
    const terminal = async (...args: string[]): Promise<string> => (await run("tmux", ["-S", join(home, "tmux"), ...args], { env })).stdout;
    const screen = (): Promise<string> => terminal("capture-pane", "-p");
    await terminal("new-session", "-d", "-x", "120", "-y", "50", "-c", home, `${process.execPath} main.mts; sleep 60`);
    try {
      await expect.poll(screen, { timeout: 9_000 }).toContain("Approve this operation? (y/n):");
      expect(await screen()).toContain('"content": "Hello from a governed agent!"');
      await setTimeout(300); // the prompt throws away what was typed before it was drawn
      await terminal("send-keys", "y", "Enter");
      await expect.poll(screen, { timeout: 9_000 }).toContain("hello.txt is written");
      expect(await readFile(join(home, "hello.txt"), "utf8")).toBe("Hello from a governed agent!");
    } finally {
      await terminal("kill-server");
    }
  });

  it("its types compile under strict settings, from ESM and from CommonJS", async () => {
    const source = 'import { init, configureSession, promptApproval, ApprovalDecision, type ApprovalHandler } from "@countersign/sdk";\n' +
      'import { Client } from "@modelcontextprotocol/sdk/client/index.js";\n' +
      "const handler: ApprovalHandler = (error, { call }) => new ApprovalDecision({ approved: call.tool === error.code });\n" +
      'init({ policies: { version: 1, default: "allow", policies: [] } });\n' +
      'configureSession(new Client({ name: "a", version: "1" }), { serverName: "x", onPolicyBlock: handler ?? promptApproval });\n';
    await writeFile(join(home, "types.mts"), source);
    await writeFile(join(home, "types.cts"), source);
    const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
    const types = join(dirname(require.resolve("@types/node/package.json")), "..");
    const flags = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--module", "nodenext", "--skipLibCheck", "--types", "node", "--typeRoots", types];
    const { stdout } = await run(process.execPath, [tsc, ...flags, "types.mts", "types.cts"], { cwd: home }).catch((error: unknown) => error as { stdout: string }) // tsc fails with what it printed;
    expect(stdout).toBe("");
  });
});

/** The first fence of a language in a Markdown text. */
function fence(markdown: string, language: string): string {
  const [, code] = new RegExp(`^\`\`\`${language} [^\n]*\n([^]*?)^\`\`\``, "m").exec(markdown) ?? [];
  if (code === undefined) throw new Error(`no ${language} fence`);
  return code;
}

/** `countersign gateway --config` as its operator runs it: a real process, a file that changes, real servers. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startHttpProgram, type HttpProgram } from "./http-gateway.ts";
import { COUNTERSIGN, SERVERS } from "./real-servers.ts";

let home: string;
let file: string;
const running: HttpProgram[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "countersign-configured-"));
  file = join(home, "countersign.yaml");
  writeFileSync(join(home, "policy.yaml"), "version: 1\ndefault: allow\npolicies:\n  - { name: writes, match: 'mcp:*:write_file', action: block, approval: never }\n");
});
afterEach(async () => {
  for (const program of running.splice(0)) await program.kill();
  rmSync(home, { recursive: true });
});

function configure(servers: Readonly<Record<string, readonly string[]>>, more = ""): string {
  const lines = Object.entries(servers).map(([name, [command, ...args]]) => `    ${name}: ${JSON.stringify({ command, args })}\n`);
  return `version: 1\ngateway:\n  listen: 127.0.0.1:0\n  policies: policy.yaml\n  controlPlane: none\n${more}  servers:\n${lines.join("")}`;
}

async function start(...args: readonly string[]): Promise<HttpProgram> {
  const program = await startHttpProgram([process.execPath, COUNTERSIGN, "gateway", "--dir", join(home, "state"), ...args], { COUNTERSIGN_URL: "", COUNTERSIGN_POLICIES: "" });
  running.push(program);
  return program;
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ name: "test", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return client;
}

const countersign = (...args: readonly string[]) => spawnSync(process.execPath, [COUNTERSIGN, ...args], { encoding: "utf8", env: { ...process.env, COUNTERSIGN_URL: "", COUNTERSIGN_DIR: join(home, "state") } });

it("serves what the file says, follows it while it runs, and keeps the last good one", { tags: ["leaves-sockets"] }, async () => {
  const files = [...SERVERS.filesystem(home)];
  writeFileSync(file, configure({ one: files }));
  const program = await start("--config", file, "--http");
  const origin = new URL(program.url).origin;
  await expect.poll(() => program.printed()).toContain(`"url": "${origin.replace("localhost", "127.0.0.1")}/one/mcp"`);
  const one = await connect(`${origin}/one/mcp`);
  expect((await one.listTools()).tools.length).toBeGreaterThan(5);
  expect(await one.callTool({ name: "write_file", arguments: { path: join(home, "x"), content: "x" } })).toMatchObject({ isError: true });

  writeFileSync(join(home, "next.yaml"), configure({ one: files, two: files }));
  renameSync(join(home, "next.yaml"), file);
  await expect.poll(() => program.printed(), { timeout: 5_000 }).toContain("new: two");
  const two = await connect(`${origin}/two/mcp`);
  expect(await two.callTool({ name: "list_allowed_directories", arguments: {} })).not.toHaveProperty("isError", true);

  writeFileSync(file, configure({ one: files }).replace("command", "comand"));
  await expect.poll(() => program.printed(), { timeout: 5_000 }).toMatch(/the configuration was refused; the last good one stays in force:\n.*countersign\.yaml:7:11: gateway\.servers\.one has the unknown key "comand"\. Did you mean command\?/);
  expect(await one.callTool({ name: "list_allowed_directories", arguments: {} })).not.toHaveProperty("isError", true);
  const broken = countersign("gateway", "status");
  expect([broken.status, broken.stdout]).toEqual([0, expect.stringContaining("The configuration file changed and is broken")]);

  writeFileSync(file, configure({ two: files }));
  await expect.poll(() => program.printed(), { timeout: 5_000 }).toContain("gone: one");
  await expect(one.callTool({ name: "list_allowed_directories", arguments: {} })).rejects.toThrow();
  expect(await two.callTool({ name: "list_allowed_directories", arguments: {} })).not.toHaveProperty("isError", true);
  expect(readdirSync(home)).not.toContain("x");
  await Promise.all([one.close(), two.close()]);
});

it("says how it stands, what is unsafe about it, and ends in good order", { tags: ["leaves-sockets"] }, async () => {
  writeFileSync(file, configure({ one: SERVERS.filesystem(home) }), { mode: 0o666 });
  spawnSync("chmod", ["666", file]);
  const program = await start("--config", file, "--http", "0.0.0.0:0");
  const status = countersign("gateway", "status");
  expect([status.status, status.stderr]).toEqual([0, ""]);
  expect(status.stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+ {2}ready, 0 calls under way, 0 waiting for people\n {2}one {2}stdio, 0 sessions/);
  const doctor = countersign("doctor");
  expect(doctor.status).toBe(1);
  for (const code of ["gateway_plain_http", "gateway_open_file", "gateway_no_control_plane", "no_control_plane"]) expect(doctor.stdout).toContain(code);
  expect(await program.close()).toBe(0);
  expect(program.printed()).toContain("ending; calls under way have 10 s");
  expect([countersign("gateway", "status").status, countersign("gateway", "status").stderr]).toEqual([2, expect.stringContaining("No gateway over HTTP runs")]);
});

it("serves one server at /mcp, from a command line alone", { tags: ["leaves-sockets"] }, async () => {
  const program = await start("--http", "127.0.0.1:0", "--policies", join(home, "policy.yaml"), "--no-control-plane", "--name", "files", "--", ...SERVERS.filesystem(home));
  const origin = new URL(program.url).origin;
  for (const path of ["/mcp", "/files/mcp"]) {
    const client = await connect(`${origin}${path}`);
    expect(await client.callTool({ name: "write_file", arguments: { path: join(home, "x"), content: "x" } })).toMatchObject({ isError: true });
    await client.close();
  }
});

it("does not start by a file that is broken, and says where", () => {
  writeFileSync(file, configure({}).replace("servers:\n", "servers: {}\n"));
  const ended = countersign("gateway", "--config", file, "--http");
  expect([ended.status, ended.stderr]).toEqual([1, expect.stringMatching(/countersign\.yaml:6:3: gateway\.servers is an empty map\. Write at least one server\./)]);
  writeFileSync(file, configure({ a: ["x"] }).replace("policy.yaml", "none.yaml"));
  expect(countersign("gateway", "--config", file, "--http").stderr).toContain("none.yaml: cannot be read: there is no such file.");
});

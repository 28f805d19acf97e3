import fs from "node:fs";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { serverIdentity, type ServerLaunch } from "./server-identity.ts";

let folder: string;
const at = (name: string): string => path.join(folder, name);

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "identity-"));
  await mkdir(at("bin"));
  await mkdir(at("other"));
  await program("bin/serve", "first");
});

afterEach(() => rm(folder, { recursive: true }));

async function program(name: string, text: string): Promise<void> {
  await writeFile(at(name), text);
  await chmod(at(name), 0o755);
}

type Stdio = Extract<ServerLaunch, { kind: "stdio" }>;
const stdio = (more: Partial<Stdio> = {}): Promise<string> => serverIdentity({ kind: "stdio", command: "serve", args: ["/data"], envNames: ["TOKEN"], cwd: folder, ...more }, { PATH: at("bin") });
const http = (url: string): Promise<string> => serverIdentity({ kind: "http", url });

describe("the identity of a started server", () => {
  it("is the same for the same command, arguments, names of variables and file", async () => {
    const identity = await stdio();
    expect(identity).toMatch(/^[0-9a-f]{64}$/);
    expect(await stdio()).toBe(identity);
    expect(await stdio({ envNames: ["TOKEN"], args: ["/data"] })).toBe(identity);
    expect(await stdio({ command: at("bin/serve") })).toBe(identity);
    expect(await stdio({ command: "./bin/serve" })).toBe(identity);
  });

  it("does not depend on the order of variables, and never sees their values", async () => {
    expect(await stdio({ envNames: ["B", "A"] })).toBe(await stdio({ envNames: ["A", "B"] }));
  });

  it.each<[string, Partial<Stdio>]>([
    ["other arguments", { args: ["/"] }],
    ["arguments in another order", { args: ["b", "/data"] }],
    ["no arguments", { args: [] }],
    ["arguments joined", { args: ["/data TOKEN"] }],
    ["another variable", { envNames: ["TOKEN", "NODE_OPTIONS"] }],
    ["no variable", { envNames: [] }],
    ["another command", { command: "server" }],
  ])("changes with %s", async (_what, more) => {
    expect(await stdio(more)).not.toBe(await stdio());
  });

  it("changes when the started file does, also when size and place stay (T-curx)", async () => {
    const before = await stdio();
    await program("bin/serve", "FIRST");
    expect(await stdio()).not.toBe(before);
    await program("bin/serve", "first");
    expect(await stdio()).toBe(before);
  });

  it("reads a large file once for many that ask at the same time", async () => {
    await program("bin/serve", "x".repeat(1_000_000));
    const read = vi.spyOn(fs, "createReadStream");
    syncBuiltinESMExports();
    const identities = await Promise.all(Array.from({ length: 20 }, () => stdio()));
    expect(new Set(identities).size).toBe(1);
    expect(read).toHaveBeenCalledTimes(1);
    read.mockRestore();
    syncBuiltinESMExports();
  });

  it("changes when the script that an interpreter runs does", async () => {
    await writeFile(at("server.mjs"), "one");
    const start = (): Promise<string> => stdio({ args: ["--flag", "server.mjs", "/data"] });
    const before = await start();
    await writeFile(at("server.mjs"), "two");
    expect(await start()).not.toBe(before);
  });

  it("changes when another file of that name comes first on PATH", async () => {
    const launch: ServerLaunch = { kind: "stdio", command: "serve", args: [], envNames: [], cwd: folder };
    const find = (): Promise<string> => serverIdentity(launch, { PATH: `${at("other")}${path.delimiter}${at("bin")}` });
    const before = await find();
    expect(before).toBe(await serverIdentity(launch, { PATH: at("bin") }));
    await program("other/serve", "second");
    expect(await find()).not.toBe(before);
  });

  it("is found as the system finds it: folders and files without the right to run are passed over", async () => {
    const launch: ServerLaunch = { kind: "stdio", command: "serve", args: [], envNames: [], cwd: folder };
    const expected = await serverIdentity(launch, { PATH: at("bin") });
    await mkdir(at("other/serve"));
    expect(await serverIdentity(launch, { PATH: `${at("other")}${path.delimiter}${at("bin")}` })).toBe(expected);
    await writeFile(at("serve"), "no right to run");
    expect(await serverIdentity(launch, { PATH: `${folder}${path.delimiter}${at("bin")}` })).toBe(expected);
    expect(await serverIdentity(launch, { PATH: `bin${path.delimiter}/nowhere` })).toBe(expected);
  });

  it("is known, with less, where there is no such file", async () => {
    const missing = await stdio({ command: "nowhere" });
    expect(missing).toMatch(/^[0-9a-f]{64}$/);
    await program("bin/nowhere", "now it is there");
    expect(await stdio({ command: "nowhere" })).not.toBe(missing);
  });

  it("follows links to what they point at", async () => {
    await program("other/real", "one");
    await symlink(at("other/real"), at("bin/linked"));
    const before = await stdio({ command: "linked" });
    await program("other/real", "two");
    expect(await stdio({ command: "linked" })).not.toBe(before);
  });
});

describe("the identity of a server behind a URL", () => {
  it("is its origin, path and query", async () => {
    const identity = await http("https://mcp.example.com/v1/mcp?profile=test");
    expect(identity).toMatch(/^[0-9a-f]{64}$/);
    for (const same of ["https://MCP.example.com:443/v1/mcp?profile=test", "https://mcp.example.com/v1/./mcp?profile=test#part", "https://user:secret@mcp.example.com/v1/mcp?profile=test"]) {
      expect(await http(same), same).toBe(identity);
    }
  });

  it.each(["http://mcp.example.com/v1", "https://mcp.example.com:8443/v1", "https://mcp.example.org/v1", "https://mcp.example.com/v2", "https://mcp.example.com/v1/", "https://mcp.example.com/v1?profile=prod"])("of %s is another", async (url) => {
    expect(await http(url)).not.toBe(await http("https://mcp.example.com/v1"));
  });

  it("never equals that of a started one", async () => {
    expect(await http("https://serve/data")).not.toBe(await stdio());
  });

  it("needs a URL", async () => {
    await expect(http("not a url")).rejects.toThrow(TypeError);
  });
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { clientFiles, CLIENTS, type ClientId, type Surroundings } from "./client-files.ts";

const NOWHERE = "/no/such/place";

function userFiles(client: ClientId, around: Partial<Surroundings>): readonly string[] {
  return clientFiles(client, { platform: "linux", env: {}, home: "/home/ann", directory: NOWHERE, ...around })
    .filter(({ scope }) => scope === "user")
    .map(({ path }) => path);
}

describe("a client's own file is where its vendor says", () => {
  it.each<[ClientId, string, string, string]>([
    ["claude-desktop", "/home/ann/.config/Claude/claude_desktop_config.json", "/Users/ann/Library/Application Support/Claude/claude_desktop_config.json", "C:\\Users\\Ann\\AppData\\Roaming\\Claude\\claude_desktop_config.json"],
    ["claude-code", "/home/ann/.claude.json", "/Users/ann/.claude.json", "C:\\Users\\Ann\\.claude.json"],
    ["cursor", "/home/ann/.cursor/mcp.json", "/Users/ann/.cursor/mcp.json", "C:\\Users\\Ann\\.cursor\\mcp.json"],
    ["vscode", "/home/ann/.config/Code/User/mcp.json", "/Users/ann/Library/Application Support/Code/User/mcp.json", "C:\\Users\\Ann\\AppData\\Roaming\\Code\\User\\mcp.json"],
    ["codex", "/home/ann/.codex/config.toml", "/Users/ann/.codex/config.toml", "C:\\Users\\Ann\\.codex\\config.toml"],
  ])("%s", (client, linux, mac, windows) => {
    expect(userFiles(client, {})[0]).toBe(linux);
    expect(userFiles(client, { platform: "darwin", home: "/Users/ann" })[0]).toBe(mac);
    expect(userFiles(client, { platform: "win32", home: "C:\\Users\\Ann", env: { APPDATA: "C:\\Users\\Ann\\AppData\\Roaming" } })[0]).toBe(windows);
  });

  it("moves with the variables that move it", () => {
    expect(userFiles("claude-code", { env: { CLAUDE_CONFIG_DIR: "/c" } })).toEqual(["/c/.claude.json"]);
    expect(userFiles("codex", { env: { CODEX_HOME: "/x" } })).toEqual(["/x/config.toml"]);
    expect(userFiles("vscode", { env: { XDG_CONFIG_HOME: "/cfg" } })).toEqual(["/cfg/Code/User/mcp.json", "/cfg/Code - Insiders/User/mcp.json"]);
    expect(userFiles("codex", { env: { CODEX_HOME: "relative" } })).toEqual(["/home/ann/.codex/config.toml"]);
  });
});

describe("on a disk", () => {
  function folder(): string {
    const made = mkdtempSync(join(tmpdir(), "countersign-clients-"));
    onTestFinished(() => rmSync(made, { recursive: true, force: true }));
    return made;
  }

  it("profiles of VS Code have files of their own", () => {
    const home = folder();
    mkdirSync(join(home, ".config/Code/User/profiles/-3a4b"), { recursive: true });
    expect(userFiles("vscode", { home })).toContain(join(home, ".config/Code/User/profiles/-3a4b/mcp.json"));
  });

  it.each<[ClientId, string]>([
    ["claude-code", ".mcp.json"],
    ["cursor", ".cursor/mcp.json"],
    ["vscode", ".vscode/mcp.json"],
    ["codex", ".codex/config.toml"],
  ])("%s: the project's file is the nearest, not above the repository", (client, file) => {
    const home = folder();
    const [repository, below] = [join(home, "repository"), join(home, "repository/src/deep")];
    for (const made of [join(repository, ".git"), below, join(home, file, ".."), join(repository, file, "..")]) mkdirSync(made, { recursive: true });
    const project = (directory: string): string | undefined => clientFiles(client, { platform: "linux", env: {}, home, directory }).find(({ scope }) => scope === "project")?.path;
    writeFileSync(join(home, file), "");
    expect(project(below)).toBe(join(below, file));
    writeFileSync(join(repository, file), "");
    expect(project(below)).toBe(join(repository, file));
  });

  it("the user's own file is not also a project's", () => {
    const home = folder();
    for (const client of CLIENTS) {
      const files = clientFiles(client, { platform: "linux", env: {}, home, directory: home });
      expect(new Set(files.map(({ path }) => path)).size).toBe(files.length);
    }
  });
});

it("Claude Desktop as a packaged Windows app is found first", () => {
  const local = mkdtempSync(join(tmpdir(), "countersign-clients-"));
  onTestFinished(() => rmSync(local, { recursive: true, force: true }));
  // Windows paths on this machine's disk: a folder whose name is the whole path, as `win32.join` makes it.
  mkdirSync(`${local}\\Packages/Claude_pzs8sxrjxfjjc`, { recursive: true });
  onTestFinished(() => rmSync(`${local}\\Packages`, { recursive: true, force: true }));
  const found = userFiles("claude-desktop", { platform: "win32", home: "C:\\Users\\Ann", env: { LOCALAPPDATA: local, APPDATA: "C:\\R" } });
  expect(found.at(-1)).toBe("C:\\R\\Claude\\claude_desktop_config.json");
});

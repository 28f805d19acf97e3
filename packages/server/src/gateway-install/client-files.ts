/**
 * Where each client keeps its configuration: of the user on Linux, macOS and Windows, and of the project around a directory. Places
 * are only named here; whether something is there is seen when they are read. Called by the commands.
 */
import { readdirSync, statSync } from "node:fs";
import { posix, win32, type PlatformPath } from "node:path";

export const CLIENTS = ["claude-desktop", "claude-code", "cursor", "vscode", "codex"] as const;
export type ClientId = (typeof CLIENTS)[number];

export const SCOPES = ["user", "project"] as const;
export type Scope = (typeof SCOPES)[number];

export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly directory: string;
}

export interface ClientFile {
  readonly path: string;
  readonly scope: Scope;
}

export function clientFiles(client: ClientId, around: Surroundings): readonly ClientFile[] {
  const project = projectFile(client, around);
  const user = [...new Set(userFiles(client, around))];
  return [...user.map((path): ClientFile => ({ path, scope: "user" })), ...(project === undefined || user.includes(project) ? [] : [{ path: project, scope: "project" } as const])];
}

function userFiles(client: ClientId, around: Surroundings): readonly string[] {
  const { env, home } = around;
  const paths = pathsOf(around);
  const named = (variable: string): string | undefined => {
    const value = env[variable];
    return value !== undefined && paths.isAbsolute(value) ? value : undefined;
  };
  switch (client) {
    case "claude-desktop":
      return claudeDesktopFolders(around).map((folder) => paths.join(folder, "claude_desktop_config.json"));
    case "claude-code": {
      const own = named("CLAUDE_CONFIG_DIR");
      return [own === undefined ? paths.join(home, ".claude.json") : paths.join(own, ".claude.json")];
    }
    case "cursor":
      return [paths.join(home, ".cursor", "mcp.json")];
    case "vscode":
      return vscodeFolders(around).flatMap((folder) => [paths.join(folder, "mcp.json"), ...namesIn(paths.join(folder, "profiles")).map((profile) => paths.join(folder, "profiles", profile, "mcp.json"))]);
    case "codex":
      return [paths.join(named("CODEX_HOME") ?? paths.join(home, ".codex"), "config.toml")];
  }
}

function pathsOf({ platform }: Surroundings): PlatformPath {
  return platform === "win32" ? win32 : posix;
}

/** Where programs of this platform keep what is the user's. */
function userData({ platform, env, home }: Surroundings): string {
  if (platform === "win32") return env["APPDATA"] ?? win32.join(home, "AppData", "Roaming");
  if (platform === "darwin") return posix.join(home, "Library", "Application Support");
  const given = env["XDG_CONFIG_HOME"];
  return given !== undefined && posix.isAbsolute(given) ? given : posix.join(home, ".config");
}

/** As a packaged Windows app, which its installer makes it since 2026, it reads its own copy of AppData and never the usual place. */
function claudeDesktopFolders(around: Surroundings): readonly string[] {
  const paths = pathsOf(around);
  const usual = paths.join(userData(around), "Claude");
  if (around.platform !== "win32") return [usual];
  const packages = paths.join(around.env["LOCALAPPDATA"] ?? paths.join(around.home, "AppData", "Local"), "Packages");
  const packaged = namesIn(packages).filter((name) => name.startsWith("Claude_"));
  return [...packaged.map((name) => paths.join(packages, name, "LocalCache", "Roaming", "Claude")), usual];
}

function vscodeFolders(around: Surroundings): readonly string[] {
  const paths = pathsOf(around);
  return ["Code", "Code - Insiders"].map((edition) => paths.join(userData(around), edition, "User"));
}

const PROJECT_FILES: Readonly<Record<ClientId, readonly string[] | undefined>> = {
  "claude-desktop": undefined,
  "claude-code": [".mcp.json"],
  cursor: [".cursor", "mcp.json"],
  vscode: [".vscode", "mcp.json"],
  codex: [".codex", "config.toml"],
};

/** The nearest one, from the directory up to the root of its repository. */
function projectFile(client: ClientId, around: Surroundings): string | undefined {
  const parts = PROJECT_FILES[client];
  if (parts === undefined) return undefined;
  const paths = pathsOf(around);
  for (let folder = around.directory; ; folder = paths.dirname(folder)) {
    const path = paths.join(folder, ...parts);
    if (isThere(path)) return path;
    if (isThere(paths.join(folder, ".git")) || folder === paths.dirname(folder) || folder === around.home) return paths.join(around.directory, ...parts);
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}

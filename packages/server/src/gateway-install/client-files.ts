/**
 * Where each client keeps its configuration: of the user on Linux, macOS and Windows, and of the project around a directory. Places
 * are only named here; whether something is there is seen when they are read. Called by the commands.
 */
import { readdirSync, statSync } from "node:fs";
import { posix, win32, type PlatformPath } from "node:path";
import type { ClientId } from "./client-kinds.ts";

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
  const { join, isAbsolute } = pathsOf(around);
  const named = (variable: string): string | undefined => {
    const value = env[variable];
    return value !== undefined && isAbsolute(value) ? value : undefined;
  };
  switch (client) {
    case "claude-desktop":
      return claudeDesktopFolders(around).map((folder) => join(folder, "claude_desktop_config.json"));
    case "claude-code": {
      const own = named("CLAUDE_CONFIG_DIR");
      return [own === undefined ? join(home, ".claude.json") : join(own, ".claude.json")];
    }
    case "cursor":
      return [join(home, ".cursor", "mcp.json")];
    case "vscode":
      return vscodeFolders(around).flatMap((folder) => [join(folder, "mcp.json"), ...namesIn(join(folder, "profiles")).map((profile) => join(folder, "profiles", profile, "mcp.json"))]);
    case "codex":
      return [join(named("CODEX_HOME") ?? join(home, ".codex"), "config.toml")];
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
  const { join } = pathsOf(around);
  const usual = join(userData(around), "Claude");
  if (around.platform !== "win32") return [usual];
  const packages = join(around.env["LOCALAPPDATA"] ?? join(around.home, "AppData", "Local"), "Packages");
  const packaged = namesIn(packages).filter((name) => name.startsWith("Claude_"));
  return [...packaged.map((name) => join(packages, name, "LocalCache", "Roaming", "Claude")), usual];
}

function vscodeFolders(around: Surroundings): readonly string[] {
  const { join } = pathsOf(around);
  return ["Code", "Code - Insiders"].map((edition) => join(userData(around), edition, "User"));
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
  const { join, dirname } = pathsOf(around);
  for (let folder = around.directory; ; folder = dirname(folder)) {
    const path = join(folder, ...parts);
    if (isThere(path)) return path;
    if (isThere(join(folder, ".git")) || folder === dirname(folder) || folder === around.home) return join(around.directory, ...parts);
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

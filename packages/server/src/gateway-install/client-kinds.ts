/** How each client is called, what it reads, and what to know about it. Called by the commands. */
import type { ReadConfig } from "./client-config.ts";
import type { ClientId } from "./client-files.ts";
import { readJsonConfig, type JsonShape } from "./read-json-config.ts";
import { readTomlConfig } from "./read-toml-config.ts";

export interface ClientKind {
  readonly title: string;
  readonly syntax: "json" | "toml";
  readonly read: (text: string) => ReadConfig;
  /** It writes the file itself while it runs, so it is to be ended first. */
  readonly writesItsFile: boolean;
  /** What makes a change take effect. */
  readonly afterwards: string;
}

function json(shape: Partial<JsonShape>): Pick<ClientKind, "syntax" | "read"> {
  return { syntax: "json", read: (text) => readJsonConfig(text, { serversKey: "mcpServers", hasProjects: false, isStrict: false, ...shape }) };
}

export const CLIENT_KINDS: Readonly<Record<ClientId, ClientKind>> = {
  "claude-desktop": { title: "Claude Desktop", ...json({ isStrict: true }), writesItsFile: true, afterwards: "Start Claude Desktop again." },
  "claude-code": { title: "Claude Code", ...json({ hasProjects: true, isStrict: true }), writesItsFile: true, afterwards: "Start Claude Code again; it may ask anew whether a project's servers may run." },
  cursor: { title: "Cursor", ...json({}), writesItsFile: false, afterwards: "Cursor starts the servers again by itself, or asks first; else switch them off and on in its settings." },
  vscode: { title: "VS Code", ...json({ serversKey: "servers" }), writesItsFile: false, afterwards: "In VS Code run MCP: List Servers, and start them again; it may ask whether you trust them." },
  codex: { title: "Codex", syntax: "toml", read: readTomlConfig, writesItsFile: false, afterwards: "Start Codex again." },
};

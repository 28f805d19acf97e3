/** The clients that nobody here wrote, at the versions of package.json. */
import { readFileSync } from "node:fs";

export interface Peer {
  /** In client/. */
  readonly client: string;
  readonly package: string;
  readonly fronts: readonly Front[];
}
export type Front = "stdio" | "http";

export const PEERS: readonly Peer[] = [
  { client: "openai-agents", package: "@openai/agents", fronts: ["stdio", "http"] },
  { client: "ai-sdk", package: "@ai-sdk/mcp", fronts: ["stdio", "http"] },
  { client: "langchain", package: "@langchain/mcp-adapters", fronts: ["stdio", "http"] },
  { client: "mastra", package: "@mastra/mcp", fronts: ["stdio", "http"] },
  { client: "mcp-remote", package: "mcp-remote", fronts: ["http"] },
  { client: "inspector", package: "@modelcontextprotocol/inspector", fronts: ["stdio", "http"] },
];
/** Of this repository's own lock file: what `npm test` runs too. */
export const OFFICIAL: readonly Peer[] = [
  { client: "official-v1", package: "@modelcontextprotocol/sdk", fronts: ["stdio", "http"] },
  { client: "official-v2", package: "@modelcontextprotocol/client", fronts: ["stdio", "http"] },
];

export function pinnedVersion(name: string): string {
  for (const manifest of ["package.json", "../../package.json"]) {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(new URL(manifest, import.meta.url), "utf8")) as Partial<Record<string, Record<string, string>>>; // npm's own format
    const version = dependencies?.[name] ?? devDependencies?.[name];
    if (version !== undefined) return version;
  }
  throw new Error(`${name} is pinned nowhere`);
}

/** The official servers as anybody starts them, and the gateway in front of one of them as its user starts it. */
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Message } from "./stdio-peer.ts";

export const COUNTERSIGN = fileURLToPath(new URL("../../packages/server/dist/cli/main.js", import.meta.url));
const require = createRequire(import.meta.url);

const programOf = (manifest: string): string => join(dirname(manifest), "dist/index.js");

export const SERVERS = {
  filesystem: (root: string) => [process.execPath, programOf(require.resolve("@modelcontextprotocol/server-filesystem/package.json")), root],
  everything: () => [process.execPath, programOf(require.resolve("@modelcontextprotocol/server-everything/package.json")), "stdio"],
  memory: () => [process.execPath, programOf(require.resolve("@modelcontextprotocol/server-memory/package.json"))],
  thinking: () => [process.execPath, programOf(require.resolve("@modelcontextprotocol/server-sequential-thinking/package.json"))],
} as const;

/** `countersign gateway` in front of a command. */
export function gatewayBefore(command: readonly string[], options: readonly string[]): readonly string[] {
  return [process.execPath, COUNTERSIGN, "gateway", ...options, "--", ...command];
}

/** `countersign gateway` in front of an address. */
export function gatewayAt(url: string, options: readonly string[]): readonly string[] {
  return [process.execPath, COUNTERSIGN, "gateway", "--url", url, ...options];
}

export const ALLOW_ALL = "version: 1\ndefault: allow\npolicies: []\n";

/** What a client says of itself at the beginning. */
export function initializeParams(capabilities: object = {}): object {
  return { protocolVersion: "2025-11-25", capabilities, clientInfo: { name: "conformance", version: "1" } };
}

/** A client that can do everything a server may ask for. */
export const ALL_CAPABILITIES = { roots: { listChanged: true }, sampling: {}, elicitation: { form: {}, url: {} } };

export function answerAsClient({ method }: Message): object | undefined {
  switch (method) {
    case "roots/list":
      return { roots: [] };
    case "sampling/createMessage":
      return { role: "assistant", model: "none", content: { type: "text", text: "said" } };
    case "elicitation/create":
      return { action: "accept", content: {} };
    case "ping":
      return {};
    default:
      return undefined;
  }
}

/** How each front is started: the relays that any program in the middle costs at least, the gateway at its full work, and its peers. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { benchPolicies } from "../policies.ts";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const COUNTERSIGN = at("../../packages/server/dist/cli/main.js");
export const ECHO_SERVER = [process.execPath, at("./echo-server.ts")] as const;
export const BYTE_RELAY = "byte relay";
export const PARSING_RELAY = "parsing relay";
export const GATEWAY = "countersign gateway, 10,000 policies, record";

/** What the gateway does in every case: a decision among 10,000 policies, the arguments' digest, and the record. */
export function governed(scratch: string): readonly string[] {
  const directory = join(scratch, "gateway");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, "policies.json");
  writeFileSync(file, JSON.stringify({ version: 1, default: "allow", policies: benchPolicies(10_000) }));
  return ["--name", "filesystem", "--policies", file, "--no-control-plane", "--dir", directory];
}

/** Complete command lines, each for a client that speaks to it over standard streams. */
export function stdioLines(scratch: string): ReadonlyMap<string, readonly string[]> {
  const NODE = process.execPath;
  return new Map<string, readonly string[]>([
    ["direct", ECHO_SERVER],
    [BYTE_RELAY, [NODE, at("./relay.mjs"), "bytes", ...ECHO_SERVER]],
    [PARSING_RELAY, [NODE, at("./relay.mjs"), "parse", ...ECHO_SERVER]],
    [GATEWAY, [NODE, COUNTERSIGN, "gateway", ...governed(scratch), "--", ...ECHO_SERVER]],
    ["peer mcp-proxy 6.7.19, proxyServer()", [NODE, at("../peers/mcp-proxy-stdio.mjs"), ...ECHO_SERVER]],
    ["peer @civic/passthrough 0.12.1, allow hook", [NODE, at("../peers/civic-stdio.mjs"), ...ECHO_SERVER]],
  ]);
}

export type Era = "session" | "stateless";

/** Scripts and arguments of HTTP fronts before `url`, but for their port: it comes last, or where `PORT` stands. */
export function httpLines(scratch: string, url: string, era: Era): ReadonlyMap<string, readonly string[]> {
  const lines = new Map<string, readonly string[]>([
    [BYTE_RELAY, [at("./http-relay.mjs"), "bytes", url, PORT]],
    [PARSING_RELAY, [at("./http-relay.mjs"), "parse", url, PORT]],
    [GATEWAY, [COUNTERSIGN, "gateway", ...governed(scratch), "--url", url, "--transport", "http", "--http", `127.0.0.1:${PORT}`]],
    ["peer mcp-proxy 6.7.19, proxyServer()", [at("../peers/mcp-proxy-http.mjs"), url, PORT, era]],
  ]);
  // It is made for sessions.
  if (era === "session") lines.set("peer @civic/passthrough 0.12.1, allow hook", [at("../peers/civic-http.mjs"), url, PORT]);
  return lines;
}

/** HTTP fronts before a server that is a process. */
export function bridgeLines(scratch: string): ReadonlyMap<string, readonly string[]> {
  return new Map<string, readonly string[]>([
    [GATEWAY, [COUNTERSIGN, "gateway", ...governed(scratch), "--http", `127.0.0.1:${PORT}`, "--", ...ECHO_SERVER]],
    ["peer mcp-proxy 6.7.19", [at("../peers/node_modules/mcp-proxy/dist/bin/mcp-proxy.mjs"), "--host", "127.0.0.1", "--port", PORT, "--server", "stream", "--", ...ECHO_SERVER]],
    ["peer supergateway 4.0.0, --stateful", [at("../peers/node_modules/supergateway/dist/index.js"), "--outputTransport", "streamableHttp", "--stateful", "--logLevel", "none", "--port", PORT, "--stdio", ECHO_SERVER.join(" ")]],
  ]);
}

/** Stands for the port in a line. */
export const PORT = "{port}";

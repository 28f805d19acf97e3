/** `countersign.yaml` as a file that is read again when it changes, with the policy files it names: what is broken in any of them is told, and changes nothing. */
import { resolve } from "node:path";
import { filePolicies } from "@countersign/sdk";
import type { GatewayConfig, ServerConfig } from "../config/gateway-config.ts";
import { readGatewayDocument } from "../config/read-gateway-document.ts";
import { loadPolicy, readText } from "./load-policy.ts";
import type { UpPorts } from "./up.ts";

export interface LoadedConfig {
  readonly config: GatewayConfig;
  readonly text: string;
}

export interface ConfigListener {
  readonly onGood: (config: GatewayConfig) => void;
  readonly onBroken: (problem: string) => void;
}

/** What was broken is looked at again, since a policy file may be what is mended. */
const AGAIN_MS = 1_000;

/** Throws UsageError, GatewayDocumentError or PolicyDocumentError. */
export async function loadConfig(path: string, ports: UpPorts): Promise<LoadedConfig> {
  const text = await readText(path, ports);
  return { text, config: await readConfig(text, path, ports) };
}

/** A policy file is watched by whoever is governed by it; that it can be in force is looked at here, before anything is. */
async function readConfig(text: string, path: string, ports: UpPorts): Promise<GatewayConfig> {
  const config = withPolicies(readGatewayDocument(text, path, ports.env), ports.env["COUNTERSIGN_POLICIES"] ?? "");
  const files = new Set([...config.servers.values()].flatMap(({ policies }) => (policies === undefined ? [] : [policies])));
  for (const file of files) await loadPolicy(file, ports);
  return config;
}

/** Of servers for which the file names none. */
function withPolicies(config: GatewayConfig, file: string): GatewayConfig {
  if (file === "") return config;
  const policies = resolve(file);
  return { ...config, servers: new Map([...config.servers].map(([name, server]): [string, ServerConfig] => [name, { ...server, policies: server.policies ?? policies }])) };
}

/** `text`: what is in force. */
export function watchConfig(path: string, text: string, ports: UpPorts, { onGood, onBroken }: ConfigListener): { close(): void } {
  // A file is a file: it is looked at as policy files are, twice a second, through renames and swapped links.
  const source = filePolicies(path);
  let last = text;
  let problem: string | undefined;
  let working = false;
  let closed = false;

  async function look(): Promise<void> {
    if (working || closed) return;
    working = true;
    try {
      const content = source.load();
      const now = "text" in content && typeof content.text === "string" ? content.text : "";
      if (now === last && problem === undefined) return;
      last = now;
      const config = await readConfig(now, path, ports);
      problem = undefined;
      if (!closed) onGood(config);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (why !== problem && !closed) onBroken(why);
      problem = why;
    } finally {
      working = false;
    }
  }

  const unwatch = source.watch?.(() => void look());
  const again = setInterval(() => (problem === undefined ? undefined : void look()), AGAIN_MS).unref();
  return {
    close() {
      closed = true;
      clearInterval(again);
      unwatch?.();
    },
  };
}

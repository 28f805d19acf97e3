// @modelcontextprotocol/inspector: its command line, a process for each call. A server's own command may have options, so it is in a file.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const INSPECTOR = fileURLToPath(new URL("../node_modules/.bin/mcp-inspector", import.meta.url));

/** @type {import("../run-client.mjs").Connect} */
export async function connect({ url, command }) {
  const home = mkdtempSync(join(tmpdir(), "countersign-inspector-"));
  const [program = "", ...args] = command ?? [];
  const config = join(home, "servers.json");
  writeFileSync(config, JSON.stringify({ mcpServers: { notes: url === undefined ? { command: program, args } : { type: "http", url } } }));
  return {
    async call(name, given) {
      const line = [INSPECTOR, "--cli", "--config", config, "--server", "notes", "--method", "tools/call", "--tool-name", name, "--tool-args-json", JSON.stringify(given), "--format", "json"];
      const child = spawn(process.execPath, line, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, HOME: home } });
      let [said, errors] = ["", ""];
      child.stdout.on("data", (chunk) => (said += chunk));
      child.stderr.on("data", (chunk) => (errors += chunk));
      const [code] = await once(child, "close");
      if (said.trim() === "") throw new Error(`exit code ${code}: ${errors}`);
      return said;
    },
    close: async () => rmSync(home, { recursive: true, force: true }),
  };
}

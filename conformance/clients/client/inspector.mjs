// @modelcontextprotocol/inspector: its command line, a process for each call.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const INSPECTOR = fileURLToPath(new URL("../node_modules/.bin/mcp-inspector", import.meta.url));

/** @type {import("../run-client.mjs").Connect} */
export async function connect({ url, command }) {
  const target = url === undefined ? command : [url, "--transport", "http"];
  return {
    async call(name, given) {
      const child = spawn(process.execPath, [INSPECTOR, "--cli", ...target, "--method", "tools/call", "--tool-name", name, "--tool-args-json", JSON.stringify(given), "--format", "json"], { stdio: ["ignore", "pipe", "pipe"] });
      let [said, errors] = ["", ""];
      child.stdout.on("data", (chunk) => (said += chunk));
      child.stderr.on("data", (chunk) => (errors += chunk));
      const [code] = await once(child, "close");
      if (said.trim() === "") throw new Error(`exit code ${code}: ${errors}`);
      return said;
    },
    async close() {},
  };
}

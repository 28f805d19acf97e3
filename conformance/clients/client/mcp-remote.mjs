// mcp-remote: a bridge that desktop programs start to reach a server at an address. Before it, the official client at its defaults.
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const BRIDGE = fileURLToPath(new URL("../node_modules/.bin/mcp-remote", import.meta.url));

/** @type {import("../run-client.mjs").Connect} */
export async function connect({ url }) {
  const client = new Client({ name: "desktop", version: "1" });
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [BRIDGE, url, "--allow-http"], stderr: "inherit" }));
  return {
    call: (name, given) => client.callTool({ name, arguments: given }),
    close: () => client.close(),
  };
}

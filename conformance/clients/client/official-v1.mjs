// @modelcontextprotocol/sdk: the official client of the older line, sessions only.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

/** @type {import("../run-client.mjs").Connect} */
export async function connect({ url, command }) {
  const [program = "", ...args] = command ?? [];
  const client = new Client({ name: "official", version: "1" });
  await client.connect(url === undefined ? new StdioClientTransport({ command: program, args }) : new StreamableHTTPClientTransport(new URL(url)));
  await client.listTools();
  return {
    call: (name, given) => client.callTool({ name, arguments: given }),
    close: () => client.close(),
  };
}

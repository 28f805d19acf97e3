// @modelcontextprotocol/client: the official client of the newer line, in the newest era that the server speaks.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

/** @type {import("../run-client.mjs").Connect} */
export async function connect({ url, command }) {
  const [program = "", ...args] = command ?? [];
  const client = new Client({ name: "official", version: "1" }, { versionNegotiation: { mode: "auto" } });
  await client.connect(url === undefined ? new StdioClientTransport({ command: program, args }) : new StreamableHTTPClientTransport(new URL(url)));
  await client.listTools();
  return {
    call: (name, given) => client.callTool({ name, arguments: given }),
    close: () => client.close(),
  };
}

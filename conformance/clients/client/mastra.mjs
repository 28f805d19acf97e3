// @mastra/mcp: the tools that an Agent would be given, named after their server.
import { MCPClient } from "@mastra/mcp";

/** @type {import("../run-client.mjs").Connect} */
export async function connect({ url, command }) {
  const [program = "", ...args] = command ?? [];
  const client = new MCPClient({ id: "notes", servers: { notes: url === undefined ? { command: program, args } : { url: new URL(url) } } });
  const tools = await client.listTools();
  return {
    call: (name, given) => tools[`notes_${name}`].execute(given, {}),
    close: () => client.disconnect(),
  };
}

// @langchain/mcp-adapters: the structured tools that an agent would be given. They throw where the result is an error.
import { MultiServerMCPClient } from "@langchain/mcp-adapters";

/** @type {import("../run-client.mjs").Connect} */
export async function connect({ url, command }) {
  const [program = "", ...args] = command ?? [];
  const client = new MultiServerMCPClient({ mcpServers: { notes: url === undefined ? { transport: "stdio", command: program, args } : { transport: "http", url } } });
  const tools = await client.getTools();
  return {
    call: (name, given) => tools.find((tool) => tool.name === name).invoke(given),
    close: () => client.close(),
  };
}

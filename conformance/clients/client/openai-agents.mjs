// @openai/agents: the function tools that an Agent would be given.
import { getAllMcpTools, MCPServerStdio, MCPServerStreamableHttp, RunContext } from "@openai/agents";

/** @type {import("../run-client.mjs").Connect} */
export async function connect({ url, command }) {
  const [program = "", ...args] = command ?? [];
  const server = url === undefined ? new MCPServerStdio({ name: "notes", command: program, args }) : new MCPServerStreamableHttp({ name: "notes", url });
  await server.connect();
  const tools = await getAllMcpTools({ mcpServers: [server] });
  return {
    call: (name, given) => tools.find((tool) => tool.name === name).invoke(new RunContext({}), JSON.stringify(given)),
    close: () => server.close(),
  };
}

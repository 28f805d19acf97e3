// @ai-sdk/mcp: the tools that generateText would be given.
import { createMCPClient } from "@ai-sdk/mcp";
import { Experimental_StdioMCPTransport as StdioTransport } from "@ai-sdk/mcp/mcp-stdio";

/** @type {import("../run-client.mjs").Connect} */
export async function connect({ url, command }) {
  const [program = "", ...args] = command ?? [];
  const client = await createMCPClient({ transport: url === undefined ? new StdioTransport({ command: program, args }) : { type: "http", url } });
  const tools = await client.tools();
  let calls = 0;
  return {
    call: (name, given) => tools[name].execute(given, { toolCallId: `call-${(calls += 1)}`, messages: [] }),
    close: () => client.close(),
  };
}

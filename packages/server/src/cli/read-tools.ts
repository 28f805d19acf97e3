import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import type { JsonValue } from "@countersign/sdk";
import { CheckFailure } from "./ports.ts";
import type { ListedTool } from "./starter-policy.ts";

const START_MS = 60_000;

/** Starts an MCP server over stdio with the official client, reads its tools and ends it. Throws CheckFailure where it is no server. */
export async function readTools(command: string, args: readonly string[]): Promise<readonly ListedTool[]> {
  const client = new Client({ name: "countersign", version: "0.1.0" });
  // The server's own messages go to the terminal: they say why it does not start.
  const transport = new StdioClientTransport({ command, args: [...args], env: environment(), stderr: "inherit" });
  try {
    await client.connect(transport, { timeout: START_MS });
    const { tools } = await client.listTools(undefined, { timeout: START_MS });
    return tools.map(({ annotations, inputSchema, name }) => ({ name, annotations, inputSchema: inputSchema as JsonValue })) // it came as JSON;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CheckFailure(`${command}: could not be started as an MCP server over stdio, or did not list its tools: ${why}. Run the command alone to see what it says.`, { cause });
  } finally {
    await client.close();
    await transport.close();
  }
}

function environment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

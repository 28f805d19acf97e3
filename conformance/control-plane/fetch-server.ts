/** A real MCP server over stdio with a tool such as many have: it fetches what the model asks for, with the model's method, headers and body. */
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const server = new Server({ name: "fetch", version: "1.0.0" }, { capabilities: { tools: {} } });
server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: ["fetch", "write_file"].map((name) => ({ name, description: name, inputSchema: { type: "object" as const } })) }));
server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
  const { url, method, headers, body } = params.arguments as { url: string; method: string; headers: Record<string, string>; body: string | undefined }; // the test calls it with these
  if (params.name !== "fetch") return { content: [{ type: "text", text: "written" }] };
  const answer = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
  return { content: [{ type: "text", text: `${answer.status} ${await answer.text()}` }] };
});
await server.connect(new StdioServerTransport());

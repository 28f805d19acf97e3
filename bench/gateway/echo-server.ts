/** A stdio server with one tool that answers what it is told. */
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const server = new Server({ name: "echo", version: "1.0.0" }, { capabilities: { tools: {} } });
server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [{ name: "read_file", inputSchema: { type: "object" as const } }] }));
server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({ content: [{ type: "text", text: String(params.arguments?.["path"]) }] }));
await server.connect(new StdioServerTransport());

// mcp-proxy as its README wires it between standard streams: `node mcp-proxy-stdio.mjs COMMAND [ARGS…]`.
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Server } from "@modelcontextprotocol/server";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { proxyServer } from "mcp-proxy";

const [command = "", ...args] = process.argv.slice(2);
const client = new Client({ name: "mcp-proxy", version: "1.0.0" }, { capabilities: {} });
await client.connect(new StdioClientTransport({ command, args, stderr: "inherit" }));
const serverCapabilities = client.getServerCapabilities() ?? {};
const server = new Server(client.getServerVersion() ?? { name: "bench", version: "1" }, { capabilities: serverCapabilities });
await proxyServer({ client, server, serverCapabilities });
await server.connect(new StdioServerTransport());
process.stdin.on("close", () => void client.close().then(() => process.exit()));

// mcp-proxy as its README wires it from HTTP to HTTP: `node mcp-proxy-http.mjs URL PORT session|stateless`.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Server } from "@modelcontextprotocol/server";
import { proxyServer, startHTTPServer } from "mcp-proxy";

const [url = "", port = "", era] = process.argv.slice(2);
const negotiation = era === "stateless" ? { versionNegotiation: { mode: { pin: "2026-07-28" } } } : {};
const client = new Client({ name: "mcp-proxy", version: "1.0.0" }, { capabilities: {}, ...negotiation });
await client.connect(new StreamableHTTPClientTransport(new URL(url)));
const serverCapabilities = client.getServerCapabilities() ?? {};
await startHTTPServer({
  host: "127.0.0.1",
  port: Number(port),
  sseEndpoint: null,
  async createServer() {
    const server = new Server(client.getServerVersion() ?? { name: "bench", version: "1" }, { capabilities: serverCapabilities });
    await proxyServer({ client, server, serverCapabilities });
    return server;
  },
});

/** Official servers over node:http with one tool that answers what it is told: `node http-server.ts session|stateless json|sse PORT`. */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createMcpHandler, Server as StatelessServer } from "@modelcontextprotocol/server";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const INFO = { name: "echo", version: "1.0.0" };
const TOOLS = { tools: [{ name: "read_file", inputSchema: { type: "object" as const } }] };
const answer = (path: unknown) => ({ content: [{ type: "text" as const, text: String(path) }] });

const [era, form, port] = process.argv.slice(2);
createServer(era === "session" ? sessions(form === "json") : stateless(form === "json")).listen(Number(port), "127.0.0.1");

function sessions(enableJsonResponse: boolean): RequestListener {
  const known = new Map<string, StreamableHTTPServerTransport>();
  return (request, response) => {
    const id = request.headers["mcp-session-id"];
    const session = typeof id === "string" ? known.get(id) : undefined;
    if (session !== undefined) return void session.handleRequest(request, response);
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID(), onsessioninitialized: (begun) => void known.set(begun, transport), enableJsonResponse });
    const server = new Server(INFO, { capabilities: { tools: {} } });
    server.setRequestHandler(ListToolsRequestSchema, () => TOOLS);
    server.setRequestHandler(CallToolRequestSchema, ({ params }) => answer(params.arguments?.["path"]));
    // The package's own types are not made for exactOptionalPropertyTypes.
    void server.connect(transport as Parameters<Server["connect"]>[0]).then(() => transport.handleRequest(request, response));
  };
}

function stateless(isJson: boolean): RequestListener {
  const handler = createMcpHandler(
    () => {
      const server = new StatelessServer(INFO, { capabilities: { tools: {} } });
      server.setRequestHandler("tools/list", () => TOOLS);
      server.setRequestHandler("tools/call", ({ params }) => answer(params.arguments?.["path"]));
      return server;
    },
    { responseMode: isJson ? "json" : "sse", onerror: () => undefined },
  );
  return (request, response) => void serve((given) => handler.fetch(given), request, response);
}

async function serve(fetch: (request: Request) => Promise<Response>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer); // no encoding was set
  const headers = Object.entries(request.headers).flatMap(([name, value]) => (typeof value === "string" ? [[name, value] as [string, string]] : []));
  const body = parts.length === 0 ? {} : { body: Buffer.concat(parts) };
  const answered = await fetch(new Request(`http://${request.headers.host}${request.url}`, { method: request.method ?? "GET", headers, ...body }));
  response.writeHead(answered.status, Object.fromEntries(answered.headers));
  if (answered.body !== null) for await (const part of answered.body) response.write(part);
  response.end();
}

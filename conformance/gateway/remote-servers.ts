/** Official servers over HTTP, as processes of their own. */
import { createServer, type AddressInfo } from "node:net";
import { startHttpProgram, type HttpProgram } from "./http-gateway.ts";
import { SERVERS } from "./real-servers.ts";

/** `sse`: as of 2024-11-05. */
export async function startEverything(transport: "streamableHttp" | "sse"): Promise<HttpProgram> {
  const [node = "", program = ""] = SERVERS.everything();
  const port = await freePort();
  const started = await startHttpProgram([node, program, transport], { PORT: String(port) }, /(?:on|port) port \d+/);
  return { ...started, url: `http://127.0.0.1:${port}/${transport === "sse" ? "sse" : "mcp"}` };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  await new Promise((resolve) => server.close(resolve));
  return port;
}

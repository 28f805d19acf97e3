/** Official servers over HTTP, as processes of their own. */
import { freePort } from "../free-port.ts";
import { startHttpProgram, type HttpProgram } from "./http-gateway.ts";
import { SERVERS } from "./real-servers.ts";

/** `sse`: as of 2024-11-05. */
export async function startEverything(transport: "streamableHttp" | "sse"): Promise<HttpProgram> {
  const [node = "", program = ""] = SERVERS.everything();
  const port = await freePort();
  const started = await startHttpProgram([node, program, transport], { PORT: String(port) }, /(?:on|port) port \d+/);
  return { ...started, url: `http://127.0.0.1:${port}/${transport === "sse" ? "sse" : "mcp"}` };
}

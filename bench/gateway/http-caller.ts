/** A client over HTTP that costs little beside what it measures: one kept connection for each call under way, no SDK. Every answer is looked at. */
import { Agent, request, type IncomingMessage } from "node:http";
import type { Era } from "./lines.ts";

export interface HttpCaller {
  /** One call; rejects where its answer is not what the tool was told. */
  call(text: string): Promise<void>;
  close(): void;
}

const VERSIONS: Readonly<Record<Era, string>> = { session: "2025-11-25", stateless: "2026-07-28" };
const CLIENT = { name: "bench", version: "1" };

/** Resolves once it is ready to call. */
export async function openCaller(url: string, era: Era): Promise<HttpCaller> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const { hostname, port, pathname } = new URL(url);
  const version = VERSIONS[era];
  const meta = era === "session" ? {} : { _meta: { "io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientInfo": CLIENT, "io.modelcontextprotocol/clientCapabilities": {} } };
  const standing: Record<string, string> = { accept: "application/json, text/event-stream", "content-type": "application/json" };
  let count = 0;

  const post = (message: object, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify(message);
      const sent = request({ host: hostname, port, path: pathname, method: "POST", agent, headers: { ...standing, ...headers, "content-length": Buffer.byteLength(body) } }, (came) => collect(came, resolve));
      sent.on("error", reject);
      sent.end(body);
    });
  const ask = (method: string, params: object, name?: string): Promise<Answer> => {
    const headers = era === "session" ? {} : { "mcp-method": method, ...(name === undefined ? {} : { "mcp-name": name }) };
    return post({ jsonrpc: "2.0", id: (count += 1), method, params: { ...params, ...meta } }, headers);
  };

  if (era === "session") {
    const begun = await ask("initialize", { protocolVersion: version, capabilities: {}, clientInfo: CLIENT });
    if (begun.status !== 200) throw new Error(`initialize: HTTP ${begun.status}: ${begun.text}`);
    if (begun.session !== undefined) standing["mcp-session-id"] = begun.session;
    standing["mcp-protocol-version"] = version;
    await post({ jsonrpc: "2.0", method: "notifications/initialized" });
  } else standing["mcp-protocol-version"] = version;
  const listed = await ask("tools/list", {});
  if (!listed.text.includes("read_file")) throw new Error(`tools/list: HTTP ${listed.status}: ${listed.text}`);

  return {
    async call(text) {
      const { status, text: said } = await ask("tools/call", { name: "read_file", arguments: { path: text } }, "read_file");
      if (status !== 200 || !said.includes(text) || said.includes('"isError":true')) throw new Error(`tools/call: HTTP ${status}: ${said.slice(0, 500)}`);
    },
    close: () => agent.destroy(),
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly session: string | undefined;
}

function collect(came: IncomingMessage, done: (answer: Answer) => void): void {
  let text = "";
  came.setEncoding("utf8");
  came.on("data", (part: string) => (text += part));
  came.on("end", () => {
    const session = came.headers["mcp-session-id"];
    done({ status: came.statusCode ?? 0, text, session: typeof session === "string" ? session : undefined });
  });
}

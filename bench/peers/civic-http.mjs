// @civic/passthrough-mcp-server from HTTP to HTTP, with a hook that allows every call: `node civic-http.mjs URL PORT`.
import { AbstractHook, createHttpPassthroughProxy } from "@civic/passthrough-mcp-server";

class Allow extends AbstractHook {
  get name() {
    return "allow";
  }

  /** @param {any} request */
  async processCallToolRequest(request) {
    return { resultType: "continue", request };
  }
}

const [url = "", port = ""] = process.argv.slice(2);
const { origin, pathname } = new URL(url);
await createHttpPassthroughProxy({ port: Number(port), target: { transportType: "httpStream", url: origin, mcpPath: pathname }, hooks: [new Allow()] });

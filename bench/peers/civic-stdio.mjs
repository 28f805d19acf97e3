// @civic/passthrough-mcp-server between standard streams, with a hook that allows every call: `node civic-stdio.mjs COMMAND [ARGS…]`.
import { AbstractHook, createStdioPassthroughProxy } from "@civic/passthrough-mcp-server";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

class Allow extends AbstractHook {
  get name() {
    return "allow";
  }

  /** @param {any} request */
  async processCallToolRequest(request) {
    return { resultType: "continue", request };
  }
}

const [command = "", ...args] = process.argv.slice(2);
const proxy = await createStdioPassthroughProxy({
  target: { transportType: "custom", transportFactory: () => new StdioClientTransport({ command, args, stderr: "inherit" }) },
  hooks: [new Allow()],
});
process.stdin.on("close", () => void proxy.stop().then(() => process.exit()));

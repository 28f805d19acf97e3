// The program of the README, whole.
// #region usage
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { configureSession, init, PolicyViolationError, promptApproval, shutdown } from "@countersign/sdk";

init({ policies: "countersign.policy.yaml" }); // governs every MCP client of this process

const folder = process.cwd();
const client = new Client({ name: "file-manager", version: "1.0.0" });
await client.connect(new StdioClientTransport({ command: "npx", args: ["-y", "@modelcontextprotocol/server-filesystem", folder] }));
configureSession(client, { serverName: "filesystem", onPolicyBlock: promptApproval });

try {
  await client.callTool({ name: "write_file", arguments: { path: `${folder}/hello.txt`, content: "Hello from a governed agent!" } });
  console.log("hello.txt is written");
} catch (error) {
  if (!(error instanceof PolicyViolationError)) throw error;
  console.log(error.message); // n, Ctrl-C, silence: the tool did not run
}

await client.close();
await shutdown();
// #endregion

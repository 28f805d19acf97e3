// Which clients are governed, and by which ways a call may come.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { configureSession, init, PolicyViolationError, shutdown } from "@countersign/sdk";
import { connectFilesystem, createScratchFolder } from "../../filesystem.ts";

// #region init
const { governed } = init({ policies: "countersign.policy.yaml" });
for (const { package: name, version, build } of governed) console.log(`${name} ${version} ${build}`);
// #endregion

const folder = await createScratchFolder();
const client = await connectFilesystem(folder);
const call = { name: "write_file", arguments: { path: `${folder}/a.txt`, content: "hello" } };

console.log(await codeOf(client.callTool(call)), "before configureSession: the server has no name");
// #region configure
configureSession(client, {
  serverName: "filesystem", // the middle part of policy ids: mcp:filesystem:write_file
  onPolicyBlock: null, // a block is final
  governanceConfig: { agentName: "file-manager", agentId: "fm-7", userId: "user-123", sessionId: "nightly-run" },
});
// #endregion

// #region ways
const ways = {
  callTool: () => client.callTool(call),
  request: () => client.request({ method: "tools/call", params: call }, CallToolResultSchema),
  "Client.prototype.callTool": () => Client.prototype.callTool.call(client, call),
  callToolStream: () => lastOf(client.experimental.tasks.callToolStream(call)),
};
for (const [way, run] of Object.entries(ways)) console.log(await codeOf(run()), way);
// #endregion

await client.close();
await shutdown();

/** A stream says what went wrong in a message; here it is thrown like everywhere else. */
async function lastOf(stream: AsyncIterable<{ readonly type: string; readonly error?: unknown }>): Promise<unknown> {
  for await (const message of stream) if (message.type === "error") throw message.error;
  return undefined;
}

async function codeOf(ran: Promise<unknown>): Promise<string> {
  try {
    await ran;
    return "ran";
  } catch (error) {
    if (!(error instanceof PolicyViolationError)) throw error;
    return error.code;
  }
}

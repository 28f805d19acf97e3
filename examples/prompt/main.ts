// Asks whoever sits at the terminal. Run it in one.
import { connectFilesystem, createScratchFolder, firstText } from "../filesystem.ts";
// #region usage
import { configureSession, init, PolicyViolationError, promptApproval, shutdown } from "@countersign/sdk";

init({ policies: "countersign.policy.yaml" });

const folder = await createScratchFolder();
const client = await connectFilesystem(folder); // an official MCP client, connected
configureSession(client, {
  serverName: "filesystem",
  onPolicyBlock: promptApproval,
  governanceConfig: { agentName: "file-manager", userId: "user-123" },
});

try {
  const result = await client.callTool({ name: "write_file", arguments: { path: `${folder}/output.txt`, content: "Hello from governed agent!" } });
  console.log(firstText(result));
} catch (error) {
  if (!(error instanceof PolicyViolationError)) throw error;
  console.log(error.message); // n, Ctrl-C, silence: the tool did not run
}

await client.close();
await shutdown();
// #endregion

// Asks whoever sits at the terminal. Run it in one.
import { configureSession, init, PolicyViolationError, promptApproval, shutdown } from "@countersign/sdk";
import { connectFilesystem, createScratchFolder, firstText } from "../filesystem.ts";

const folder = await createScratchFolder();
const write = { name: "write_file", arguments: { path: `${folder}/output.txt`, content: "Hello from governed agent!" } };

// #region usage
init({ policies: "countersign.policy.yaml" });
const client = await connectFilesystem(folder); // an official MCP client, connected

configureSession(client, {
  serverName: "filesystem",
  onPolicyBlock: promptApproval,
  governanceConfig: { agentName: "file-manager", userId: "user-123" },
});

try {
  console.log(firstText(await client.callTool(write)));
} catch (error) {
  if (!(error instanceof PolicyViolationError)) throw error;
  console.log(error.message); // n, Ctrl-C, silence: the tool did not run
}
// #endregion

await client.close();
await shutdown();

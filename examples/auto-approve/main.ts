// Every blocked call runs and nobody is asked: for tests and dry runs.
import { autoApprove, configureSession, init, shutdown } from "@countersign/sdk";
import { connectFilesystem, createScratchFolder, firstText } from "../filesystem.ts";

const folder = await createScratchFolder();
const write = { name: "write_file", arguments: { path: `${folder}/output.txt`, content: "Hello from governed agent!" } };

init({ policies: "countersign.policy.yaml" });
const client = await connectFilesystem(folder);

// #region usage
configureSession(client, {
  serverName: "filesystem",
  onPolicyBlock: autoApprove,
  governanceConfig: { agentName: "file-manager" },
});
// #endregion

console.log(firstText(await client.callTool(write)));

await client.close();
await shutdown();

// Every blocked call is denied: to see how your agent takes a no.
import { autoDeny, configureSession, extractBlockMetadata, init, PolicyViolationError, shutdown } from "@countersign/sdk";
import { connectFilesystem, createScratchFolder, firstText } from "../filesystem.ts";

const folder = await createScratchFolder();
const write = { name: "write_file", arguments: { path: `${folder}/output.txt`, content: "Hello from governed agent!" } };

init({ policies: "countersign.policy.yaml" });
const client = await connectFilesystem(folder);

// #region usage
configureSession(client, {
  serverName: "filesystem",
  onPolicyBlock: autoDeny,
  governanceConfig: { agentName: "file-manager" },
});

try {
  console.log(firstText(await client.callTool(write)));
} catch (error) {
  if (!(error instanceof PolicyViolationError)) throw error;
  console.log(`${error.code}: ${extractBlockMetadata(error).reason}`);
}
// #endregion

await client.close();
await shutdown();

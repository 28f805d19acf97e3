// A blocked call is put to the people of a control plane. Needs one: COUNTERSIGN_URL and COUNTERSIGN_API_KEY name it.
import { configureSession, firstOf, inboxApproval, init, PolicyViolationError, promptApproval, shutdown } from "@countersign/sdk";
import { connectFilesystem, createScratchFolder, firstText } from "../../filesystem.ts";

const folder = await createScratchFolder();
const client = await connectFilesystem(folder);

// #region usage
const { status } = init(); // COUNTERSIGN_URL and COUNTERSIGN_API_KEY; or init({ controlPlane: { url, apiKey } })

configureSession(client, { serverName: "filesystem", governanceConfig: { agentName: "file-manager" } });
try {
  // Waits for the people of the control plane where its policies block, and runs once on their yes.
  const result = await client.callTool({ name: "write_file", arguments: { path: `${folder}/a.txt`, content: "hello" } });
  console.log(firstText(result));
} catch (error) {
  if (!(error instanceof PolicyViolationError)) throw error;
  console.log(error.code, error.approval?.approver, error.approval?.reason);
}
// #endregion

// #region both
configureSession(client, {
  serverName: "filesystem",
  onPolicyBlock: firstOf(promptApproval, inboxApproval), // whoever is at the terminal, or the inbox, whichever answers first
});
// #endregion

// #region status
console.log(status().controlPlane);
// #endregion

await client.close();
await shutdown();

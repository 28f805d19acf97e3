// A handler of your own: any function, sync or async, that returns an ApprovalDecision.
import { setTimeout as sleep } from "node:timers/promises";
import { connectFilesystem, createScratchFolder, firstText } from "../filesystem.ts";
// #region usage
import { ApprovalDecision, configureSession, escapeText, extractBlockMetadata, init, PolicyViolationError, shutdown } from "@countersign/sdk";
import type { ApprovalContext } from "@countersign/sdk";

async function myCustomHandler(error: PolicyViolationError, { signal }: ApprovalContext): Promise<ApprovalDecision> {
  const started = performance.now();
  const meta = extractBlockMetadata(error);
  console.log(`Tool blocked: ${meta.reason}`);
  console.log(`Operation: ${escapeText(meta.actionType)}`); // a name the server or the model chose
  console.log(`Approvers: ${meta.approvers.join(", ")}`);

  // Your approval logic here: call an API, send a message. The signal aborts when the window ends or the caller leaves.
  const approved = await checkWithApprovalSystem(meta.actionType, signal);

  return new ApprovalDecision({
    approved,
    approver: "custom-system",
    elapsedSeconds: (performance.now() - started) / 1000,
  });
}

init({ policies: "countersign.policy.yaml" });
const folder = await createScratchFolder();
const client = await connectFilesystem(folder); // an official MCP client, connected
configureSession(client, { serverName: "filesystem", onPolicyBlock: myCustomHandler, governanceConfig: { agentName: "file-manager" } });
// #endregion

try {
  const result = await client.callTool({ name: "write_file", arguments: { path: `${folder}/output.txt`, content: "Approved elsewhere." } });
  console.log(firstText(result));
} catch (error) {
  if (!(error instanceof PolicyViolationError)) throw error;
  console.log(`${error.code}: ${error.message}`);
}

await client.close();
await shutdown();

/** Stands in for your approval system: a ticket, a queue, a database. It approves what APPROVED_OPERATION names. */
async function checkWithApprovalSystem(operation: string, signal: AbortSignal): Promise<boolean> {
  await sleep(200, undefined, { signal });
  return operation === process.env["APPROVED_OPERATION"];
}

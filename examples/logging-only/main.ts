// A trial period: blocked calls are logged and run all the same. First the built-in handler, then one of your own.
import { ApprovalDecision, auditOnly, configureSession, escapeText, extractBlockMetadata, init, shutdown } from "@countersign/sdk";
import type { PolicyViolationError } from "@countersign/sdk";
import { connectFilesystem, createScratchFolder, firstText } from "../filesystem.ts";

const folder = await createScratchFolder();
init({ policies: "countersign.policy.yaml" });
const client = await connectFilesystem(folder);

// #region usage
configureSession(client, {
  serverName: "filesystem",
  onPolicyBlock: auditOnly(console), // or pino, winston: anything with a warn method
  governanceConfig: { agentName: "file-manager" },
});
// #endregion

console.log(firstText(await client.callTool({ name: "write_file", arguments: { path: `${folder}/first.txt`, content: "Logged." } })));

// #region own
function auditOnlyHandler(error: PolicyViolationError): ApprovalDecision {
  const { actionType, reason, approvers } = extractBlockMetadata(error);
  // A tool's name can come from the model: escaped, it cannot forge a line of the log.
  console.warn("AUDIT %s (reason: %s, approvers: %s)", escapeText(actionType), escapeText(reason), approvers.map((name) => escapeText(name)).join(", "));
  return new ApprovalDecision({ approved: true, approver: "audit_bypass" }); // always: this only logs
}

configureSession(client, { serverName: "filesystem", onPolicyBlock: auditOnlyHandler, governanceConfig: { agentName: "file-manager" } });
// #endregion

console.log(firstText(await client.callTool({ name: "write_file", arguments: { path: `${folder}/second.txt`, content: "Logged as well." } })));

await client.close();
await shutdown();

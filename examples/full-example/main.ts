// A file manager whose writes a person reviews: read allowed, write asked. Run it in a terminal.
import { createScratchFolder, firstText } from "../filesystem.ts";
// #region usage
import { createInterface } from "node:readline/promises";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ApprovalDecision, configureSession, escapeText, extractBlockMetadata, init, PolicyViolationError, renderCall, shutdown, viewLines } from "@countersign/sdk";
import type { ApprovalContext } from "@countersign/sdk";

/** Shows the call and asks for confirmation. */
async function reviewHandler(error: PolicyViolationError, { call, signal }: ApprovalContext): Promise<ApprovalDecision> {
  const { reason, actionType, approvers } = extractBlockMetadata(error);
  console.log("\n  === MCP Tool Call Review ===");
  console.log(`  Reason: ${escapeText(reason)}`);
  console.log(`  Operation: ${escapeText(actionType)}`);
  if (approvers.length > 0) console.log(`  Approvers: ${approvers.map((name) => escapeText(name)).join(", ")}`);
  // The whole call, escaped: what the agent wrote cannot move the cursor or hide in invisible characters.
  for (const line of viewLines(renderCall(call))) console.log(`  ${line}`);

  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const closed = new AbortController();
  terminal.once("close", () => closed.abort()); // Ctrl-D, or no terminal at all: nobody answers, so it is a no
  try {
    const answer = await terminal.question("\n  Allow this tool call? (y/n): ", { signal: AbortSignal.any([signal, closed.signal]) });
    const approved = ["y", "yes"].includes(answer.trim().toLowerCase());
    return new ApprovalDecision({ approved, approver: "interactive_reviewer", human: true });
  } finally {
    terminal.close();
  }
}

init({ policies: "countersign.policy.yaml" });

const folder = await createScratchFolder();
const client = new Client({ name: "file-manager", version: "1.0.0" });
await client.connect(new StdioClientTransport({ command: "npx", args: ["-y", "@modelcontextprotocol/server-filesystem", folder] }));

configureSession(client, {
  serverName: "filesystem",
  onPolicyBlock: reviewHandler,
  governanceConfig: { agentName: "file-manager", userId: "demo-user" },
});

// Read: allowed by the policy
try {
  const result = await client.callTool({ name: "read_text_file", arguments: { path: `${folder}/readme.txt` } });
  console.log(`Read succeeded: ${firstText(result)}`);
} catch (error) {
  if (!(error instanceof PolicyViolationError)) throw error;
  console.log(`Read blocked: ${error.message}`);
}

// Write: blocked by the policy, so the handler is asked
try {
  const result = await client.callTool({ name: "write_file", arguments: { path: `${folder}/output.txt`, content: "Written after approval!" } });
  console.log(`Write succeeded: ${firstText(result)}`);
} catch (error) {
  if (!(error instanceof PolicyViolationError)) throw error;
  console.log(`Write denied: ${error.message}`);
}

await client.close();
await shutdown();
// #endregion

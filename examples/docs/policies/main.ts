// One document, and what it does to eight calls.
import { configureSession, extractBlockMetadata, init, PolicyViolationError, shutdown } from "@countersign/sdk";
import type { Inspection } from "@countersign/sdk";
import { connectFilesystem, createScratchFolder } from "../../filesystem.ts";

// #region inspection
const socialSecurityNumbers: Inspection = {
  name: "social-security-numbers",
  inspectCall({ arguments: { content } }) {
    const found = typeof content === "string" && /\b\d{3}-\d{2}-\d{4}\b/.test(content);
    return found ? [{ type: "us_ssn", group: "pii", direction: "input", where: "/content" }] : [];
  },
};
// #endregion

const folder = await createScratchFolder();
// #region usage
init({ policies: "docs/policies/countersign.policy.yaml", inspections: [socialSecurityNumbers] });
// #endregion
const client = await connectFilesystem(folder);
configureSession(client, {
  serverName: "filesystem",
  governanceConfig: { agentName: "file-manager" },
  onPolicyBlock(error) {
    const { reason, actionType, approvers, timeoutMinutes } = extractBlockMetadata(error);
    console.log(`  asked: ${actionType}, ${reason} (approvers: ${approvers.join(", ") || "any"}; minutes: ${timeoutMinutes ?? "not written"})`);
    return false;
  },
});

await call("get_file_info", { path: folder });
for (let turn = 1; turn <= 3; turn += 1) await call("list_directory", { path: folder });
await call("write_file", { path: `${folder}/a.txt`, content: "hello" });
await call("write_file", { path: `${folder}/a.txt`, content: "078-05-1120" });
await call("move_file", { source: `${folder}/readme.txt`, destination: `${folder}/b.txt` });
await call("create_directory", { path: `${folder}/new` });

await client.close();
await shutdown();

async function call(name: string, args: Record<string, unknown>): Promise<void> {
  try {
    await client.callTool({ name, arguments: args });
    console.log(`${name}: ran`);
  } catch (error) {
    if (!(error instanceof PolicyViolationError)) throw error;
    console.log(`${name}: ${error.code}, ${error.policyResult?.reason ?? error.message}`);
  }
}

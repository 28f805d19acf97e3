// What a refused call throws, what it carries, and what it never shows.
import { inspect } from "node:util";
import { ApprovalDecision, configureSession, init, PolicyViolationError, shutdown } from "@countersign/sdk";
import { connectFilesystem, createScratchFolder } from "../../filesystem.ts";

init({ policies: "countersign.policy.yaml" });
const folder = await createScratchFolder();
const client = await connectFilesystem(folder);
configureSession(client, {
  serverName: "filesystem",
  onPolicyBlock: () => new ApprovalDecision({ approved: false, approver: "jane@company.com", reason: "not on a Friday" }),
});

// #region usage
try {
  await client.callTool({ name: "write_file", arguments: { path: `${folder}/a.txt`, content: "hello-7f3a" } });
} catch (error) {
  if (!(error instanceof PolicyViolationError)) throw error;
  console.log(error.code); // stable; the message is for people
  console.log(error.message);
  console.log(error.policyResult?.decisive, error.approval?.approver, error.approval?.reason);
  console.log(inspect(error).includes("hello-7f3a"), JSON.stringify(error).includes("hello-7f3a"));
  console.log(error.call?.arguments["content"]); // there for you, in no log
}
// #endregion

await client.close();
await shutdown();

// Handlers made of handlers. Here functions answer at once or not at all; in yours they are prompts, webhooks, chats.
import { setTimeout as sleep } from "node:timers/promises";
import { allOf, ApprovalDecision, approveWhen, configureSession, escalate, init, PolicyViolationError, shutdown, withTimeout } from "@countersign/sdk";
import type { ApprovalHandler, Call } from "@countersign/sdk";
import { connectFilesystem, createScratchFolder } from "../../filesystem.ts";

const askTeam: ApprovalHandler = async (_error, { signal }) => {
  console.log("  the team is asked, and nobody is there");
  await sleep(60_000, undefined, { signal });
  return true;
};
const askLead: ApprovalHandler = () => answer("lead@company.com", true);
const askSecurity: ApprovalHandler = (_error, { call }) => answer("security@company.com", !call.argumentsText.includes(".sh"));

function answer(approver: string, approved: boolean): ApprovalDecision {
  console.log(`  ${approver} says ${approved ? "yes" : "no"}`);
  return new ApprovalDecision({ approved, approver, human: true });
}

// #region combined
const isSmall = ({ arguments: { content } }: Call): boolean => typeof content === "string" && content.length < 10;

const onPolicyBlock = approveWhen(isSmall, {
  approver: "small-files",
  otherwise: escalate([
    { after: "0", handler: withTimeout(askTeam, { ms: 300 }) },
    { after: "100ms", handler: allOf(askLead, askSecurity) },
  ]),
});
// #endregion

init({ policies: "countersign.policy.yaml" });
const folder = await createScratchFolder();
const client = await connectFilesystem(folder);
configureSession(client, { serverName: "filesystem", onPolicyBlock, governanceConfig: { agentName: "file-manager" } });

await write("small.txt", "hello");
await write("large.txt", "hello, hello, hello");
await write("large.sh", "hello, hello, hello");

await client.close();
await shutdown();

async function write(name: string, content: string): Promise<void> {
  console.log(name);
  try {
    await client.callTool({ name: "write_file", arguments: { path: `${folder}/${name}`, content } });
    console.log("  written");
  } catch (error) {
    if (!(error instanceof PolicyViolationError)) throw error;
    console.log(`  ${error.code}`);
  }
}

// Business hours approve, outside of them a person is asked at the terminal. First as a function, then with businessHours.
import { createInterface } from "node:readline/promises";
import { ApprovalDecision, businessHours, configureSession, escapeText, extractBlockMetadata, init, PolicyViolationError, promptApproval, shutdown } from "@countersign/sdk";
import type { ApprovalContext } from "@countersign/sdk";
import { connectFilesystem, createScratchFolder } from "../filesystem.ts";

const folder = await createScratchFolder();
const clock = process.env["EXAMPLE_NOW"];
const now = (): Date => (clock === undefined ? new Date() : new Date(clock));

// #region usage
async function businessHoursHandler(error: PolicyViolationError, { signal }: ApprovalContext): Promise<ApprovalDecision> {
  const at = now(); // in the machine's own time zone
  const isWeekday = at.getDay() >= 1 && at.getDay() <= 5;
  const isBusinessHours = isWeekday && at.getHours() >= 9 && at.getHours() < 17;
  if (isBusinessHours) return new ApprovalDecision({ approved: true, approver: "business_hours_auto", human: false });

  const { reason, actionType } = extractBlockMetadata(error);
  console.log("\n  Outside business hours. Manual approval needed.");
  console.log(`  Reason: ${escapeText(reason)}`);
  console.log(`  Operation: ${escapeText(actionType)}`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const closed = new AbortController();
  terminal.once("close", () => closed.abort()); // Ctrl-D, or no terminal at all: nobody answers, so it is a no
  try {
    const answer = await terminal.question("  Approve? (y/n): ", { signal: AbortSignal.any([signal, closed.signal]) });
    const approved = ["y", "yes"].includes(answer.trim().toLowerCase());
    return new ApprovalDecision({ approved, approver: "manual_after_hours", human: true });
  } finally {
    terminal.close();
  }
}
// #endregion

// #region built-in
const builtIn = businessHours({
  zone: "Europe/Berlin", // so that the machine's own zone plays no part
  days: "Mon-Fri",
  from: "09:00",
  to: "17:00",
  otherwise: promptApproval,
  now,
});
// #endregion

init({ policies: "countersign.policy.yaml" });
const client = await connectFilesystem(folder);

for (const [name, onPolicyBlock] of Object.entries({ businessHoursHandler, businessHours: builtIn })) {
  configureSession(client, { serverName: "filesystem", onPolicyBlock, governanceConfig: { agentName: "file-manager" } });
  try {
    await client.callTool({ name: "write_file", arguments: { path: `${folder}/${name}.txt`, content: "In time." } });
    console.log(`${name}: written`);
  } catch (error) {
    if (!(error instanceof PolicyViolationError)) throw error;
    console.log(`${name}: ${error.code}`);
  }
}

await client.close();
await shutdown();

// Without a control plane: an agent reads a file and wants to write one. The policy allows the first and blocks the second, so you
// are asked by a handler in this very process; then come the trace and the record of what happened.
import { join, relative } from "node:path";
import { configureSession, init, PolicyViolationError, shutdown, verifyRecordFile } from "@countersign/sdk";
import { connectFilesystem, createScratchFolder, firstText } from "../filesystem.ts";
import { printSpans } from "../start/print-spans.ts";
import { collectSpans, tracer } from "../start/tracing.ts";
import { askAtTerminal } from "./ask-at-terminal.ts";

const POLICIES = join(import.meta.dirname, "../countersign.policy.yaml");
const shownPolicies = relative(process.cwd(), POLICIES);
const spans = collectSpans();

heading("1. Policy");
// #region usage
const { governed, status } = init({ policies: POLICIES });
const folder = await createScratchFolder();
const client = await connectFilesystem(folder);
configureSession(client, {
  serverName: "filesystem",
  onPolicyBlock: askAtTerminal,
  governanceConfig: { agentName: "file-manager", userId: "demo-user" },
});
// #endregion
say(`${shownPolicies} is in force for every MCP client in this process`);
say(`(${[...new Set(governed.map((found) => `${found.package} ${found.version}`))].join(", ")}).`);
say(`The official filesystem server runs on ${folder}.`);

await tracer.startActiveSpan("invoke_agent file-manager", async (agent) => {
  heading("2. The agent reads a file");
  await callTool("read_text_file", { path: join(folder, "readme.txt") });

  heading("3. The agent wants to write a file");
  await callTool("write_file", { path: join(folder, "report.md"), content: "# Report\n\nAll is well.\n" });
  agent.end();
});

await client.close();
await shutdown();

heading("4. The trace");
printSpans(spans());

heading("5. The record");
await printRecord();

heading("Next");
say(`Edit ${shownPolicies} and run this again:`);
say("with `match: mcp:filesystem:*` you are asked about the read as well,");
say("with `approval: never` nobody is asked and nothing is written.");

async function callTool(name: string, args: Record<string, unknown>): Promise<void> {
  try {
    const result = await client.callTool({ name, arguments: args });
    say(`${name} ran: ${firstText(result)}`);
  } catch (error) {
    if (!(error instanceof PolicyViolationError)) throw error;
    say(`${name} did not run: ${error.message}`);
  }
}

/** This process's own file, checked from its first row to its last, as anybody can who has nothing but the file. */
async function printRecord(): Promise<void> {
  const { path = "" } = status().record;
  const { ok, rows, head, problems } = await verifyRecordFile(path);
  say(`file   ${path}`);
  say(`rows   ${rows}`);
  say(`chain  ${ok ? "ok" : "broken"}`);
  say(`head   ${head.seq} ${head.hash}`);
  for (const { message } of problems) say(message);
  if (!ok) process.exitCode = 1;
}

function heading(text: string): void {
  console.log(`\n${text}`);
}

function say(text: string): void {
  console.log(`   ${text}`);
}

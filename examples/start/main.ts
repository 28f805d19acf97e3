// `npm start`: the product on a machine that has nothing yet. A control plane starts, an agent reads a file and wants to write one, and
// the write waits for you: in the inbox, in your browser, and at this terminal. Then come the consequence, the trace and the record.
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { configureSession, escapeText, init, PolicyViolationError, shutdown } from "@countersign/sdk";
import { connectFilesystem, createScratchFolder, firstText } from "../filesystem.ts";
import { askHere, waitingRequest } from "./ask-in-both-places.ts";
import { startOwnControlPlane } from "./own-control-plane.ts";
import { printRecord } from "./print-record.ts";
import { printSpans } from "./print-spans.ts";
import { collectSpans, tracer } from "./tracing.ts";

const POLICIES = join(import.meta.dirname, "countersign.policy.yaml");
const shownPolicies = relative(process.cwd(), POLICIES);
const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
/** Without anybody to ask, the agent soon goes away. */
const GIVES_UP_MS = 3_000;
/** As long as the policy's window, and a little more. */
const WINDOW_MS = 6 * 60_000;
const spans = collectSpans();
const stopped = Promise.withResolvers<void>();
let isStopped = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    isStopped = true;
    stopped.resolve();
  });
}

console.log("\nCountersign: an agent wants to write a file. You decide whether it may.\n");
say("A control plane starts, with a policy, an inbox and a record…");
const plane = await startOwnControlPlane(POLICIES);
// #region usage
init({ controlPlane: { url: plane.url, apiKey: plane.apiKey }, record: "memory" });
const folder = await createScratchFolder();
const client = await connectFilesystem(folder);
configureSession(client, { serverName: "filesystem", governanceConfig: { agentName: "file-manager", userId: "demo-user" } });
// #endregion
if (isTerminal) say(`Inbox    ${await plane.ownerLink()}`, "         Open it in a browser: it signs you in as the owner, once.");
else say(`Inbox    ${plane.url} (the link that signs you in is printed to a terminal only)`);
say(`Policy   ${shownPolicies}: reading runs, writing waits for a person`);
say(`Server   the official filesystem server, on ${folder}`);

const file = join(folder, "report.md");
let id: string | undefined;
await tracer.startActiveSpan("invoke_agent file-manager", async (agent) => {
  heading("1. The agent reads a file");
  say(await callTool("read_text_file", { path: join(folder, "readme.txt") }));

  heading("2. The agent wants to write a file, and waits for you");
  const over = new AbortController();
  const left = new AbortController();
  void stopped.promise.then(() => left.abort());
  const writing = callTool("write_file", { path: file, content: "# Report\n\nAll is well.\n" }, left.signal).finally(() => over.abort());
  id = await waitingRequest(plane, AbortSignal.any([over.signal, left.signal]));
  if (id !== undefined) await ask(id, left);
  const told = await writing;
  if (!isStopped) {
    heading("3. What came of it");
    say(told, existsSync(file) ? `${file} is there.` : `${file} is not there.`);
  }
  agent.end();
});

await client.close();
await shutdown();
if (!isStopped) {
  heading("4. The trace");
  printSpans(spans());
  heading("5. The record");
  await printRecord(plane, id);
  heading("Next");
  say(`Edit ${shownPolicies} and run npm start again: with match: mcp:filesystem:* you are asked about the read as well.`);
  say("For your own agents: docs/control-plane.md, and init({ controlPlane }) in your program.");
  if (isTerminal) {
    say(`The inbox stays open at ${plane.url}: see History. Ctrl-C ends it.`);
    await stopped.promise;
  }
}
await plane.close();
if (isStopped) console.log("\nEnded. Nothing runs any more.");

/** In the inbox and here, until one of the two answers. */
async function ask(request: string, left: AbortController): Promise<void> {
  if (!isTerminal) {
    say(`There is no terminal to ask at. The agent gives up after ${GIVES_UP_MS / 1000} s, and silence is a no.`);
    setTimeout(() => left.abort(new Error("the agent gave up")), GIVES_UP_MS);
    return;
  }
  say(`In the browser: ${plane.url}/requests/${request}`, "Or here: y or n, and Enter. Ctrl-C ends everything, and nothing is written.");
  if ((await askHere(plane, request)) && !left.signal.aborted) {
    isStopped = true;
    stopped.resolve();
    left.abort();
  }
}

async function callTool(name: string, args: Record<string, unknown>, signal?: AbortSignal): Promise<string> {
  try {
    const result = await client.callTool({ name, arguments: args }, undefined, signal === undefined ? {} : { signal, timeout: WINDOW_MS });
    return `${name} ran: ${firstText(result)}`;
  } catch (error) {
    if (!(error instanceof PolicyViolationError) && signal?.aborted !== true) throw error;
    return `${name} did not run: ${escapeText(error instanceof Error ? error.message : String(error))}`;
  }
}

function heading(text: string): void {
  console.log(`\n${text}`);
}

function say(...lines: readonly string[]): void {
  for (const line of lines) console.log(`   ${line}`);
}

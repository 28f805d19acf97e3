// Asks a service of yours over HTTP. The receiver runs here as well, unless WEBHOOK_URL and WEBHOOK_SECRET name another.
import { randomBytes } from "node:crypto";
import { configureSession, init, PolicyViolationError, shutdown, webhookApproval } from "@countersign/sdk";
import { connectFilesystem, createScratchFolder, firstText } from "../filesystem.ts";
import { startReceiver } from "./receiver.ts";

const folder = await createScratchFolder();
const secret = process.env["WEBHOOK_SECRET"] ?? `whsec_${randomBytes(32).toString("base64")}`;
const receiver = process.env["WEBHOOK_URL"] === undefined ? await startReceiver({ secret }) : undefined;
const url = process.env["WEBHOOK_URL"] ?? receiver?.url ?? "";

init({ policies: "countersign.policy.yaml" });
const client = await connectFilesystem(folder);

// #region usage
configureSession(client, {
  serverName: "filesystem",
  onPolicyBlock: webhookApproval({
    url, // https; http for this machine alone, and only with allowPrivateNetwork
    secret, // "whsec_…", shared with the receiver
    allowPrivateNetwork: true,
    pollIntervalMs: 200,
  }),
  governanceConfig: { agentName: "file-manager" },
});
// #endregion

for (const name of ["notes.txt", "run-me.sh"]) {
  try {
    console.log(firstText(await client.callTool({ name: "write_file", arguments: { path: `${folder}/${name}`, content: "Hello over HTTP.\n" } })));
  } catch (error) {
    if (!(error instanceof PolicyViolationError)) throw error;
    console.log(`${name}: ${error.code}${error.approval?.reason === undefined ? "" : `, ${error.approval.reason}`}`);
  }
}

await client.close();
await shutdown();
await receiver?.close();

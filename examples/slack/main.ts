// Asks in a Slack channel: two buttons, over Socket Mode, so that nothing of yours needs a public address.
// Your app needs the bot scopes chat:write, users:read and users:read.email, interactivity, and an app token (connections:write).
import { SocketModeClient } from "@slack/socket-mode";
import { retryPolicies, WebClient } from "@slack/web-api";
import { configureSession, init, PolicyViolationError, shutdown } from "@countersign/sdk";
import { connectFilesystem, createScratchFolder, firstText } from "../filesystem.ts";
import { slackApproval } from "./slack-approval.ts";

function setting(name: string): string {
  const value = process.env[name];
  if (value !== undefined && value !== "") return value;
  console.error(`Set ${name}, and see the first lines of slack/main.ts.`);
  process.exit(2);
}

const folder = await createScratchFolder();
const slackApiUrl = process.env["SLACK_API_URL"] ?? "https://slack.com/api/";

init({ policies: "countersign.policy.yaml" });
const client = await connectFilesystem(folder);

// #region usage
const options = { slackApiUrl, retryConfig: retryPolicies.fiveRetriesInFiveMinutes };
const web = new WebClient(setting("SLACK_BOT_TOKEN"), options);
const socket = new SocketModeClient({ appToken: setting("SLACK_APP_TOKEN"), clientOptions: options });
const onPolicyBlock = slackApproval({ web, socket, channel: setting("SLACK_CHANNEL") });
await socket.start();

configureSession(client, { serverName: "filesystem", onPolicyBlock, governanceConfig: { agentName: "file-manager" } });
// #endregion

try {
  const result = await client.callTool({ name: "write_file", arguments: { path: `${folder}/output.txt`, content: "Approved & <signed> in Slack." } });
  console.log(firstText(result));
} catch (error) {
  if (!(error instanceof PolicyViolationError)) throw error;
  console.log(`${error.code}: ${error.message}`);
}

await client.close();
await socket.disconnect();
await shutdown();

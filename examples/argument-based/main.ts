// The arguments decide: writes below tmp/ run, writes elsewhere do not. First as a function, then with approveWhen.
import { mkdir } from "node:fs/promises";
import { isAbsolute, relative, resolve } from "node:path";
import { ApprovalDecision, approveWhen, configureSession, init, PolicyViolationError, shutdown } from "@countersign/sdk";
import type { ApprovalContext } from "@countersign/sdk";
import { connectFilesystem, createScratchFolder } from "../filesystem.ts";

const folder = await createScratchFolder();
for (const name of ["tmp", "etc"]) await mkdir(`${folder}/${name}`);

// #region usage
function isInTmp(path: unknown): boolean {
  if (typeof path !== "string" || !isAbsolute(path)) return false;
  // Resolved first: "tmp/../etc/passwd" starts with the right folder and is not in it. Links are not followed.
  const inside = relative(`${folder}/tmp`, resolve(path));
  return inside !== "" && !inside.startsWith("..") && !isAbsolute(inside);
}

function argumentBasedHandler(_error: PolicyViolationError, { call }: ApprovalContext): ApprovalDecision {
  const approved = isInTmp(call.arguments["path"]);
  return new ApprovalDecision({ approved, approver: "auto_tmp_rule", human: false });
}
// #endregion

// #region built-in
const builtIn = approveWhen((call) => isInTmp(call.arguments["path"]), { approver: "auto_tmp_rule" });
// #endregion

init({ policies: "countersign.policy.yaml" });
const client = await connectFilesystem(folder);

for (const [name, onPolicyBlock] of Object.entries({ argumentBasedHandler, approveWhen: builtIn })) {
  configureSession(client, { serverName: "filesystem", onPolicyBlock, governanceConfig: { agentName: "file-manager" } });
  for (const path of ["tmp/notes.txt", "etc/passwd", "tmp/../etc/passwd"]) {
    try {
      await client.callTool({ name: "write_file", arguments: { path: `${folder}/${path}`, content: name } });
      console.log(`${name}: ${path} written`);
    } catch (error) {
      if (!(error instanceof PolicyViolationError)) throw error;
      console.log(`${name}: ${path} denied`);
    }
  }
}

await client.close();
await shutdown();

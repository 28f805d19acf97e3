import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { runStory } from "../testing/run-story.ts";
import type { StoryEnd } from "../testing/run-story.ts";
import { createSandbox, EXAMPLES, pick } from "../testing/story-sandbox.ts";
import { APP_TOKEN, BOT_TOKEN, CHANNEL, startStrictSlack } from "./strict-slack.ts";
import type { StrictSlack } from "./strict-slack.ts";

const DENIED = "approval_denied: MCP tool call blocked: mcp:filesystem:write_file: File writes require approval\n";

interface Running {
  readonly slack: StrictSlack;
  readonly ended: Promise<StoryEnd>;
}

const open: StrictSlack[] = [];
afterEach(async () => {
  for (const slack of open.splice(0)) await slack.close();
});

async function start(env: Readonly<Record<string, string>> = {}, policy?: string): Promise<Running> {
  const slack = await startStrictSlack();
  open.push(slack);
  const sandbox = createSandbox();
  if (policy !== undefined) writeFileSync(join(sandbox.directory, "countersign.policy.yaml"), policy);
  const settings = { SLACK_API_URL: slack.apiUrl, SLACK_BOT_TOKEN: BOT_TOKEN, SLACK_APP_TOKEN: APP_TOKEN, SLACK_CHANNEL: CHANNEL, ...env };
  const ended = runStory("slack", { env: settings, sandbox, cwd: policy === undefined ? EXAMPLES : sandbox.directory });
  return { slack, ended };
}

const methods = (slack: StrictSlack): readonly string[] => slack.requests.map(({ method, error }) => (error === undefined ? method : `${method}: ${error}`));
const asked = (slack: StrictSlack) => vi.waitUntil(() => slack.blocks(), { timeout: 9_000, interval: 20 });
const texts = (blocks: readonly unknown[] | undefined): string => JSON.stringify(blocks);

describe("the Slack handler", () => {
  it("asks in full with two buttons, runs the call on Approve, and names who pressed it", async () => {
    const { slack, ended } = await start();
    const blocks = await asked(slack);
    expect(blocks).toMatchObject([
      { type: "header", text: { type: "plain_text", text: "MCP Tool Blocked" } },
      { type: "section", text: { type: "plain_text" } },
      { type: "actions", elements: [{ type: "button", action_id: "approve", style: "primary" }, { type: "button", action_id: "deny", style: "danger" }] },
    ]);
    const shown = texts(blocks);
    expect(shown).toContain("Reason: File writes require approval\\nOperation: write_file\\nApprovers: ops-team@company.com\\nTool: ");
    expect(shown).toContain('"content\\": \\"Approved &amp; &lt;signed&gt; in Slack.');
    expect(shown).not.toContain("<signed>");

    expect(await slack.click("approve", "U0JANE")).toBeLessThan(3000);
    const { code, output, errors, folder, rows, record } = await ended;
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    expect(output).toBe(`Successfully wrote to ${folder}/output.txt\n`);
    expect(readFileSync(`${folder}/output.txt`, "utf8")).toBe("Approved & <signed> in Slack.");
    expect(pick(rows, "approval", "status", "approver", "human", "channel")).toEqual([
      { status: "approved", approver: "jane@company.com", human: true, channel: "slack" },
    ]);
    expect(record.ok).toBe(true);

    expect(methods(slack)).toEqual(["apps.connections.open", "chat.postMessage", "users.info", "chat.update"]);
    expect(slack.requests[1]?.form).toMatchObject({
      channel: CHANNEL,
      text: 'Approval needed: tool "write_file" on server "filesystem"',
      unfurl_links: "false",
      unfurl_media: "false",
    });
    expect(texts(slack.blocks())).toContain("Approved by jane@company.com");
    expect(texts(slack.blocks())).not.toContain("button");
  });

  it("runs nothing on Deny, and names people without an address by their id", async () => {
    const { slack, ended } = await start();
    await asked(slack);
    await slack.click("deny", "U0ANON");
    const { code, output, folder, rows } = await ended;
    expect(code).toBe(0);
    expect(output).toBe(DENIED);
    expect(existsSync(`${folder}/output.txt`)).toBe(false);
    expect(pick(rows, "approval", "status", "approver", "human")).toEqual([{ status: "denied", approver: "slack:U0ANON", human: true }]);
    expect(texts(slack.blocks())).toContain("Denied by slack:U0ANON");
  });

  it("runs nothing where nobody answers in time, and takes the buttons away", async () => {
    const policy = readFileSync(join(EXAMPLES, "countersign.policy.yaml"), "utf8").replace("timeoutMinutes: 5", "timeoutMinutes: 0.02");
    const { slack, ended } = await start({}, policy);
    await asked(slack);
    const { code, output, folder, rows } = await ended;
    expect(code).toBe(0);
    expect(output).toBe(DENIED.replace("approval_denied", "approval_timeout"));
    expect(existsSync(`${folder}/output.txt`)).toBe(false);
    expect(pick(rows, "approval", "status", "approver")).toEqual([{ status: "timeout", approver: "" }]);
    expect(texts(slack.blocks())).toContain("Closed: nobody answered.");
    expect(texts(slack.blocks())).not.toContain("button");
  });

  it("runs nothing where Slack does not take the message", async () => {
    const { slack, ended } = await start({ SLACK_CHANNEL: "C0ELSEWHERE" });
    const { code, output, folder, rows } = await ended;
    expect(code).toBe(0);
    expect(output).toBe(DENIED);
    expect(methods(slack)).toEqual(["apps.connections.open", "chat.postMessage: channel_not_found"]);
    expect(existsSync(`${folder}/output.txt`)).toBe(false);
    expect(pick(rows, "approval", "status", "error")).toEqual([{ status: "denied", error: "the handler threw WebAPIPlatformError" }]);
  });

  it("ends with Slack's own word where the app token is wrong", async () => {
    const { slack, ended } = await start({ SLACK_APP_TOKEN: "xapp-2-wrong" });
    const { code, errors } = await ended;
    expect(code).toBe(1);
    expect(errors).toContain("invalid_auth");
    expect(methods(slack)).toEqual(["apps.connections.open: invalid_auth"]);
  });

  it("says which setting is missing", async () => {
    const { code, errors } = await (await start({ SLACK_CHANNEL: "" })).ended;
    expect(code).toBe(2);
    expect(errors).toBe("Set SLACK_CHANNEL, and see the first lines of slack/main.ts.\n");
  });
});

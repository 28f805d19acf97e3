import { setTimeout as sleep } from "node:timers/promises";
import { SocketModeClient } from "@slack/socket-mode";
import { WebClient } from "@slack/web-api";
import { PolicyViolationError } from "@countersign/sdk";
import type { ApprovalContext, Call } from "@countersign/sdk";
import { afterEach, describe, expect, it, vi } from "vitest";
import { slackApproval } from "./slack-approval.ts";
import { APP_TOKEN, BOT_TOKEN, CHANNEL, startStrictSlack } from "./strict-slack.ts";

function contextOf(content: string, signal = new AbortController().signal): ApprovalContext {
  const call: Call = {
    server: { name: "filesystem", identity: null, transport: "stdio" },
    tool: "write_file",
    arguments: { path: "/tmp/a", content },
    argumentsText: "",
    context: {},
    contextText: "{}",
    meta: undefined,
    era: {},
    caller: { principal: "local", agent: { name: "", id: "" }, user: { id: "" }, session: { id: "s" } },
    policyId: "mcp:filesystem:write_file",
    definition: null,
    digest: "d".repeat(64),
  };
  return { call, digest: call.digest, deadline: new Date(Date.now() + 60_000), signal };
}

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function connect() {
  const slack = await startStrictSlack();
  open.push(() => slack.close());
  const options = { slackApiUrl: slack.apiUrl, retryConfig: { retries: 0 } };
  const socket = new SocketModeClient({ appToken: APP_TOKEN, clientOptions: options });
  await socket.start();
  open.push(() => socket.disconnect());
  const handler = slackApproval({ web: new WebClient(BOT_TOKEN, options), socket, channel: CHANNEL });
  const ask = async (context: ApprovalContext): Promise<unknown> => handler(new PolicyViolationError("blocked", { call: context.call }), context);
  return { slack, ask };
}

describe("slackApproval", () => {
  it("asks with long arguments in full, within Slack's limits", async () => {
    const { slack, ask } = await connect();
    const answer = ask(contextOf(`${"&".repeat(600)}${"x".repeat(3500)} the end`));
    const blocks = await vi.waitUntil(() => slack.blocks(), { timeout: 5_000, interval: 10 });
    expect(blocks.length).toBe(5);
    const shown = blocks.map((block) => String(Object(Object(block).text).text)).join("");
    expect(shown).toContain(`${"&amp;".repeat(600)}${"x".repeat(3500)} the end`);
    await slack.click("approve", "U0JANE");
    expect(await answer).toMatchObject({ approved: true, approver: "jane@company.com" });
  });

  it("does not ask at all where the call is longer than a message can show, which denies", async () => {
    const { slack, ask } = await connect();
    await expect(ask(contextOf("x".repeat(10_000)))).rejects.toThrow("too long to be shown in a Slack message");
    expect(slack.requests.map(({ method }) => method)).toEqual(["apps.connections.open"]);
  });

  it("shows what does not print, and leaves nothing for Slack to read as its own markup", async () => {
    const { slack, ask } = await connect();
    const controller = new AbortController();
    const answer = ask(contextOf("<!channel> <https://evil.example|ok> a\u202Eb :smile:", controller.signal));
    const shown = JSON.stringify(await vi.waitUntil(() => slack.blocks(), { timeout: 5_000, interval: 10 }));
    expect(shown).toContain("&lt;!channel&gt; &lt;https://evil.example|ok&gt; a\\\\u{202E}b :smile:");
    expect(shown).not.toMatch(/[<>\u202E]|mrkdwn|"emoji":true/);
    controller.abort();
    expect(await answer).toMatchObject({ approved: false });
  });

  it("takes a click for the message it was made on, and for no other", async () => {
    const { slack, ask } = await connect();
    const first = ask(contextOf("one"));
    await vi.waitUntil(() => slack.blocks(), { timeout: 5_000, interval: 10 });
    const second = ask(contextOf("two"));
    await vi.waitUntil(() => JSON.stringify(slack.blocks()).includes("two"), { timeout: 5_000, interval: 10 });
    await slack.click("approve", "U0JANE", 0);
    expect(await Promise.race([first, sleep(2000, "still open")])).toMatchObject({ approved: true });
    expect(await Promise.race([second, sleep(200, "still open")])).toBe("still open");
  });
});

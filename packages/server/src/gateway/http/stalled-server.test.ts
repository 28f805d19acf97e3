import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { connectProcess } from "../upstream/connect-process.ts";
import { startUpstream } from "../upstream/upstream-process.ts";
import { askStateless, beginSession, PATIENT, type Exchange } from "./fixture/http-peer.ts";
import { ALLOW } from "./fixture/http-stage.ts";
import { openFront, type OpenFront } from "./fixture/open-front.ts";
import { createSessionEndpoint } from "./session-endpoint.ts";

/** A server that is greeted, lists its tools, and reads nothing any more. */
const STALLS = `const say = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result }) + "\\n");
const lines = require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === "initialize") say(id, { protocolVersion: params.protocolVersion, capabilities: {}, serverInfo: { name: "s", version: "1" } });
  if (method === "server/discover") say(id, { resultType: "complete", supportedVersions: ["2026-07-28"], capabilities: { tools: {} } });
  if (method === "tools/list") say(id, { resultType: "complete", tools: [] });
  if (method === "prompts/list") process.stdin.pause(), lines.pause(), setInterval(() => undefined, 1_000);
})`;

let front: OpenFront;
afterEach(() => front.close());

async function open(): Promise<() => number> {
  let unsent: () => number = () => 0;
  const endpoint = createSessionEndpoint({
    connect(listener) {
      const upstream = startUpstream({ command: process.execPath, args: ["-e", STALLS] }, process.env);
      unsent = () => upstream.input.writableLength;
      return connectProcess(upstream, listener);
    },
    server: () => Promise.resolve({ name: "files", identity: null, transport: "stdio" }),
    onWarning: () => undefined,
  });
  front = await openFront(endpoint, { policies: ALLOW, ask: undefined, name: "files", onWarning: () => undefined });
  return () => unsent();
}

const PADDING = { padding: "x".repeat(4 * 1024 * 1024) };
/** Whether the request is refused by now. */
async function isRefused({ ended }: Exchange): Promise<boolean> {
  return (await Promise.race([ended.then(({ status }) => status), sleep(150)])) === 503;
}
/** Sends much, until somebody is told to try again: how many were not. */
async function waitingBeforeRefusal(ask: (id: number) => Exchange, after: (asked: Exchange) => void): Promise<number> {
  for (let count = 0; count < 20; count += 1) {
    const asked = ask(count);
    if (await isRefused(asked)) return count;
    after(asked);
  }
  return Infinity;
}

describe("what is sent to a server that does not read waits in memory, and not without end", () => {
  it("without sessions: above some megabytes whoever sends more is told to try again, whoever has gone meanwhile", async () => {
    const unsent = await open();
    const listed = askStateless(front.url, "stall", "prompts/list");
    expect(await waitingBeforeRefusal((id) => askStateless(front.url, id, "vendor/thing", PADDING), (asked) => asked.cut())).toBeLessThanOrEqual(6);
    expect(unsent()).toBeLessThan(24 * 1024 * 1024);
    listed.cut();
  });

  it("in a session: above some megabytes whoever sends more is told so too, and of whoever has gone nothing waits", async () => {
    const unsent = await open();
    const peer = await beginSession(front.url);
    const waiting = [peer.ask("stall", "prompts/list"), peer.ask("first", "vendor/thing", PADDING)];
    await expect.poll(unsent, PATIENT).toBeGreaterThan(1024 * 1024);
    const before = unsent();
    expect(await waitingBeforeRefusal((id) => peer.ask(`a${id}`, "vendor/thing", PADDING), (asked) => void waiting.push(asked))).toBeLessThanOrEqual(6);
    for (const asked of waiting) asked.cut();
    await Promise.all(waiting.map(({ ended }) => ended));
    expect(await waitingBeforeRefusal((id) => peer.ask(`b${id}`, "vendor/thing", PADDING), (asked) => asked.cut())).toBe(Infinity);
    expect(unsent()).toBe(before);
  });
});

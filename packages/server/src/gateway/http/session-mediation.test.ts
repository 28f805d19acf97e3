/** R6 before an upstream that reads lines: what of mutated requests of both eras gets to it, and as what. */
import { Agent } from "node:http";
import fc from "fast-check";
import { expect, it } from "vitest";
import { MemorySink } from "@countersign/sdk";
import { openGovernance } from "@countersign/sdk/governance";
import { seesToolCall } from "../fixture/sloppy-witness.ts";
import type { UpstreamConnection, UpstreamListener } from "../upstream/upstream-connection.ts";
import { send } from "./fixture/http-client.ts";
import { ALLOW } from "./fixture/http-stage.ts";
import { beginSession } from "./fixture/http-peer.ts";
import { mutatedRequests, type MutatedRequest } from "./fixture/mutated-requests.ts";
import { serveGateway } from "./serve-gateway.ts";
import { createSessionEndpoint } from "./session-endpoint.ts";

const RUNS = process.env["COUNTERSIGN_LONG"] === undefined ? 3_000 : 30_000;
const BATCH = 100;
const OURS = /^\{"jsonrpc":"2\.0","id":"countersign-[\w-]{12}-\d+","method":"tools\/call","params":\{[^\n\r]*\}\n$/;
const TOOLS = [{ name: "write", inputSchema: { type: "object" } }];
const RESULTS: Readonly<Record<string, object>> = {
  initialize: { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } },
  "server/discover": { supportedVersions: ["2026-07-28"], capabilities: { tools: {} } },
  "tools/list": { tools: TOOLS },
};

/** Some as people write them, in several lines. */
const requests: fc.Arbitrary<MutatedRequest> = fc.tuple(mutatedRequests, fc.constantFrom("", "\n", "\r\n")).map(([request, end]) => {
  try {
    return end === "" ? request : { ...request, body: Buffer.from(JSON.stringify(JSON.parse(request.body.toString()), null, 2).replaceAll("\n", end)) };
  } catch {
    return request;
  }
});

/** A server that answers every request at once, whatever it is, and keeps what it was sent. */
function answering(sent: string[]): (listener: UpstreamListener) => UpstreamConnection {
  return ({ onLine }) => {
    const ended = Promise.withResolvers<{ kind: "ended"; code: number }>();
    return {
      send(line) {
        sent.push(line.toString());
        const { id, method } = JSON.parse(line.toString()) as { id?: unknown; method?: string }; // only JSON gets here, or the test fails
        if (id !== undefined && method !== undefined) setImmediate(() => onLine(Buffer.from(`${JSON.stringify({ jsonrpc: "2.0", id, result: RESULTS[method] ?? { content: [] } })}\n`)));
        return true;
      },
      pause: () => undefined,
      resume: () => undefined,
      ended: ended.promise,
      stop() {
        ended.resolve({ kind: "ended", code: 0 });
        return Promise.resolve();
      },
    };
  };
}

async function through(mutated: readonly MutatedRequest[]): Promise<{ readonly sent: readonly string[]; readonly allowed: number; readonly statuses: readonly number[] }> {
  const sent: string[] = [];
  const sink = new MemorySink();
  const opened = openGovernance({ policies: ALLOW, controlPlane: null, record: { to: sink, arguments: "none" }, onWarning: () => undefined }, "server");
  const endpoint = createSessionEndpoint({ connect: answering(sent), server: () => Promise.resolve({ name: "files", identity: null, transport: "stdio" }), onWarning: () => undefined });
  const caller = { credential: "local", agent: { name: "agent", id: "" }, user: { id: "" }, governance: () => opened.governance };
  const served = await serveGateway({ host: "127.0.0.1", port: 0, endpoints: [{ name: "files", endpoint }], names: { hosts: ["127.0.0.1"] }, identify: () => ({ kind: "caller", caller }), onWarning: () => undefined });
  const url = new URL(`http://127.0.0.1:${served.port}/mcp`);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const statuses: number[] = [];
  try {
    const { id } = await beginSession(url.href);
    for (const { method, headers, body } of mutated) {
      const came = await send(url, method === "DELETE" ? "POST" : method, { "mcp-session-id": id, ...headers }, body, agent);
      await came.body.catch(() => undefined);
      statuses.push(came.status);
    }
    await opened.close();
    const rows = sink.text().trimEnd().split("\n").map((line) => JSON.parse(line) as { type?: string; action?: string }); // as the recorder writes them
    return { sent, allowed: rows.filter(({ type, action }) => type === "decision" && action === "allow").length, statuses };
  } finally {
    agent.destroy();
    await served.close();
    await opened.close();
  }
}

it("R6: no line that an upstream could read as a tools/call reaches it without a recorded policy verdict, and every message is one line", async () => {
  let [passed, called, refused] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(requests, { minLength: BATCH, maxLength: BATCH }), async (mutated) => {
      const { sent, allowed, statuses } = await through(mutated);
      for (const line of sent) expect(line.slice(0, -1) + JSON.stringify(line.at(-1))).toMatch(/^[^\n\r]*"\\n"$/);
      const calls = sent.filter((line) => OURS.test(line));
      expect(sent.filter((line) => !OURS.test(line) && seesToolCall(Buffer.from(line)))).toEqual([]);
      expect(calls).toHaveLength(allowed);
      passed += sent.length - calls.length;
      called += calls.length;
      refused += statuses.filter((status) => status >= 400).length;
    }),
    { numRuns: RUNS / BATCH, seed: 20_261_127 },
  );
  // All three ways are taken, or the test says nothing.
  expect([passed, called, refused].every((count) => count > RUNS / 20), `${passed} passed, ${called} calls, ${refused} refused`).toBe(true);
});

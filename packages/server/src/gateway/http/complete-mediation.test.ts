import { Agent } from "node:http";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { PolicyDocument } from "@countersign/sdk";
import { seesToolCall } from "../fixture/sloppy-witness.ts";
import { send } from "./fixture/http-client.ts";
import { httpGateway, BLOCK_WRITES } from "./fixture/http-gateway.ts";
import { mutatedRequests, type MutatedRequest } from "./fixture/mutated-requests.ts";
import { ANSWERS, scriptedUpstream, type Received, type ScriptedUpstream } from "./fixture/scripted-upstream.ts";

/** Messages; over stdio as many again (../complete-mediation.test.ts). */
const RUNS = process.env["COUNTERSIGN_LONG"] === undefined ? 5_000 : 50_000;
const BATCH = 100;
const OURS = /^\{"jsonrpc":"2\.0","id":(?:-?\d+|"[^"\\]*"|".*"),"method":"tools\/call","params":\{"name":"/;

let upstream: ScriptedUpstream;
beforeAll(async () => {
  upstream = await scriptedUpstream(ANSWERS);
});
afterAll(() => upstream.close());

/** Readers of lines, of the whole, and of the head alone. */
function seesCall({ body, rawHeaders, message }: Received): boolean {
  const whole = Buffer.from(body.toString("latin1").replaceAll(/[\n\r]/g, " "), "latin1");
  const inHead = rawHeaders.some((value, at) => at % 2 === 1 && /^mcp[-_]method$/i.test(rawHeaders[at - 1] ?? "") && /tools.?call/i.test(value));
  return seesToolCall(body) || seesToolCall(whole) || (inHead && message?.method !== "tools/call");
}

interface Joined {
  readonly calls: readonly Received[];
  readonly others: readonly Received[];
  readonly allowed: number;
  readonly statuses: readonly number[];
}

async function through(requests: readonly MutatedRequest[], policies: PolicyDocument): Promise<Joined> {
  upstream.received.length = 0;
  const at = await httpGateway(upstream.url, { policies });
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  try {
    const statuses = await Promise.all(
      requests.map(async ({ method, headers, body }) => {
        const came = await send(at.url, method, headers, body, agent);
        await came.body.catch(() => undefined);
        return came.status;
      }),
    );
    const own = upstream.received.filter(({ message }) => message?.method === "tools/list" && typeof message.id === "string" && message.id.startsWith("countersign-"));
    const rest = upstream.received.filter((one) => !own.includes(one));
    const calls = rest.filter(seesCall);
    const rows = await at.rows();
    const allowed = rows.filter(({ type, action }) => type === "decision" && action === "allow").length;
    return { calls, others: rest.filter((one) => !calls.includes(one)), allowed, statuses };
  } finally {
    agent.destroy();
    await at.close();
  }
}

it("R6: over HTTP, no message that an upstream could read as a tools/call reaches it without a recorded policy verdict", async () => {
  let [passed, called, refused] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(mutatedRequests, { minLength: BATCH, maxLength: BATCH }), async (requests) => {
      const { calls, others, allowed, statuses } = await through(requests, { version: 1, default: "allow", policies: [] });
      for (const { body, headers } of calls) {
        expect(body.toString()).toMatch(OURS);
        expect([headers["content-type"], headers["content-encoding"], headers["transfer-encoding"]]).toEqual(["application/json", undefined, undefined]);
      }
      expect(calls).toHaveLength(allowed);
      const sent = new Set(requests.map(({ body }) => body.toString("latin1")));
      for (const { method, body } of others) if (method === "POST") expect(sent).toContain(body.toString("latin1"));
      passed += others.length;
      called += calls.length;
      refused += statuses.filter((status) => status >= 400).length;
    }),
    { numRuns: RUNS / BATCH, seed: 20_261_126 },
  );
  console.info(`R6 over HTTP: ${RUNS} requests, ${passed} passed, ${called} calls, ${refused} refused`);
  // All three ways are taken, or the test says nothing.
  expect([passed, called, refused].every((count) => count > RUNS / 20), `${passed} passed, ${called} calls, ${refused} refused`).toBe(true);
});

it("R6: over HTTP, nothing that a client says of itself or of approvals runs what nobody allowed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(mutatedRequests, { minLength: BATCH, maxLength: BATCH }), async (requests) => {
      const { calls } = await through(requests, BLOCK_WRITES);
      expect(calls.map(({ body }) => body.toString())).toEqual([]);
    }),
    { numRuns: RUNS / BATCH / 5, seed: 8 },
  );
});

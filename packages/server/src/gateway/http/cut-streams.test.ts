/** R11 and R25 over HTTP: clients whose streams are cut before, around and after the yes and the claim, and who send the call again. */
import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ledgerAsk, type LedgerAsk } from "../fixture/ledger-ask.ts";
import { heldFor } from "../call/waiting.ts";
import { call, LEGACY, modern, modernCall, post, type Said } from "./fixture/http-client.ts";
import { BLOCK_WRITES, httpGateway, type HttpGateway } from "./fixture/http-gateway.ts";
import { answering, json, scriptedUpstream, stream, type ScriptedUpstream } from "./fixture/scripted-upstream.ts";

const OFFSETS = 20;
const TRIALS = process.env["COUNTERSIGN_LONG"] === undefined ? 5 : 50;
/** Between two offsets: the yes comes after 6 steps, the claim takes 2, the tool 4. */
const STEP_MS = 2;
/** Beyond it a caller hangs. */
const PATIENCE_MS = 5_000;

let upstream: ScriptedUpstream;
let ask: LedgerAsk;
let at: HttpGateway;
const agent = new Agent({ keepAlive: true });
beforeAll(async () => {
  let count = 0;
  upstream = await scriptedUpstream(
    answering(({ message }, response) => {
      const answer = { jsonrpc: "2.0", id: message?.id, result: { content: [{ type: "text", text: "done" }] } };
      // Upstreams of both kinds, in turn.
      if ((count += 1) % 2 === 0) return void setTimeout(() => json(response, answer), 4 * STEP_MS);
      stream(response);
      setTimeout(() => response.end(`data: ${JSON.stringify(answer)}\n\n`), 4 * STEP_MS);
    }),
  );
  ask = ledgerAsk({ answerMs: 6 * STEP_MS, claimMs: 2 * STEP_MS });
  at = await httpGateway(upstream.url, { policies: BLOCK_WRITES, ask, waiting: { ...heldFor(4_000), progressMs: 5 } });
});
afterAll(async () => {
  agent.destroy();
  await at.close();
  await upstream.close();
});

let ids = 0;
function ofEra(era: string, args: object): { readonly headers: Readonly<Record<string, unknown>>; readonly body: Said } {
  const id = (ids += 1);
  if (era === "modern") return { headers: modern("tools/call", "write"), body: modernCall(id, "write", { arguments: args }) };
  return { headers: LEGACY, body: call(id, "write", { arguments: args }) };
}

/** Sends the call, and cuts its connection so long after its stream has begun. */
async function cut(era: string, args: object, afterMs: number): Promise<void> {
  const { headers, body } = ofEra(era, args);
  const came = await post(at.url, headers as Record<string, string>, body);
  await sleep(afterMs);
  came.drop();
}

async function answered(era: string, args: object): Promise<string> {
  const { headers, body } = ofEra(era, args);
  const timeout = AbortSignal.timeout(PATIENCE_MS);
  const text = post(at.url, headers as Record<string, string>, body, agent).then((came) => came.body);
  return Promise.race([text, new Promise<string>((resolve) => timeout.addEventListener("abort", () => resolve("hung"), { once: true }))]);
}

it.each(["legacy", "modern"])("R11, R25: %s: a stream cut at 20 offsets around the yes and the claim: nothing runs after the end, nobody hangs, nothing runs twice", async (era) => {
  const trials = Array.from({ length: OFFSETS * TRIALS }, (_, index) => ({ offset: index % OFFSETS, args: { era, n: index } }));
  for (let first = 0; first < trials.length; first += OFFSETS) {
    await Promise.all(
      trials.slice(first, first + OFFSETS).map(async ({ offset, args }) => {
        await cut(era, args, offset * STEP_MS);
        const again = await Promise.all(Array.from({ length: 1 + (offset % 5) }, () => answered(era, args)));
        for (const text of again) expect(text).toMatch(/"result":\{/);
      }),
    );
  }
  await expect.poll(() => ask.events.filter(({ what }) => what === "claimed").length - ask.events.filter(({ what }) => what === "released" || what === "outcome").length).toBe(0);

  const isOfEra = (args: string): boolean => args.includes(`"${era}"`);
  const runs = new Map<string, number>();
  for (const { message } of upstream.calls) {
    const args = JSON.stringify(message?.params?.["arguments"]);
    if (isOfEra(args)) runs.set(args, (runs.get(args) ?? 0) + 1);
  }
  const spent = new Map<string, number>();
  for (const events of Map.groupBy(ask.events.filter(({ args }) => isOfEra(args)), ({ request }) => request).values()) {
    const whats = events.map(({ what }) => what);
    const ended = whats.indexOf("cancelled");
    expect(ended < 0 || !whats.slice(ended).includes("claimed"), whats.join(" ")).toBe(true);
    const used = whats.filter((what) => what === "claimed").length - whats.filter((what) => what === "released").length;
    expect(used, whats.join(" ")).toBeLessThanOrEqual(1);
    const args = events[0]?.args ?? "";
    spent.set(args, (spent.get(args) ?? 0) + used);
  }
  // No run without an approval of its own that was spent on it.
  for (const [args, count] of runs) expect(count, args).toBeLessThanOrEqual(spent.get(args) ?? 0);
  console.info(`R11, R25, ${era}: ${trials.length} cuts, ${runs.size} calls ran, ${ask.events.filter(({ args, what }) => what === "cancelled" && isOfEra(args)).length} requests ended with their client`);
  expect(runs.size).toBeGreaterThan(trials.length / 2);
});

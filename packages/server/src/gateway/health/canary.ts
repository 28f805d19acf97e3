/**
 * The proof that the gate is on (GUARANTEES R36). Before any traffic is served, calls that a policy blocks go the very way of every other
 * call, before a server in this process that remembers what reaches it. None may. One that is allowed must: a way that is dead proves nothing.
 */
import type { Governance, OpenedGovernance } from "@countersign/sdk/enforcement";
import { openGovernance } from "@countersign/sdk/governance";
import type { PolicyDocument } from "@countersign/sdk";
import { WAITING } from "../call/waiting.ts";
import { Relay } from "../relay.ts";

export const CANARY_SERVER = "countersign-canary";

const POLICY: PolicyDocument = {
  version: 1,
  default: "allow",
  policies: [
    { name: "canary-never", match: `mcp:${CANARY_SERVER}:never`, action: "block", reason: "canary", approval: "never" },
    // Askable, and nobody can be asked: whatever answers in people's place would let it run.
    { name: "canary-asked", match: `mcp:${CANARY_SERVER}:asked`, action: "block", reason: "canary" },
  ],
};
const BLOCKED = ["never", "asked"] as const;
const ALLOWED = "allowed";
const PATIENCE_MS = 5_000;

export type CanaryResult = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** `around`: what the gateway's own governances go through too. Never rejects. */
export async function runCanary(around: (governance: Governance) => Governance = (governance) => governance): Promise<CanaryResult> {
  let opened: OpenedGovernance | undefined;
  try {
    opened = openGovernance({ policies: POLICY, controlPlane: null, record: "memory", onWarning: () => undefined }, "server");
    return await fly(around(opened.governance));
  } catch (error) {
    return { ok: false, why: `the canary could not fly: ${error instanceof Error ? error.message : String(error)}` };
  } finally {
    await opened?.close();
  }
}

async function fly(governance: Governance): Promise<CanaryResult> {
  const arrived: string[] = [];
  const answers = new Map<number, (text: string) => void>();
  const relay = new Relay({
    governance: () => governance,
    server: async () => ({ name: CANARY_SERVER, identity: null, transport: "memory" }),
    caller: { agent: { name: CANARY_SERVER, id: "" }, user: { id: "" }, session: { id: CANARY_SERVER } },
    waiting: WAITING,
    cancelGraceMs: 0,
    toClient(bytes) {
      const answer = JSON.parse(bytes.toString()) as { readonly id: number }; // an answer to one of the two below
      answers.get(answer.id)?.(bytes.toString());
    },
    toUpstream: (bytes) => answerAsUpstream(bytes.toString(), arrived, (line) => relay.fromUpstream(Buffer.from(line))),
    onWarning: () => undefined,
  });
  const call = (id: number, name: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to the call of ${name}`)), PATIENCE_MS);
      answers.set(id, (text) => {
        clearTimeout(timer);
        resolve(text);
      });
      relay.fromClient(Buffer.from(`${JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: {} } })}\n`));
    });
  const [allowed, ...blocked] = await Promise.all([ALLOWED, ...BLOCKED].map((name, index) => call(index + 1, name)));
  relay.upstreamGone();
  await relay.drained();
  const escaped = arrived.filter((name) => name !== ALLOWED);
  if (escaped.length > 0) return { ok: false, why: "a call that a policy blocks was sent to its server all the same" };
  if (blocked.some((answer) => !answer.includes('"isError":true'))) return { ok: false, why: "a call that a policy blocks was not answered as refused" };
  if (arrived.length !== 1 || allowed?.includes(ARRIVED) !== true) return { ok: false, why: "a call that a policy allows did not reach its server" };
  return { ok: true };
}

const ARRIVED = "the canary has arrived";

/** A server that has the three tools, and says what it was asked to run. */
function answerAsUpstream(line: string, arrived: string[], answer: (line: string) => void): void {
  const { id, method, params } = JSON.parse(line) as { readonly id: unknown; readonly method: string; readonly params?: { readonly name?: string } }; // the relay's own words
  if (method === "tools/call") arrived.push(params?.name ?? "");
  const tool = (name: string): object => ({ name, inputSchema: { type: "object" } });
  const result = method === "tools/list" ? { tools: [ALLOWED, ...BLOCKED].map(tool) } : { content: [{ type: "text", text: ARRIVED }] };
  queueMicrotask(() => answer(`${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`));
}

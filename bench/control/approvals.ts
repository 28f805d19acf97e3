/** One approval, step by step, in two ways: by the resources of a ledger in this process, and over HTTP as the SDK and a person's command line do it. */
import { randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import { createWireClient, type AskedRequest, type ClaimBody, type WireResult } from "@countersign/sdk/wire";
import { RequestWatch } from "../../packages/sdk/src/control-plane/request-watch.ts";
import { agent, openWorld, voter, type World } from "../../packages/server/src/control/fixture/world.ts";
import type { Store } from "../../packages/server/src/store/store.ts";
import { askBodyOf, furnish, type Credentials } from "./furnish.ts";

export interface Approvals {
  /** Answers when the request is stored. */
  park(label: string): Promise<AskedRequest>;
  /** Answers when the caller waits; `woken`: when it held the decision. */
  wait(parked: AskedRequest): Promise<{ readonly woken: Promise<number> }>;
  approve(parked: AskedRequest): Promise<void>;
  claim(parked: AskedRequest): Promise<string>;
  report(parked: AskedRequest, claimId: string): Promise<void>;
  close(): Promise<void>;
}

const LONG_MS = 600_000;
const newClaimId = (): string => randomBytes(32).toString("hex");
const claimBodyOf = ({ callDigest }: AskedRequest, claimId: string): ClaimBody => ({ claimId, callDigest, definition: null, serverIdentity: null });

export async function openInProcess(store: Store): Promise<Approvals & { readonly world: World; readonly credentials: Credentials }> {
  const reads = countReads(store);
  const world = await openWorld(store);
  const { requests, ledger } = world;
  const credentials = await furnish(ledger, store);
  const asker = agent(credentials.keys[0]?.id ?? "");
  const approver = voter("p0");
  return {
    world,
    credentials,
    park: async (label) => granted(await requests.ask(asker, askBodyOf(label))).request,
    async wait({ id, rev }) {
      const before = requests.waiting;
      const woken = requests.asked(asker, id, { waitMs: LONG_MS, rev }).then(() => performance.now());
      // A caller that begins to wait looks how things stand first.
      while (requests.waiting === before || reads.underWay > 0) await turn();
      return { woken };
    },
    approve: async ({ id, requestDigest }) => void granted(await requests.vote(approver, id, { choice: "approve", requestDigest, viewedDigest: null, reason: "", grant: null }, "terminal")),
    async claim(parked) {
      const claimId = newClaimId();
      granted(await requests.claim(asker, parked.id, claimBodyOf(parked, claimId)));
      return claimId;
    },
    report: async ({ id }, claimId) => void granted(await requests.outcome(asker, id, { claimId, outcome: "completed", isError: false, elapsedMs: 1 })),
    async close() {
      await world.close();
      await store.close();
    },
  };
}

/** How many reads are under way, from here on. */
function countReads(store: Store): { readonly underWay: number } {
  const counted = { underWay: 0 };
  const read = store.read.bind(store);
  store.read = async (...asked) => {
    counted.underWay += 1;
    try {
      return await read(...asked);
    } finally {
      counted.underWay -= 1;
    }
  };
  return counted;
}

function granted<T extends { readonly ok: boolean }>(answer: T): Extract<T, { ok: true }> {
  if (!answer.ok) throw new Error(JSON.stringify(answer));
  return answer as Extract<T, { ok: true }>; // just looked at
}

const PATIENCE = { withinMs: 10_000 };

export interface HttpDoor {
  readonly url: string;
  /** Of the agent. */
  readonly secret: string;
  /** Of the approver. */
  readonly token: string;
  /** Where the approver votes, if that is another instance. */
  readonly voteUrl?: string;
}

/** The SDK's own client, watch and stream on one side, a person's command line on the other. */
export async function openOverHttp({ url, secret, token, voteUrl = url }: HttpDoor): Promise<Approvals> {
  const client = createWireClient(new URL(url), secret);
  const heard = Promise.withResolvers<void>();
  const stream = client.events({ onHello: () => heard.resolve(), onRequest: (told) => watch.take(told), onPolicy: () => undefined });
  const watch = new RequestWatch(client, { isConnected: () => stream.isConnected, onAttended: (attended) => stream.attend(attended) });
  stream.start();
  stream.attend(true);
  await heard.promise;
  const vote = openVoter(voteUrl, token);
  const never = new AbortController().signal;
  return {
    park: async (label) => valueOf(await client.ask(askBodyOf(label), PATIENCE)).request,
    wait: (parked) => Promise.resolve({ woken: watch.follow(parked, never).then(() => performance.now()) }),
    approve: (parked) => vote.approve(parked),
    async claim(parked) {
      const claimId = newClaimId();
      valueOf(await client.claim(parked.id, claimBodyOf(parked, claimId), PATIENCE));
      return claimId;
    },
    report: async ({ id }, claimId) => void valueOf(await client.outcome(id, { claimId, outcome: "completed", isError: false, elapsedMs: 1 }, PATIENCE)),
    close() {
      stream.close();
      watch.close();
      client.close();
      vote.close();
      return Promise.resolve();
    },
  };
}

function valueOf<T>(answer: WireResult<T>): T {
  if (!answer.ok) throw new Error(JSON.stringify(answer));
  return answer.value;
}

export function openVoter(url: string, token: string): { readonly approve: (parked: Pick<AskedRequest, "id" | "requestDigest">) => Promise<void>; readonly close: () => void } {
  const agentOfVoter = new Agent({ keepAlive: true });
  const base = new URL(url);
  return {
    approve: ({ id, requestDigest }) =>
      new Promise((resolve, reject) => {
        const body = JSON.stringify({ choice: "approve", requestDigest, viewedDigest: null, reason: "", grant: null });
        const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", "content-length": Buffer.byteLength(body) };
        const sent = request({ agent: agentOfVoter, hostname: base.hostname, port: base.port, method: "POST", path: `/v1/approvals/${id}/vote`, headers }, (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => (text += chunk));
          response.on("end", () => (response.statusCode === 200 ? resolve() : reject(new Error(`${response.statusCode} ${text}`))));
        });
        sent.on("error", reject);
        sent.end(body);
      }),
    close: () => agentOfVoter.destroy(),
  };
}

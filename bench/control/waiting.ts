/**
 * P13 and the crowd: what a waiting caller and a stored request cost in memory, in this process, in the waiting one and in the
 * control plane; then 5,000 callers who wait while 100,000 requests are stored, and how long a decision takes to release its own.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request, type ClientRequest } from "node:http";
import { join } from "node:path";
import { openPostgresStore } from "../../packages/server/src/store/postgres-store.ts";
import { openSqliteStore } from "../../packages/server/src/store/sqlite-store.ts";
import { createWireClient } from "@countersign/sdk/wire";
import { openVoter } from "./approvals.ts";
import type { Databases } from "./park-and-decide.ts";
import { askBodyOf } from "./furnish.ts";
import { startPlane, type Plane } from "./plane.ts";
import { FIRST_STORING_KEY, storePending } from "./store-pending.ts";
import { printHead, printLine, quantile } from "./table.ts";
import type { Held, WaitingOptions, Woken } from "./waiting-child.ts";

const STORED = 100_000;
const WAITING = 5_000;
/** Requests that one key has open at most. */
const PER_KEY = 1_000;
const DECIDERS = 8;
const POLLS = 2_000;

export async function measureWaitingPostgres(postgres: Databases): Promise<void> {
  await crowd("PostgreSQL", await postgres.createDatabase());
}

export async function measureWaitingSqlite(_postgres: Databases, scratch: string): Promise<void> {
  await crowd("SQLite", join(scratch, "crowd.sqlite"));
}

async function crowd(name: string, store: string): Promise<void> {
  printHead(`P13 waiting, ${name}: ${STORED} stored, ${WAITING} waiting`);
  // The first start makes people and keys; another one begins with nothing in its memory.
  const first = await startPlane({ store, furnish: true });
  const { credentials } = first;
  if (credentials === null) throw new Error("no credentials");
  const empty = await first.usage();
  await first.close();
  const began = performance.now();
  const opened = name === "SQLite" ? await openSqliteStore({ path: store }) : await openPostgresStore({ url: store });
  await storePending(opened, credentials, STORED);
  printLine("requests stored a second, in process, 256 at a time", STORED / ((performance.now() - began) / 1000), "/s");
  const plane = await startPlane({ store, furnish: false });
  const full = await plane.usage();
  printLine("control plane, nothing stored: heap", empty.heap / 1024, "KiB");
  printLine("control plane, heap for one stored request", (full.heap - empty.heap) / STORED, "B", 2, "goal 0");
  printLine("control plane, RSS with nothing and with all stored", full.rss / 2 ** 20, "MiB", 0, `(${(empty.rss / 2 ** 20).toFixed(0)} MiB)`);
  const waiting = await startWaiting(plane, credentials.keys.slice(0, Math.ceil(WAITING / PER_KEY)).map(({ secret }) => secret));
  const held = await plane.usage();
  const each = (waiting.held.heap - waiting.before.heap) / WAITING;
  printLine("waiting process, heap for one waiter, its request included", each, "B", 0);
  printLine("waiting process, heap for one waiter beyond its request", each - waiting.asked / WAITING, "B", 0, "goal ≤ 2 KiB");
  printLine("waiting process, RSS with all waiting", waiting.held.rss / 2 ** 20, "MiB", 0, `(${(waiting.before.rss / 2 ** 20).toFixed(0)} MiB)`);
  printLine("control plane, RSS with all waiting", held.rss / 2 ** 20, "MiB");
  await decideAll(plane, waiting.requests, credentials.people.map(({ token }) => token), () => waiting.woken());
  const after = await plane.usage();
  printLine("control plane, RSS afterwards", after.rss / 2 ** 20, "MiB");
  await waiting.close();
  await longPolls(plane, credentials.keys[FIRST_STORING_KEY - 1]?.secret ?? "");
  await plane.close();
  console.log();
}

async function decideAll(plane: Plane, requests: Held["requests"], tokens: readonly string[], woken: () => Promise<Woken>): Promise<void> {
  const all = woken();
  const sent = new Map<string, number>();
  let next = 0;
  const began = Date.now();
  await Promise.all(
    Array.from({ length: DECIDERS }, async (_, index) => {
      const voter = openVoter(plane.url, tokens[index] ?? "");
      for (let one = requests[next++]; one !== undefined; one = requests[next++]) {
        sent.set(one.id, wallMs());
        await voter.approve(one);
      }
      voter.close();
    }),
  );
  const seconds = (Date.now() - began) / 1000;
  const times = (await all).map(([id, at]) => at - (sent.get(id) ?? Number.NaN));
  printLine(`decisions a second over HTTP, ${DECIDERS} deciders`, requests.length / seconds, "/s");
  printLine("decision → release p50", quantile(times, 0.5), "ms", 1);
  printLine("decision → release p95", quantile(times, 0.95), "ms", 1, "goal < 250 ms");
  printLine("decision → release p99", quantile(times, 0.99), "ms", 1);
}

/** Comparable between processes of one machine. */
function wallMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Callers without a stream, each with a connection of its own that asks and waits. */
async function longPolls(plane: Plane, secret: string): Promise<void> {
  const client = createWireClient(new URL(plane.url), secret);
  const asked = await client.ask(askBodyOf("polled"), { withinMs: 10_000 });
  client.close();
  if (!asked.ok) throw new Error(JSON.stringify(asked));
  const { id } = asked.value.request;
  const before = await plane.usage();
  const agent = new Agent({ keepAlive: true, maxSockets: POLLS });
  const base = new URL(plane.url);
  const polls: ClientRequest[] = [];
  for (let index = 0; index < POLLS; index++) {
    const poll = request({ agent, hostname: base.hostname, port: base.port, path: `/v1/approvals/${id}/asked?waitMs=60000`, headers: { authorization: `Bearer ${secret}` } });
    poll.on("error", () => undefined);
    poll.on("response", (response) => response.resume());
    polls.push(poll.end());
    if (index % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const after = await plane.usage();
  printLine("control plane, a caller that waits with a request: heap", (after.heap - before.heap) / POLLS, "B");
  printLine("control plane, a caller that waits with a request: RSS", (after.rss - before.rss) / POLLS, "B", 0, "goal ≤ 16 KiB");
  for (const poll of polls) poll.destroy();
  agent.destroy();
}

interface Waiters {
  readonly before: Held["before"];
  readonly held: Held["held"];
  readonly asked: Held["asked"];
  readonly requests: Held["requests"];
  woken(): Promise<Woken>;
  close(): Promise<void>;
}

async function startWaiting(plane: Plane, secrets: readonly string[]): Promise<Waiters> {
  const child = fork(new URL("./waiting-child.ts", import.meta.url), { execArgv: ["--expose-gc"] });
  const ended = once(child, "exit");
  const message = () => Promise.race([once(child, "message"), ended.then(() => Promise.reject(new Error("the waiting process has ended")))]);
  const answer = message();
  child.send({ url: plane.url, secrets, count: WAITING } satisfies WaitingOptions);
  const [said] = await answer;
  const held = said as Held; // what waiting-child.ts says first
  return {
    ...held,
    async woken() {
      const [woken] = await message();
      return woken as Woken; // and what it says then
    },
    async close() {
      child.send("end");
      await ended;
    },
  };
}

/** P11: 32 deciders at once, on approvals of their own and on the same ones, beside 32 connections that commit one row each, with and without NOTIFY. */
import { Pool } from "pg";
import { agent, voter } from "../../packages/server/src/control/fixture/world.ts";
import { openPostgresStore } from "../../packages/server/src/store/postgres-store.ts";
import { openSqliteStore } from "../../packages/server/src/store/sqlite-store.ts";
import type { Store } from "../../packages/server/src/store/store.ts";
import { join } from "node:path";
import type { AskedRequest } from "@countersign/sdk/wire";
import { openInProcess } from "./approvals.ts";
import { askBodyOf } from "./furnish.ts";
import { CREATE, INSERT } from "./one-commit.ts";
import type { Databases } from "./park-and-decide.ts";
import { printHead, printLine, quantile } from "./table.ts";

const DECIDERS = 32;
/** Of one turn. */
const DECISIONS = 1_600;
const SAME = 50;

interface Side {
  readonly name: string;
  readonly rates: number[];
  readonly times: number[];
  readonly turn: (times: number[]) => Promise<number>;
}

export async function measureDeciders(postgres: Databases, scratch: string, rounds: number): Promise<void> {
  const url = await postgres.createDatabase();
  const pool = new Pool({ connectionString: await postgres.createDatabase(), max: DECIDERS });
  await pool.query(CREATE);
  const commit = side("32 connections, a row of 1 KiB and a commit each", () => pool.query({ name: "plain", text: INSERT, values: [BODY] }));
  const notify = side("the same with NOTIFY in each commit", () => pool.query({ name: "notify", text: `with row as (${INSERT} returning id) select pg_notify('bench', id::text) from row`, values: [BODY] }));
  const listener = await pool.connect();
  await listener.query("listen bench");
  const ours = await decidersOn(await openPostgresStore({ url }), "PostgreSQL");
  const embedded = await decidersOn(await openSqliteStore({ path: join(scratch, "deciders.sqlite") }), "SQLite");
  const sides = [commit, notify, ours.distinct, ours.same, embedded.distinct, embedded.same];
  for (let round = -1; round < rounds; round++) for (const one of sides) {
    const times: number[] = [];
    const rate = await one.turn(times);
    if (round < 0) continue;
    one.rates.push(rate);
    one.times.push(...times);
  }
  print(sides, ours.distinct);
  listener.release();
  for (const open of [ours, embedded]) await open.close();
  await pool.end();
}

const BODY = "x".repeat(1024);

function side(name: string, decide: () => Promise<unknown>): Side {
  return { name, rates: [], times: [], turn: (times) => race(DECISIONS, decide, times) };
}

/** So many at a time until all are done. Answers how many a second. */
async function race(count: number, decide: (index: number) => Promise<unknown>, times: number[]): Promise<number> {
  let next = 0;
  const began = performance.now();
  await Promise.all(Array.from({ length: DECIDERS }, async () => {
    while (next < count) {
      const start = performance.now();
      await decide(next++);
      times.push(performance.now() - start);
    }
  }));
  return count / ((performance.now() - began) / 1000);
}

async function decidersOn(store: Store, name: string): Promise<{ readonly distinct: Side; readonly same: Side; close(): Promise<void> }> {
  const opened = await openInProcess(store);
  const { credentials } = opened;
  const { requests } = opened.world;
  let labels = 0;
  const park = async (count: number): Promise<readonly AskedRequest[]> => {
    const parked = await Promise.all(Array.from({ length: count }, () => requests.ask(agent(credentials.keys[labels % 64]?.id ?? ""), askBodyOf(`decider-${labels++}`))));
    return parked.map((one) => {
      if (!one.ok) throw new Error(one.detail);
      return one.request;
    });
  };
  const vote = async (parked: AskedRequest | undefined, person: number): Promise<boolean> => {
    if (parked === undefined) throw new Error("not parked");
    return (await requests.vote(voter(`p${person}`), parked.id, { choice: "approve", requestDigest: parked.requestDigest, viewedDigest: null, reason: "", grant: null }, "terminal")).ok;
  };
  const distinct: Side = {
    ...side(`ours on ${name}, each an approval of its own`, () => Promise.resolve()),
    async turn(times) {
      const parked = await park(DECISIONS);
      return race(DECISIONS, async (index) => {
        if (!(await vote(parked[index], index % DECIDERS))) throw new Error("the vote did not count");
      }, times);
    },
  };
  const same: Side = {
    ...side(`ours on ${name}, all on the same approval`, () => Promise.resolve()),
    async turn(times) {
      const parked = await park(SAME);
      const wins = new Map<number, number>();
      const rate = await race(SAME * DECIDERS, async (index) => {
        const of = Math.floor(index / DECIDERS);
        if (await vote(parked[of], index % DECIDERS)) wins.set(of, (wins.get(of) ?? 0) + 1);
      }, times);
      if (wins.size !== SAME || [...wins.values()].some((count) => count !== 1)) throw new Error("an approval has not exactly one winner");
      return rate;
    },
  };
  return { distinct, same, close: () => opened.close() };
}

function print(sides: readonly Side[], ours: Side): void {
  printHead(`P11 ${DECIDERS} deciders`, "per s", "p50 ms", "p99 ms");
  for (const { name, rates, times } of sides) {
    console.log(`  ${name.padEnd(58)} ${quantile(rates, 0.5).toFixed(0).padStart(8)} ${quantile(times, 0.5).toFixed(2).padStart(8)} ${quantile(times, 0.99).toFixed(2).padStart(8)}`);
  }
  const rate = quantile(ours.rates, 0.5);
  const [commit, notify] = sides;
  printLine("ours ÷ one commit each, without NOTIFY", rate / quantile(commit?.rates ?? [], 0.5), "×", 2, "goal ≥ 2×");
  printLine("ours ÷ NOTIFY in each commit", rate / quantile(notify?.rates ?? [], 0.5), "×", 2, "goal ≥ 6×");
  printLine("ours, p99", quantile(ours.times, 0.99), "ms", 2, "goal ≤ 3 ms; each approval had exactly one winner");
  console.log();
}

/**
 * P9 and P10: what it costs to park a call and how fast a decision reaches the caller, in process and over HTTP, beside one
 * commit on the same disk and LangGraph on the same PostgreSQL, in turns. Then how much of the database one approval takes.
 */
import { join } from "node:path";
import { Client } from "pg";
import { openPostgresStore } from "../../packages/server/src/store/postgres-store.ts";
import { openSqliteStore } from "../../packages/server/src/store/sqlite-store.ts";
import { openInProcess, openOverHttp, type Approvals } from "./approvals.ts";
import { openLangGraph, type Peer } from "./langgraph.ts";
import { openFileCommit, openPostgresCommit, type OneCommit } from "./one-commit.ts";
import { startPlane } from "./plane.ts";
import { printHead, printLine, printTimes, quantile } from "./table.ts";

/** Approvals, commits and runs of one turn. */
const TURN = 40;
const COUNTED = 200;

interface Taken {
  readonly park: number[];
  readonly resumed: number[];
  readonly claim: number[];
  readonly report: number[];
}

interface PeerTaken {
  readonly park: number[];
  readonly resumed: number[];
  readonly stored: number[];
}

let labels = 0;
const nextLabel = (): string => `call-${process.pid}-${labels++}`;

export interface Databases {
  createDatabase(): Promise<string>;
}

export async function measureParkAndDecide(postgres: Databases, scratch: string, rounds: number): Promise<void> {
  const url = await postgres.createDatabase();
  const peer = await openLangGraph(await postgres.createDatabase());
  const httpUrl = await postgres.createDatabase();
  const onPostgres = await measure(await openPostgresCommit(url), await openPostgresStore({ url }), httpUrl, peer, rounds);
  print("P9, P10 PostgreSQL, µs", onPostgres, true);
  const path = join(scratch, "in-process.sqlite");
  const onSqlite = await measure(openFileCommit(join(scratch, "append")), await openSqliteStore({ path }), join(scratch, "plane.sqlite"), undefined, rounds);
  print("P9, P10 SQLite, µs", onSqlite, false);
  await countOne(await postgres.createDatabase());
}

interface Measured {
  readonly base: { readonly name: string; readonly times: number[] };
  readonly inProcess: Taken;
  readonly overHttp: Taken;
  readonly peer: PeerTaken | undefined;
}

async function measure(base: OneCommit, store: Parameters<typeof openInProcess>[0], httpStore: string, peer: Peer | undefined, rounds: number): Promise<Measured> {
  const inProcess = await openInProcess(store);
  const plane = await startPlane({ store: httpStore, furnish: true });
  const overHttp = await openOverHttp({ url: plane.url, secret: plane.credentials?.keys[0]?.secret ?? "", token: plane.credentials?.people[0]?.token ?? "" });
  const empty = (): Taken => ({ park: [], resumed: [], claim: [], report: [] });
  const measured = { base: { name: base.name, times: [] as number[] }, inProcess: empty(), overHttp: empty(), peer: peer === undefined ? undefined : noneTaken() };
  for (let round = -3; round < rounds; round++) {
    const counts = round >= 0; // before that, code is being compiled
    const between = async (): Promise<void> => {
      const took = await timed(() => base.commit());
      if (counts) measured.base.times.push(took);
    };
    await approve(inProcess, counts ? measured.inProcess : empty(), between);
    await approve(overHttp, counts ? measured.overHttp : empty(), between);
    if (peer !== undefined && measured.peer !== undefined) await interruptAndResume(peer, counts ? measured.peer : noneTaken());
  }
  for (const open of [overHttp, plane, inProcess, base, ...(peer === undefined ? [] : [peer])]) await open.close();
  return measured;
}

/** `between`: one commit of the base, so that both meet the same machine. */
async function approve(approvals: Approvals, taken: Taken, between: () => Promise<void>): Promise<void> {
  for (let index = 0; index < TURN; index++) {
    await between();
    const start = performance.now();
    const parked = await approvals.park(nextLabel());
    taken.park.push((performance.now() - start) * 1000);
    const { woken } = await approvals.wait(parked);
    const decided = performance.now();
    const answered = approvals.approve(parked);
    taken.resumed.push(((await woken) - decided) * 1000);
    await answered;
    let claimId = "";
    await between();
    taken.claim.push(await timed(async () => void (claimId = await approvals.claim(parked))));
    taken.report.push(await timed(() => approvals.report(parked, claimId)));
  }
}

const noneTaken = (): PeerTaken => ({ park: [], resumed: [], stored: [] });

async function interruptAndResume(peer: Peer, taken: PeerTaken): Promise<void> {
  for (let index = 0; index < TURN / 2; index++) {
    const start = performance.now();
    const thread = await peer.park(nextLabel());
    const parked = performance.now();
    taken.park.push((parked - start) * 1000);
    const resumed = await peer.resume(thread);
    taken.resumed.push((resumed - parked) * 1000);
    taken.stored.push((performance.now() - parked) * 1000);
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) * 1000;
}

function print(title: string, { base, inProcess, overHttp, peer }: Measured, hasGoals: boolean): void {
  const one = quantile(base.times, 0.5);
  const goal = (text: string): string => (hasGoals ? text : "");
  printHead(title, "p50", "p99", "÷ commit");
  printTimes(base.name, base.times, one);
  printTimes("P9 park, in process", inProcess.park, one, goal("goal ≤ 1.8×"));
  printTimes("P9 park, over HTTP", overHttp.park, one, goal("goal ≤ 4×"));
  printTimes("P10 decide → the waiter holds it, in process", inProcess.resumed, one, goal("goal ≤ 1.6×"));
  printTimes("P10 decide → the waiter holds it, over HTTP and SSE", overHttp.resumed, one, goal("goal ≤ 4×"));
  printTimes("claim, in process", inProcess.claim, one);
  printTimes("claim, over HTTP", overHttp.claim, one);
  printTimes("outcome, in process", inProcess.report, one);
  printTimes("outcome, over HTTP", overHttp.report, one);
  if (peer !== undefined) {
    printTimes("LangGraph interrupt: park", peer.park, one);
    printTimes("LangGraph interrupt: decide → resumed, nothing stored yet", peer.resumed, one);
    printTimes("LangGraph interrupt: decide → ended and stored", peer.stored, one);
    for (const [name, times] of [["resumed", peer.resumed], ["stored", peer.stored]] as const) {
      printLine(`P10 in process ÷ LangGraph ${name}`, quantile(inProcess.resumed, 0.5) / quantile(times, 0.5), "×", 2, "goal ≤ 0.4×");
      printLine(`P10 over HTTP ÷ LangGraph ${name}`, quantile(overHttp.resumed, 0.5) / quantile(times, 0.5), "×", 2, "goal ≤ 0.8×");
    }
  }
  console.log();
}

interface Counters {
  /** Transactions that wrote: each took a number. */
  readonly writes: number;
  readonly wal: number;
}

/** Transactions that write and bytes of WAL for one approval, step by step, over many. */
async function countOne(url: string): Promise<void> {
  const approvals = await openInProcess(await openPostgresStore({ url }));
  const client = new Client({ connectionString: url });
  await client.connect();
  const read = async (): Promise<Counters> => {
    // Neither of these takes a number or writes.
    const { rows } = await client.query<Counters>(
      "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint::float8 as writes, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as wal",
    );
    return rows[0] ?? { writes: Number.NaN, wal: Number.NaN };
  };
  const parked: Awaited<ReturnType<Approvals["park"]>>[] = [];
  const claims: string[] = [];
  const payload = 600;
  printHead("P9 one approval on PostgreSQL, of " + COUNTED, "commits", "WAL B");
  await approvals.park(nextLabel()); // the day's data key
  await client.query("checkpoint");
  const first = await read();
  let before = first;
  const step = async (name: string, work: (index: number) => Promise<void>): Promise<void> => {
    for (let index = 0; index < COUNTED; index++) await work(index);
    const after = await read();
    console.log(`  ${name.padEnd(58)} ${((after.writes - before.writes) / COUNTED).toFixed(2).padStart(8)} ${((after.wal - before.wal) / COUNTED).toFixed(0).padStart(8)}`);
    before = after;
  };
  await step("park", async () => void parked.push(await approvals.park(nextLabel())));
  const each = (work: (one: (typeof parked)[number], index: number) => Promise<void>) => (index: number) => {
    const one = parked[index];
    return one === undefined ? Promise.reject(new Error("not parked")) : work(one, index);
  };
  await step("vote", each((one) => approvals.approve(one)));
  await step("claim", each(async (one) => void claims.push(await approvals.claim(one))));
  await step("outcome", each((one, index) => approvals.report(one, claims[index] ?? "")));
  printLine("whole approval: commits", (before.writes - first.writes) / COUNTED, "", 2, "goal 4");
  printLine(`whole approval: WAL less ${payload} B of arguments`, ((before.wal - first.wal) / COUNTED - payload) / 1024, "KiB", 2, "goal ≤ 6 KiB");
  await client.end();
  await approvals.close();
  console.log();
}

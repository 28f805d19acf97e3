/**
 * R25 where the stream that a call is answered on breaks, at any moment: nobody waits for ever, nothing runs twice, and the call that is
 * sent again comes to an end. In a session the official client takes the stream up again where it has event ids; without one the break takes
 * the call back. A person approves as long as nothing has run.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Request } from "../crash/fixture/person.ts";
import { ERAS, startContractStage, type ContractStage, type NotesClient } from "./contract-stage.ts";

const isLong = process.env["COUNTERSIGN_LONG"] !== undefined;
/** Each begins a session, which the official client does not end: more of them than this, the gateway refuses. */
const ROUNDS = isLong ? 25 : 1;
const OFFSETS = Array.from({ length: isLong ? 20 : 12 }, (_, at) => at * 35);
const OWN_LIMIT_MS = 3_000;
/** What R25 allows beyond the caller's own limit. */
const LATEST_MS = OWN_LIMIT_MS + 5_000;

let at: ContractStage;
let approving: Promise<void>;
const over = new AbortController();
beforeAll(async () => {
  at = await startContractStage({ holdS: 1 });
  approving = approve();
});
afterAll(async () => {
  over.abort();
  await approving;
  await at.close();
});

interface Seen {
  readonly note: string;
  readonly since: number;
  state: Request["state"];
}

/** By the request's id. One person is answered so often and no more: all trials look at what this one has seen. */
const seen = new Map<string, Seen>();

/** A while after it was asked, yes; but no, where that note has been written. */
async function approve(): Promise<void> {
  while (!over.signal.aborted) {
    for (const request of await at.owner.requests().catch(() => [])) await look(request).catch(() => undefined); // told to wait: it comes again
    await sleep(50);
  }
}

async function look(request: Request): Promise<void> {
  const known = seen.get(request.id) ?? { note: await noteOf(request), since: performance.now(), state: request.state };
  seen.set(request.id, known);
  known.state = request.state;
  if (request.state === "pending" && performance.now() - known.since >= 150) await at.owner.vote(request, at.runsOf(known.note) > 0 ? "deny" : "approve");
}

async function noteOf({ id }: Request): Promise<string> {
  const { note = "" } = JSON.parse((await at.owner.detail(id)).argumentsText ?? "{}") as { note?: string }; // the tool's own schema
  return note;
}

/** Breaks the connection of the first call about each note so long after it was sent. */
function breaking(moments: ReadonlyMap<string, number>): typeof fetch {
  const broken = new Set<string>();
  return async (input, init) => {
    const body = typeof init?.body === "string" ? init.body : "";
    const note = body.includes('"tools/call"') ? [...moments.keys()].find((one) => body.includes(JSON.stringify(one))) : undefined;
    if (note === undefined || broken.has(note)) return fetch(input, init);
    broken.add(note);
    const cut = new AbortController();
    setTimeout(() => cut.abort(new Error("the network broke")), moments.get(note));
    const signals = [cut.signal, ...(init?.signal === undefined || init.signal === null ? [] : [init.signal])];
    return fetch(input, { ...init, signal: AbortSignal.any(signals) });
  };
}

const CELLS = ERAS.flatMap((era) => (["HTTP before a process", "HTTP before HTTP"] as const).map((way) => ({ era, way })));
describe.for(CELLS)("$era, $way", ({ era, way }) => {
  it(`${ROUNDS * OFFSETS.length} streams that break`, { tags: ["leaves-sockets"] }, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const moments = new Map(OFFSETS.map((offset) => [`${era}/${way}/${round}/${offset}`.replaceAll(" ", "-"), offset + round]));
      const client = await at.connect(way, era, breaking(moments));
      await Promise.all([...moments.keys()].map((note) => oneTrial(client, note, era === "2025-11-25")));
      await client.close();
    }
  });
});

async function oneTrial(client: NotesClient, note: string, isSession: boolean): Promise<void> {
  const started = performance.now();
  const first = await client.call("write_note", note, { timeoutMs: OWN_LIMIT_MS }).catch((error: unknown) => ({ isError: true, text: `threw: ${String(error)}` }));
  expect([note, performance.now() - started < LATEST_MS]).toEqual([note, true]);
  // Sent again until it is told how it ended: run now, or, where it had run unheard, another question that was denied.
  let told = first;
  for (let sent = 0; sent < 8 && !(told.text === `wrote ${note}` || told.text.includes("A person denied it")); sent += 1) {
    told = await client.call("write_note", note, { timeoutMs: OWN_LIMIT_MS }).catch((error: unknown) => ({ isError: true, text: `threw: ${String(error)}` }));
  }
  expect([note, told.text === `wrote ${note}` || told.text.includes("A person denied it"), told.text]).toEqual([note, true, told.text]);
  expect([note, at.runsOf(note)]).toEqual([note, 1]);
  // The record knows of the run, once. Without a session the break takes the call back: one that was cut off between its sending and its
  // running is sent again with a yes of its own, and beside the run the record then says of the first that nobody knows.
  const ends = (): readonly string[] => [...seen.values()].flatMap((one) => (one.note === note && SENT.has(one.state) ? [one.state] : [])).toSorted();
  const known: readonly (readonly string[])[] = [["completed"], ["outcome_unknown"], ...(isSession ? [] : [["completed", "outcome_unknown"]])];
  await expect.poll(ends, { timeout: 5_000 }).toSatisfy((states: readonly string[]) => known.some((one) => one.join() === states.join()));
}

const SENT: ReadonlySet<string> = new Set(["executing", "completed", "outcome_unknown"]);

/**
 * R25 where the stream that a call is answered on breaks, at any moment: nobody waits for ever, nothing runs twice, and the call that is
 * sent again comes to an end. In a session the official client takes the stream up again where it has event ids; without one the break takes
 * the call back. A person approves as long as nothing has run.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ERAS, startContractStage, type ContractStage, type NotesClient } from "./contract-stage.ts";

const isLong = process.env["COUNTERSIGN_LONG"] !== undefined;
const ROUNDS = isLong ? 50 : 1;
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

const since = new Map<string, number>();
/** A while after it was asked, yes; but no, where that note has been written. */
async function approve(): Promise<void> {
  while (!over.signal.aborted) {
    for (const request of await at.owner.requests().catch(() => [])) {
      if (request.state !== "pending") continue;
      if (!since.has(request.id)) since.set(request.id, performance.now());
      if (performance.now() - (since.get(request.id) ?? 0) < 150) continue;
      const { argumentsText } = await at.owner.detail(request.id);
      const { note = "" } = JSON.parse(argumentsText ?? "{}") as { note?: string }; // the tool's own schema
      await at.owner.vote(request, at.runsOf(note) > 0 ? "deny" : "approve");
    }
    await sleep(20);
  }
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
      await Promise.all([...moments.keys()].map((note) => oneTrial(client, note)));
      await client.close();
    }
  });
});

async function oneTrial(client: NotesClient, note: string): Promise<void> {
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
  // The record knows of the run, once.
  const ended = async (): Promise<readonly string[]> => (await at.about(note)).map(({ state }) => state).filter((state) => state === "completed" || state === "outcome_unknown" || state === "executing");
  await expect.poll(ended, { timeout: 5_000 }).toEqual([expect.stringMatching(/completed|outcome_unknown/)]);
}

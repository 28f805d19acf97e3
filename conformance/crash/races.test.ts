/** Races that no pause point shows: who claims first, who goes away when, who wakes up too late (R9, R11, R33). */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { findDiscrepancies, readRows, type Row } from "./fixture/check-record.ts";
import { callDirectly } from "./fixture/direct-call.ts";
import { makeInstallation, type Installation } from "./fixture/installation.ts";
import { until, type Request } from "./fixture/person.ts";
import { openWorld, type Agent, type World } from "./fixture/world.ts";

const LONG = process.env["COUNTERSIGN_LONG"] !== undefined;
const AGENTS = 8;
const RACES = LONG ? 100 : 10;
const ABORTS = LONG ? 5_000 : 200;
const AT_ONCE = 10;

let installation: Installation;
let world: World | undefined;
beforeAll(async () => {
  installation = await makeInstallation();
});
afterEach(async () => {
  await world?.close();
  world = undefined;
});
afterAll(() => installation.close());

it(`R9: ${AGENTS} agents of one key race for one approval, ${RACES} times: one runs, the others are told that it runs`, { timeout: LONG ? 1_800_000 : 90_000 }, async () => {
  const { person, agentGate, startAgent, sightings } = (world = await openWorld({ installation }));
  const agents: readonly Agent[] = await Promise.all(Array.from({ length: AGENTS }, startAgent));
  for (let race = 0; race < RACES; race += 1) {
    const args = { content: "x", path: `/race/${race}` };
    const joining = agentGate.hold({ where: "answer", method: "POST", path: /^\/v1\/approvals$/ });
    const calls = agents.map(({ socket }) => callDirectly(socket, args));
    await until(async () => (joining.met === AGENTS ? true : undefined), () => `${joining.met} of ${AGENTS} have joined`);
    joining.release();
    const request = await person.sees("pending");
    await sleep(50); // they wait for the answer
    expect(await person.vote(request)).toBe(200);
    const answers = (await Promise.all(calls.map(({ answer }) => answer))).toSorted();
    expect(answers).toEqual([...Array.from({ length: AGENTS - 1 }, () => "refused: in_progress"), "result"]);
    const requests = await until(async () => ((await person.sees("completed")).id === request.id ? (await person.requests()).filter(({ callDigest }) => callDigest === request.callDigest) : undefined), () => "it was not completed");
    expect(await findDiscrepancies(person, requests, sightings().filter(({ arguments: sent }) => sent["path"] === args.path))).toEqual([]);
    expect([requests.length, sightings().length]).toEqual([1, race + 1]);
  }
});

it("R33: an agent that sleeps through its lease and wakes up neither doubles its call nor changes the end that was written", async () => {
  const { person, agent, agentGate, startAgent, call, sightings } = (world = await openWorld({ installation, leaseMs: 1_000 }));
  const args = { content: "x", path: "/asleep" };
  const claimed = agentGate.hold({ where: "answer", path: /\/claim$/ });
  const asleep = await call(args);
  await person.vote(await person.sees("pending"));
  await claimed.reached();
  agent.program.signal("SIGSTOP");
  claimed.release();
  const lapsed = await person.sees("outcome_unknown");

  // Meanwhile another process of the key is asked the same. It is another question, with a yes of its own.
  const second = await call(args, await startAgent());
  const anew = await person.sees("pending");
  expect(anew.id).not.toBe(lapsed.id);
  agent.program.signal("SIGCONT");
  await asleep.answer;
  expect((await person.detail(anew.id)).state).toBe("pending"); // what woke up has not used it
  expect(sightings().length).toBeLessThanOrEqual(1);
  await person.vote(anew);
  expect(await second.answer).toBe("result");
  await person.sees("completed"); // the outcome is told after the result
  const requests = await person.requests();
  expect(requests.map(({ state }) => state)).toEqual(["completed", "outcome_unknown"]);
  expect(sightings().length).toBeLessThanOrEqual(2);
  expect(await findDiscrepancies(person, requests, sightings())).toEqual([]);
});

it("R33: an agent that is stopped before its claim and wakes up after the request was taken back runs nothing", async () => {
  const { person, agent, agentGate, call, sightings } = (world = await openWorld({ installation }));
  const claim = agentGate.hold({ where: "request", path: /\/claim$/ });
  const asleep = await call({ content: "x", path: "/cut-off" });
  const request = await person.sees("pending");
  await person.vote(request);
  await claim.reached();
  agent.program.signal("SIGSTOP");
  await asleep.caller.kill();
  agentGate.cut(); // the claim is lost on the way
  claim.release();
  await sleep(500);
  agent.program.signal("SIGCONT");
  // It tries the claim again, finds its caller gone, and gives it back.
  await until(async () => (["approved", "cancelled"].includes((await person.detail(request.id)).state) ? true : undefined), () => "it neither came back nor ended");
  await sleep(300);
  expect(sightings()).toEqual([]);
});

it(`R11: a caller that goes away at any moment around approval and claim, ${ABORTS} times: nothing is claimed after an end, and nothing runs without a claim`, { timeout: LONG ? 1_800_000 : 90_000 }, async () => {
  const { person, startAgent, sightings } = (world = await openWorld({ installation }));
  const { socket } = await startAgent();
  const answers = new Map<string, number>();
  const ended: Request[] = [];
  let voteMs = 100; // what the votes of the round before took: the moments are spread around them
  for (let done = 0; done < ABORTS; done += AT_ONCE) {
    const before = new Set((await person.requests(2 * AT_ONCE)).map(({ id }) => id));
    const calls = Array.from({ length: AT_ONCE }, (_, index) => callDirectly(socket, { content: "x", path: `/abort/${done + index}` }));
    const fresh = await until(
      async () => {
        const found = (await person.requests(2 * AT_ONCE)).filter(({ id }) => !before.has(id));
        return found.length === AT_ONCE ? found : undefined;
      },
      () => "not all were asked about",
    );
    const aborts = calls.map(async ({ abort }) => {
      await sleep(Math.random() * 2 * voteMs);
      abort();
    });
    const since = performance.now();
    await Promise.all([Promise.all(fresh.map((request) => voteOn(world, request))).then(() => (voteMs = performance.now() - since)), ...aborts]);
    for (const answer of await Promise.all(calls.map((call) => call.answer))) answers.set(answer, (answers.get(answer) ?? 0) + 1);
    ended.push(...fresh);
  }
  await sleep(1_000);
  const sent = sightings(); // before the rows: each of them has its intent there
  const rows = readRows(await person.exportRecord());
  expect(ended.flatMap(({ id }) => claimsAfterEnd(rows, id))).toEqual([]);
  const ran = new Map<unknown, number>();
  for (const { arguments: given } of sent) ran.set(given["path"], (ran.get(given["path"]) ?? 0) + 1);
  expect([...ran.values()].filter((times) => times > 1)).toEqual([]);
  expect(sent.length).toBeLessThanOrEqual(rows.filter(({ type }) => type === "intent").length - rows.filter(({ event }) => event === "claim_released").length);
  // Both must have happened, or nothing was shown.
  expect([...answers.keys()].toSorted()).toEqual(expect.arrayContaining(["gone", "result"]));
});

/** Past the limit of what one person may ask for in a second it waits. */
async function voteOn(of: World | undefined, request: Request): Promise<void> {
  while ((await of?.person.vote(request)) === 429) await sleep(100);
}

/** Rows of a request that claim it after a row that ended it. */
function claimsAfterEnd(rows: readonly Row[], id: string): readonly string[] {
  const own = rows.filter((row) => (row.requestId ?? row.detail?.["requestId"]) === id);
  const end = own.find(({ type, status }) => type === "outcome" || (type === "approval" && status !== "approved"));
  return own.filter(({ type, seq }) => type === "intent" && end !== undefined && seq > end.seq).map(({ seq }) => `${id}: claimed in row ${seq}, ended in row ${end?.seq}`);
}

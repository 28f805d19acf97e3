/** P12: whole approvals over HTTP by one control plane and by two on one PostgreSQL, where each request is made on one and decided on the other. */
import { openOverHttp, type Approvals, type HttpDoor } from "./approvals.ts";
import type { Databases } from "./park-and-decide.ts";
import { startPlane, type Plane } from "./plane.ts";
import { printHead, printLine, quantile } from "./table.ts";

/** Callers at a time, each with a key of its own. */
const CALLERS = 16;
const APPROVALS = 320;

interface Side {
  readonly name: string;
  readonly planes: readonly Plane[];
  readonly callers: readonly Approvals[];
  readonly rates: number[];
  /** CPU of all control planes for one approval, µs. */
  readonly cpu: number[];
  readonly resumed: number[];
}

export async function measureTwoInstances(postgres: Databases, _scratch: string, rounds: number): Promise<void> {
  const sides = [await open("one instance", await postgres.createDatabase(), 1), await open("two instances, decided on the other", await postgres.createDatabase(), 2)];
  for (let round = -2; round < rounds; round++) for (const side of sides) await turn(side, round >= 0);
  printHead(`P12 whole approvals over HTTP, ${CALLERS} at a time, PostgreSQL`, "per s", "CPU µs", "resumed");
  for (const { name, rates, cpu, resumed } of sides) {
    console.log(`  ${name.padEnd(58)} ${quantile(rates, 0.5).toFixed(0).padStart(8)} ${quantile(cpu, 0.5).toFixed(0).padStart(8)} ${(quantile(resumed, 0.5) / 1000).toFixed(1).padStart(5)} ms`);
  }
  const [one, two] = sides;
  const ratio = (of: (side: Side) => readonly number[]): number => (one === undefined || two === undefined ? Number.NaN : quantile(of(two), 0.5) / quantile(of(one), 0.5));
  printLine("two ÷ one, approvals a second", ratio(({ rates }) => rates), "×", 2, "goal ≥ 0.9× on 2 cores, ≥ 1.6× on 4");
  printLine("two ÷ one, CPU of an approval", ratio(({ cpu }) => cpu), "×", 2, "goal ≤ 1.15×");
  printLine("two ÷ one, decide → the waiter holds it", ratio(({ resumed }) => resumed), "×", 2, "goal ≤ 1.25×");
  console.log();
  for (const { planes, callers } of sides) for (const opened of [...callers, ...planes]) await opened.close();
}

async function open(name: string, store: string, count: number): Promise<Side> {
  const planes: Plane[] = [];
  for (let index = 0; index < count; index++) planes.push(await startPlane({ store, furnish: index === 0 }));
  const credentials = planes[0]?.credentials;
  const doorOf = (index: number): HttpDoor => ({
    url: planes[index % count]?.url ?? "",
    voteUrl: planes[(index + 1) % count]?.url ?? "",
    secret: credentials?.keys[index]?.secret ?? "",
    token: credentials?.people[index]?.token ?? "",
  });
  const callers = await Promise.all(Array.from({ length: CALLERS }, (_, index) => openOverHttp(doorOf(index))));
  return { name, planes, callers, rates: [], cpu: [], resumed: [] };
}

let labels = 0;

async function turn({ planes, callers, rates, cpu, resumed }: Side, counts: boolean): Promise<void> {
  const used = async (): Promise<number> => (await Promise.all(planes.map((plane) => plane.usage()))).reduce((sum, one) => sum + one.cpu, 0);
  const before = await used();
  const began = performance.now();
  let left = APPROVALS;
  await Promise.all(
    callers.map(async (caller) => {
      while (left-- > 0) {
        const took = await approveOne(caller);
        if (counts) resumed.push(took);
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  const after = await used();
  if (!counts) return;
  rates.push(APPROVALS / seconds);
  cpu.push((after - before) / APPROVALS);
}

async function approveOne(caller: Approvals): Promise<number> {
  const parked = await caller.park(`two-${labels++}`);
  const { woken } = await caller.wait(parked);
  const decided = performance.now();
  const answered = caller.approve(parked);
  const took = ((await woken) - decided) * 1000;
  await answered;
  await caller.report(parked, await caller.claim(parked));
  return took;
}

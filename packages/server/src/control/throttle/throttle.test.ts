import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openPostgresStore } from "../../store/postgres-store.ts";
import { startTestPostgres } from "../../store/fixture/test-postgres.ts";
import { agent } from "../fixture/world.ts";
import { must } from "../people/fixture/installation.ts";
import { createThrottle } from "./throttle.ts";

const MINUTE = 60_000;

function open(options: { readonly maxCounters?: number; readonly maxPerKey?: number } = {}) {
  let time = 0;
  const throttle = createThrottle({ now: () => time, ...options });
  const exchange = async (keyId: string, process: string, ...taken: readonly (readonly [string, number])[]) => {
    const body = { process, taken: taken.map(([key, tokens]) => ({ policy: "p", key, tokens })) };
    return Object.fromEntries(must(await throttle.exchange(agent(keyId), body)).others.map(({ key, tokens }) => [key, tokens]));
  };
  return { throttle, exchange, pass: (ms: number) => void (time += ms) };
}

describe("throttle counters in one instance", () => {
  it("tells each process what the others took since it last came, once, and never what it took itself", async () => {
    const { exchange } = open();
    await exchange("k1", "a", ["x", 5]);
    await exchange("k1", "b");
    expect(await exchange("k1", "a", ["x", 2], ["y", 1])).toEqual({});
    expect(await exchange("k1", "b", ["x", 10])).toEqual({ x: 2, y: 1 });
    expect(await exchange("k1", "b")).toEqual({});
    expect(await exchange("k2", "a")).toEqual({}); // comes first now
    expect(await exchange("k1", "a")).toEqual({ x: 10 });
  });

  it("adds up for a hundred processes that each come once a round, to the token", async () => {
    const { exchange } = open();
    const names = Array.from({ length: 100 }, (_, n) => `process-${n}`);
    for (const name of names) await exchange("k", name);
    const heard = new Map(names.map((name) => [name, 0]));
    for (let round = 0; round < 20; round += 1) for (const name of names) heard.set(name, (heard.get(name) ?? 0) + ((await exchange("k", name, ["x", 1]))["x"] ?? 0));
    for (const name of names) heard.set(name, (heard.get(name) ?? 0) + ((await exchange("k", name))["x"] ?? 0));
    expect(new Set(heard.values())).toEqual(new Set([99 * 20]));
  });

  it("tells rather too much than too little to a process that stayed away while many moved a counter", async () => {
    const { exchange } = open();
    await exchange("k", "away");
    for (let n = 0; n < 700; n += 1) await exchange("k", "busy", ["x", 1]);
    await exchange("k", "late");
    for (let n = 0; n < 700; n += 1) await exchange("k", "busy", ["x", 1]);
    expect((await exchange("k", "away"))["x"]).toBe(1400);
    const late = (await exchange("k", "late"))["x"] ?? 0;
    expect(late).toBeGreaterThanOrEqual(700);
    expect(late).toBeLessThan(720);
  });

  it("forgets a counter that nobody touched for ten minutes, and a process that did not come", async () => {
    const { exchange, pass } = open({ maxCounters: 1 });
    await exchange("k", "b");
    await exchange("k", "a", ["x", 1]);
    pass(10 * MINUTE - 1);
    await exchange("k", "a", ["y", 1]); // no room yet
    expect(await exchange("k", "b")).toEqual({ x: 1 });
    pass(2);
    await exchange("k", "a", ["y", 3]);
    expect(await exchange("k", "b")).toEqual({ y: 3 });
    pass(11 * MINUTE);
    await exchange("k", "a", ["z", 1]);
    expect(await exchange("k", "b")).toEqual({}); // it is new again
  });

  it("lets one key start only so many counters, and leaves room for the others'", async () => {
    const { exchange } = open({ maxPerKey: 2 });
    await exchange("watcher", "w");
    await exchange("greedy", "a", ["1", 1], ["2", 1], ["3", 1]);
    await exchange("modest", "a", ["4", 1], ["1", 1]);
    expect(await exchange("watcher", "w")).toEqual({ 1: 2, 2: 1, 4: 1 });
  });

  it("stays a number, whatever a process says", async () => {
    const { exchange } = open();
    await exchange("k", "b");
    for (let n = 0; n < 3; n += 1) await exchange("k", "a", ["x", 1e308]);
    expect((await exchange("k", "b"))["x"]).toBe(3e9);
  });

  it("is for agents alone", async () => {
    expect(await open().throttle.exchange({ kind: "operator" }, { process: "p", taken: [] })).toMatchObject({ ok: false, code: "forbidden" });
  });
});

describe("throttle counters of two instances on one PostgreSQL", () => {
  let postgres: Awaited<ReturnType<typeof startTestPostgres>>;
  beforeAll(async () => {
    postgres = await startTestPostgres();
  });
  afterAll(async () => {
    if (!("missing" in postgres)) await postgres.stop();
  });

  const opened: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });

  const REFRESH = 100;
  async function instanceOn(url: string) {
    const store = await openPostgresStore({ url });
    const problems: unknown[] = [];
    let commits = 0;
    const counted = { read: store.read.bind(store), list: store.list.bind(store), commitLoose: (...given: Parameters<typeof store.commitLoose>) => ((commits += 1), store.commitLoose(...given)) };
    const throttle = createThrottle({ now: () => performance.now(), refreshMs: REFRESH, shared: { store: counted, tenant: "default", onProblem: (problem) => problems.push(problem) } });
    opened.push(throttle, store);
    const exchange = async (process: string, tokens: number) => {
      const taken = tokens === 0 ? [] : [{ policy: "p", key: "x", tokens }];
      return must(await throttle.exchange(agent("k"), { process, taken })).others.reduce((sum, one) => sum + one.tokens, 0);
    };
    return { exchange, problems, commits: () => commits };
  }

  it("what is taken through one is heard through the other within an interval or two, exactly once; idle instances write nothing", async ({ skip }) => {
    if ("missing" in postgres) return skip(postgres.missing);
    const url = await postgres.createDatabase();
    const [one, two] = [await instanceOn(url), await instanceOn(url)];
    await Promise.all([one.exchange("a", 0), two.exchange("b", 0)]);
    await sleep(2 * REFRESH); // both have begun
    let [heardByOne, heardByTwo] = [0, 0];
    for (let round = 0; round < 8; round += 1) {
      heardByTwo += await two.exchange("b", 3);
      heardByOne += await one.exchange("a", 5);
      await sleep(REFRESH / 2);
    }
    const until = performance.now() + 8_000;
    while ((heardByOne < 24 || heardByTwo < 40) && performance.now() < until) {
      await sleep(REFRESH / 2);
      heardByOne += await one.exchange("a", 0);
      heardByTwo += await two.exchange("b", 0);
    }
    await sleep(3 * REFRESH);
    expect([heardByOne + (await one.exchange("a", 0)), heardByTwo + (await two.exchange("b", 0))]).toEqual([24, 40]);
    const before = [one.commits(), two.commits()];
    await sleep(8 * REFRESH);
    expect([one.commits(), two.commits(), one.problems, two.problems]).toEqual([...before, [], []]);
  });

  it("an instance that comes later does not hear what was taken before it", async ({ skip }) => {
    if ("missing" in postgres) return skip(postgres.missing);
    const url = await postgres.createDatabase();
    const one = await instanceOn(url);
    await one.exchange("a", 50);
    await sleep(3 * REFRESH);
    const two = await instanceOn(url);
    await two.exchange("b", 0);
    await sleep(3 * REFRESH);
    expect(await two.exchange("b", 0)).toBe(0);
    await one.exchange("a", 2);
    let heard = 0;
    for (let round = 0; round < 40 && heard < 2; round += 1) {
      await sleep(REFRESH);
      heard += await two.exchange("b", 0);
    }
    expect(heard).toBe(2);
  });
});

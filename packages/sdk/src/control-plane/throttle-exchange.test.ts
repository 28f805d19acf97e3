import { afterEach, beforeEach, expect, it } from "vitest";
import { objectPolicies } from "../policy/policy-source.ts";
import { openPolicyStore, type PolicyStore } from "../policy/policy-store.ts";
import { fakeCall } from "../testing/fake-call.ts";
import { createWireClient, type WireClient } from "../wire/wire-client.ts";
import { FakeControlPlane } from "./fixture/fake-control-plane.ts";
import { shareThrottles, type ThrottleExchange } from "./throttle-exchange.ts";

let fake: FakeControlPlane;
const open: (PolicyStore | ThrottleExchange | WireClient)[] = [];

beforeEach(async () => {
  fake = await FakeControlPlane.start();
});
afterEach(async () => {
  for (const each of open.splice(0)) each.close();
  await fake.close();
});

/** One process: its policies, and its exchange with the others. */
function process(name: string, limit = 10, url = fake.url): { take(tool?: string): boolean } {
  const store = openPolicyStore(objectPolicies({ version: 1, policies: [{ name: "t", match: "mcp:*:*", action: "throttle", rate: { limit, per: "1h", key: ["tool"] } }] }), () => undefined);
  const client = createWireClient(new URL(url), fake.apiKey);
  open.push(store, client, shareThrottles(store.throttles, client, name, 50));
  return { take: (tool = "x") => store.evaluate(fakeCall({ tool }), [], { charge: true, now: performance.now() })?.rateLimited === false };
}

it("what others take is taken here too, one interval later; a process that never met the key starts with what is left", async () => {
  const [one, two] = [process("one"), process("two")];
  expect(one.take()).toBe(true);
  expect(two.take()).toBe(true);
  for (let n = 0; n < 5; n++) expect(one.take()).toBe(true);
  expect([one.take("y"), one.take("y")]).toEqual([true, true]);
  await expect.poll(() => fake.log.filter((line) => line.endsWith("/throttle")).length, { timeout: 5_000 }).toBeGreaterThan(6);
  const left = (tool: string): number => {
    let more = 0;
    while (two.take(tool)) more += 1;
    return more;
  };
  expect(left("x")).toBe(3); // 10, less 6 of one and 1 of its own
  expect(left("y")).toBe(8); // 10, less 2 of one, though no call of y has come here yet
});

it("a bucket comes to owe at most one burst, whatever the others are said to have taken", () => {
  const store = openPolicyStore(objectPolicies({ version: 1, policies: [{ name: "t", match: "mcp:*:*", action: "throttle", rate: { limit: 10, per: "10s", key: ["tool"] } }] }), () => undefined);
  open.push(store);
  const now = performance.now();
  const evaluate = () => store.evaluate(fakeCall({ tool: "x" }), [], { charge: true, now });
  expect(evaluate()?.rateLimited).toBe(false);
  for (const tokens of [1e12, Number.NaN, -5]) store.throttles.takeAway("t", '["x"]', tokens, now);
  expect(evaluate()?.retryAfterMs).toBe(11_000); // from -10 to 1, a token a second
});

it("what both took counts once", async () => {
  const [one, two] = [process("one"), process("two")];
  for (let n = 0; n < 10; n++) expect([one.take(), two.take()]).toEqual([true, true]);
  await expect.poll(() => fake.log.filter((line) => line.endsWith("/throttle")).length, { timeout: 5_000 }).toBeGreaterThan(6);
  expect([one.take(), two.take()]).toEqual([false, false]);
});

it("nobody answers: the counters here go on", () => {
  const one = process("one", 3, "http://127.0.0.1:1");
  expect([one.take(), one.take(), one.take(), one.take()]).toEqual([true, true, true, false]);
});

it("it rests while nothing is taken", async () => {
  const one = process("one");
  one.take();
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const before = fake.log.length;
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(fake.log.length).toBe(before);
});

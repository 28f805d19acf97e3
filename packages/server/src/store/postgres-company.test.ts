import { afterEach, expect, it } from "vitest";
import { GONE_AFTER_MS, PostgresCompany } from "./postgres-company.ts";

const opened: PostgresCompany[] = [];
afterEach(() => opened.splice(0).forEach((company) => company.close()));

/** Instances on one channel, and a clock of the test's own. */
function createChannel() {
  const clock = { now: 0 };
  const all = new Map<string, PostgresCompany>();
  const join = (name: string): PostgresCompany => {
    const say = async () => all.forEach((other, to) => to !== name && other.heard(name));
    const company = new PostgresCompany({ say, monotonic: () => clock.now });
    opened.push(company);
    all.set(name, company);
    return company;
  };
  return { clock, join };
}

it("nobody takes itself to be alone before it has listened for a while, or while it hears nothing", () => {
  const { clock, join } = createChannel();
  const one = join("one");
  clock.now = 10 * GONE_AFTER_MS;
  expect(one.isAlone).toBe(false);
  one.listens();
  clock.now += GONE_AFTER_MS - 1;
  expect(one.isAlone).toBe(false);
  clock.now += 2;
  expect(one.isAlone).toBe(true);
  one.isDeaf();
  expect(one.isAlone).toBe(false);
});

it("whoever comes is known at once by all who listen, and is forgotten when it has said nothing for long", async () => {
  const { clock, join } = createChannel();
  const one = join("one");
  one.listens();
  clock.now = 2 * GONE_AFTER_MS;
  expect(one.isAlone).toBe(true);
  const two = join("two");
  two.listens();
  await Promise.resolve();
  expect(one.isAlone).toBe(false);
  clock.now += GONE_AFTER_MS - 1;
  one.heard("two");
  clock.now += 2;
  expect(one.isAlone).toBe(false);
  clock.now += GONE_AFTER_MS;
  expect(one.isAlone).toBe(true);
});

/** What every policy source must do, as a suite that any test runner in the style of vitest can run. */
import type { PolicyDocument } from "../policy/document.ts";
import type { PolicySource } from "../policy/policy-source.ts";
import { openPolicyStore, type PolicyEvent, type PolicyStore } from "../policy/policy-store.ts";
import type { TestRunnerLike } from "./record-sink-contract.ts";

/** A source whose place the suite can write to. */
export interface SourceUnderTest {
  readonly source: PolicySource;
  /** Puts this document at the place that the source reads. */
  readonly put: (document: PolicyDocument) => Promise<void> | void;
  /** Puts something there that is no policy document. Leave it out where the place cannot hold one. */
  readonly putBroken?: () => Promise<void> | void;
  /** Removes what `create` made. */
  readonly remove?: () => Promise<void> | void;
}

export interface PolicySourceContractOptions {
  /** How long a change may take to come into force in milliseconds. Default 3,000. */
  readonly withinMs?: number;
}

/** Runs the contract: `policySourceContract("my source", createWith, { describe, it, expect })`. `create` makes a source that holds `first`. */
export function policySourceContract(
  name: string,
  create: (first: PolicyDocument) => Promise<SourceUnderTest>,
  runner: TestRunnerLike,
  options: PolicySourceContractOptions = {},
): void {
  const { describe, expect, it } = runner;
  const { withinMs = 3_000 } = options;

  /** Opens a store on a fresh source, and takes both away whatever happens. */
  async function opened(use: (store: PolicyStore, subject: SourceUnderTest, events: PolicyEvent[]) => Promise<void>): Promise<void> {
    const subject = await create(sized(1));
    const events: PolicyEvent[] = [];
    const store = openPolicyStore(subject.source, (event) => events.push(event));
    try {
      await store.loading;
      await use(store, subject, events);
    } finally {
      store.close();
      await subject.remove?.();
    }
  }

  describe(`policy source contract: ${name}`, () => {
    it("has a name that an operator can find it by", () =>
      opened(async (_, { source }) => {
        expect(typeof source.name === "string" && source.name.trim() !== "").toBe(true);
      }));

    it("delivers the document that is there", () =>
      opened(async (store, _, events) => {
        expect(store.status().size).toBe(1);
        expect(store.status().problem).toBe(undefined);
        expect(events.map(({ event }) => event)).toEqual(["policy_activated"]);
      }));

    it("delivers a changed document without a restart, each in turn", () =>
      opened(async (store, { put, source }) => {
        if (source.watch === undefined) return;
        for (const size of [2, 0, 3]) {
          await put(sized(size));
          await until(() => store.status().size === size, withinMs);
          expect(store.status().size).toBe(size);
        }
      }));

    it("leaves the last good document in force while what is there is broken, says so once, and recovers", () =>
      opened(async (store, { put, putBroken, source }, events) => {
        if (putBroken === undefined || source.watch === undefined) return;
        const { digest } = store.status();
        await putBroken();
        await until(() => store.status().problem !== undefined, withinMs);
        await pause(withinMs / 2); // a second report would come meanwhile
        expect([store.status().size, store.status().digest]).toEqual([1, digest]);
        expect(events.map(({ event }) => event)).toEqual(["policy_activated", "policy_refused"]);
        await put(sized(2));
        await until(() => store.status().size === 2, withinMs);
        expect([store.status().size, store.status().problem]).toEqual([2, undefined]);
      }));

    it("ends its watch when it is told to, any number of times", () =>
      opened(async (_, { put, source }) => {
        let told = 0;
        const stop = source.watch?.(() => void (told += 1));
        if (stop === undefined) return;
        await put(sized(2));
        await until(() => told > 0, withinMs);
        expect(told > 0).toBe(true);
        stop();
        stop();
        const before = told;
        await put(sized(3));
        await pause(withinMs / 2);
        expect(told).toBe(before);
      }));

    it("changes nothing after its store was closed", () =>
      opened(async (store, { put }, events) => {
        store.close();
        store.close();
        await put(sized(2));
        await pause(withinMs / 2);
        expect(events.length).toBe(1);
        expect(store.status().size).toBe(1);
      }));
  });
}

function sized(policies: number): PolicyDocument {
  return { version: 1, policies: Array.from({ length: policies }, (_, n) => ({ name: `policy-${n}`, match: "mcp:contract:tool", action: "block" })) };
}

async function until(holds: () => boolean, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  while (!holds() && performance.now() < end) await pause(10);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { Call } from "../call/call.ts";
import { PolicyDocumentError } from "../errors.ts";
import { fakeCall } from "../testing/fake-call.ts";
import type { PolicyDocument } from "./document.ts";
import { functionPolicies, objectPolicies, type PolicyContent, type PolicySource } from "./policy-source.ts";
import { openPolicyStore, type PolicyEvent, type PolicyStore, type PolicyStoreOptions } from "./policy-store.ts";

const call: Call = fakeCall({ server: { name: "a", identity: null, transport: "stdio" }, tool: "b" });
const now = { charge: true, now: 0 };
const document = (name: string): PolicyDocument => ({ version: 1, policies: [{ name, match: "mcp:a:b", action: "block" }] });

/** A source whose answers the test gives, in the order it likes. */
function controlled() {
  const answers: PromiseWithResolvers<PolicyContent>[] = [];
  let changed: (() => void) | undefined;
  let watching = 0;
  const source: PolicySource = {
    name: "controlled",
    load() {
      const answer = Promise.withResolvers<PolicyContent>();
      answers.push(answer);
      return answer.promise;
    },
    watch(tell) {
      changed = tell;
      watching += 1;
      return () => void (watching -= 1);
    },
  };
  return { source, answers, change: () => changed?.(), watching: () => watching };
}

function open(source: PolicySource, options?: PolicyStoreOptions): { readonly store: PolicyStore; readonly events: PolicyEvent[] } {
  const events: PolicyEvent[] = [];
  const store = openPolicyStore(source, (event) => events.push(event), options);
  onTestFinished(() => store.close());
  return { store, events };
}

const names = (store: PolicyStore): readonly string[] | undefined => store.evaluate(call, [], now)?.policies;

describe("a source that answers at once", () => {
  it("is in force at once", () => {
    const { events, store } = open(objectPolicies(document("one")));
    expect(store.loading).toBeUndefined();
    expect(names(store)).toEqual(["one"]);
    expect(events).toEqual([{ event: "policy_activated", source: "policies", size: 1, digest: store.status().digest, document: expect.objectContaining({ version: 1 }) }]);
    expect(store.status()).toMatchObject({ generation: 1, size: 1, problem: undefined, digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it("throws PolicyDocumentError for a broken document, and leaves nothing behind", () => {
    const watch = vi.fn(() => () => {});
    const events: PolicyEvent[] = [];
    // A document as JavaScript callers may write it.
    const broken: PolicySource = { name: "broken", load: () => ({ version: 1, policies: [{ name: "x" }] }) as unknown as PolicyDocument, watch };
    expect(() => openPolicyStore(broken, (event) => events.push(event))).toThrow(PolicyDocumentError);
    expect(() => openPolicyStore(objectPolicies(null as never), (event) => events.push(event))).toThrow(PolicyDocumentError);
    expect(watch).not.toHaveBeenCalled();
    expect(events).toEqual([]);
  });

  it("throws PolicyDocumentError with the cause where it throws", () => {
    const cause = new Error("the vault is sealed");
    const sealed = functionPolicies(() => {
      throw cause;
    });
    try {
      openPolicyStore(sealed, () => {});
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(PolicyDocumentError);
      expect(error).toMatchObject({ message: "the policies function:1:1: cannot be loaded: the vault is sealed", cause });
    }
  });

  it("is copied: an object that changes later changes nothing", () => {
    const given = { version: 1 as const, policies: [{ name: "one", match: "mcp:a:b", action: "block" as "block" | "allow" }] };
    const { store } = open(objectPolicies(given));
    given.policies.length = 0;
    expect(names(store)).toEqual(["one"]);
  });
});

describe("a source that takes its time", () => {
  it("makes calls wait for its first answer", async () => {
    const { answers, source } = controlled();
    const { store } = open(source);
    expect(names(store)).toBeUndefined();
    let waited = false;
    const waiting = store.loading?.then(() => (waited = true));
    await Promise.resolve();
    expect(waited).toBe(false);
    answers[0]?.resolve(document("one"));
    await waiting;
    expect(store.loading).toBeUndefined();
    expect(names(store)).toEqual(["one"]);
  });

  it("leaves every call undecided and every finding blocked where the first answer is broken or fails", async () => {
    for (const answer of [() => Promise.reject(new Error("no network")), () => Promise.resolve({ text: "version: 2\npolicies: []\n" })]) {
      const { events, store } = open({ name: "far", load: answer });
      await store.loading;
      expect(store.evaluate(call, [], now)).toBeUndefined();
      expect(store.findingAction({ type: "email", group: "pii", direction: "input", where: "" })).toBe("block");
      expect(store.status()).toMatchObject({ generation: 0, size: 0, digest: null });
      expect(events).toEqual([{ event: "policy_refused", source: "far", problem: store.status().problem, stands: false }]);
      expect(store.status().problem).toMatch(/^far: cannot be loaded: no network$|^far:1:1: version must be 1, not 2\.$/);
    }
  });

  it("that never answers lets calls go after a time, undecided, and is heard when it answers after all", async () => {
    const { answers, source } = controlled();
    const { events, store } = open(source, { firstLoadMs: 30 });
    await store.loading;
    expect(store.loading).toBeUndefined();
    expect(names(store)).toBeUndefined();
    expect(events.map(({ problem }) => problem)).toEqual(["controlled: cannot be loaded: it did not answer within 0.03 seconds; calls are refused until it does."]);
    answers[0]?.resolve(document("late"));
    await expect.poll(() => names(store)).toEqual(["late"]);
    expect(store.status().problem).toBeUndefined();
  });

  it("may answer a later question first: calls wait no longer than for any answer", async () => {
    const { answers, change, source } = controlled();
    const { store } = open(source);
    change();
    answers[1]?.resolve(document("second"));
    await store.loading;
    expect(names(store)).toEqual(["second"]);
    answers[0]?.resolve(document("first"));
    await expect.poll(() => store.status().problem).toBeUndefined();
    await new Promise((resolve) => setImmediate(resolve));
    expect(names(store)).toEqual(["second"]);
    expect(store.generation).toBe(1);
  });

  it("is not believed where an older answer comes late, good or bad", async () => {
    const { answers, change, source } = controlled();
    const { events, store } = open(source);
    answers[0]?.resolve(document("zero"));
    await store.loading;
    for (let n = 0; n < 3; n++) change();
    answers[3]?.resolve(document("three"));
    await expect.poll(() => names(store)).toEqual(["three"]);
    answers[1]?.resolve(document("one"));
    answers[2]?.reject(new Error("too late"));
    await new Promise((resolve) => setImmediate(resolve));
    expect(names(store)).toEqual(["three"]);
    expect(events.map(({ event }) => event)).toEqual(["policy_activated", "policy_activated"]);
  });

  it("comes into force even where it answers more slowly than it is asked", async () => {
    const slow = functionPolicies(async () => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      return document("slow");
    }, 10);
    const { store } = open(slow);
    await store.loading;
    expect(names(store)).toEqual(["slow"]);
    expect(store.generation).toBe(1);
    store.close();
  });

  it("may answer with any thenable", async () => {
    // oxlint-disable-next-line unicorn/no-thenable -- a promise of another library is what is tested
    const thenable = { then: (resolve: (content: PolicyContent) => void) => resolve(document("one")) };
    const { store } = open({ name: "thenable", load: () => thenable as unknown as Promise<PolicyContent> });
    await store.loading;
    expect(names(store)).toEqual(["one"]);
  });
});

describe("a change", () => {
  it("replaces the document as a whole, and keeps what throttles have counted", async () => {
    const { answers, change, source } = controlled();
    const { store } = open(source);
    const slow = { name: "slow", match: "mcp:a:b", action: "throttle", rate: { limit: 1, per: "1h" } } as const;
    answers[0]?.resolve({ version: 1, policies: [slow] });
    await store.loading;
    expect(store.evaluate(call, [], now)?.rateLimited).toBe(false);
    change();
    answers[1]?.resolve({ version: 1, policies: [{ name: "other", match: "mcp:a:b", action: "warn" }, { ...slow, rate: { limit: 1, per: "2h" } }] });
    await expect.poll(() => store.generation).toBe(2);
    expect(store.evaluate(call, [], now)).toMatchObject({ policies: ["other", "slow"], rateLimited: true, retryAfterMs: 7_200_000 });
  });

  it("that says the same in other words is none", async () => {
    const { answers, change, source } = controlled();
    const { events, store } = open(source);
    answers[0]?.resolve({ text: "version: 1\npolicies: [{ name: one, match: mcp:a:b, action: block }]\n" });
    await store.loading;
    for (const [index, content] of [document("one"), { text: JSON.stringify(document("one"), null, 2) }, { text: "# moved\npolicies:\n- action: block\n  match: mcp:a:b\n  name: one\nversion: 1\n" }].entries()) {
      change();
      answers[index + 1]?.resolve(content);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(store.generation).toBe(1);
    expect(events.length).toBe(1);
  });

  it("to something broken is told once, and to something broken in another way once more", async () => {
    const { answers, change, source } = controlled();
    const { events, store } = open(source);
    answers[0]?.resolve(document("one"));
    await store.loading;
    const next = async (settle: (answer: PromiseWithResolvers<PolicyContent> | undefined) => void): Promise<void> => {
      change();
      settle(answers.at(-1));
      await new Promise((resolve) => setImmediate(resolve));
    };
    await next((answer) => answer?.resolve({ text: "version: 1" }));
    await next((answer) => answer?.resolve({ text: "version: 1" }));
    await next((answer) => answer?.resolve({ text: "version: 1 # changed" }));
    await next((answer) => answer?.reject(new Error("no network")));
    await next((answer) => answer?.reject(new Error("no network")));
    await next((answer) => answer?.resolve({ version: 1 } as PolicyDocument));
    await next((answer) => answer?.resolve({ version: 1 } as PolicyDocument));
    expect(events.slice(1).map(({ problem }) => problem?.slice(0, 60))).toEqual([
      "controlled:1:1: policies is missing. Write `policies: []` wh",
      "controlled:1:1: policies is missing. Write `policies: []` wh",
      "controlled: cannot be loaded: no network",
      "controlled:1:1: policies is missing. Write `policies: []` wh",
    ]);
    expect(names(store)).toEqual(["one"]);
    await next((answer) => answer?.resolve(document("one")));
    expect(events.at(-1)).toEqual({ event: "policy_activated", source: "controlled", size: 1, digest: store.status().digest, document: expect.objectContaining({ version: 1 }) });
    expect(store.status()).toMatchObject({ generation: 1, problem: undefined });
  });

  it("is heard again after a failure, also where nothing has changed", async () => {
    const { answers, change, source } = controlled();
    const { store } = open(source);
    answers[0]?.resolve({ text: JSON.stringify(document("one")) });
    await store.loading;
    change();
    answers[1]?.reject(new Error("no network"));
    await expect.poll(() => store.status().problem).toBe("controlled: cannot be loaded: no network");
    change();
    answers[2]?.resolve({ text: JSON.stringify(document("one")) });
    await expect.poll(() => store.status().problem).toBeUndefined();
  });
});

describe("a store that is closed", () => {
  it("ends its watch, lets waiting calls go and hears nothing more", async () => {
    const { answers, change, source, watching } = controlled();
    const { events, store } = open(source);
    expect(watching()).toBe(1);
    const waiting = store.loading;
    store.close();
    await waiting;
    expect(watching()).toBe(0);
    change();
    expect(answers.length).toBe(1);
    answers[0]?.resolve(document("one"));
    await new Promise((resolve) => setImmediate(resolve));
    expect(names(store)).toBeUndefined();
    expect(events).toEqual([]);
  });

  it("keeps deciding by what was in force", () => {
    const { store } = open(objectPolicies(document("one")));
    store.close();
    expect(names(store)).toEqual(["one"]);
  });
});

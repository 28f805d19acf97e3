import { afterEach, describe, expect, it } from "vitest";
import { memoryRelay, type MemoryRelay, type MemoryRelayOptions, type Message } from "../fixture/memory-relay.ts";
import { scriptedAsk } from "../fixture/scripted-ask.ts";
import { Rounds } from "./rounds.ts";

const META = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} };
const BLOCK_WRITES = { version: 1 as const, default: "allow" as const, policies: [{ name: "writes", match: "mcp:files:write", action: "block" as const, reason: "Writes need approval" }] };

const opened: MemoryRelay[] = [];
function open(options: MemoryRelayOptions = {}): MemoryRelay {
  const at = memoryRelay({ policies: BLOCK_WRITES, roundMs: 20, ...options });
  opened.push(at);
  return at;
}
afterEach(async () => {
  for (const at of opened.splice(0)) await at.close();
});

const call = (id: string | number, name: string, more: object = {}): object => ({ jsonrpc: "2.0", id, method: "tools/call", params: { name, _meta: META, ...more } });
const isCall = ({ method }: Message): boolean => method === "tools/call";
const callsTo = (at: MemoryRelay): readonly Message[] => at.toUpstream.map((text) => JSON.parse(text) as Message).filter(isCall); // objects
let count = 0;
/** The whole answer to one call. */
async function ask(at: MemoryRelay, name: string, more: object = {}): Promise<Answer> {
  const id = `c${(count += 1)}`;
  at.send(call(id, name, more));
  return at.heard("client", (message) => message["id"] === id);
}
interface Answer {
  readonly result?: { readonly resultType?: string; readonly requestState?: string; readonly isError?: boolean; readonly content?: readonly [{ readonly text: string }]; readonly inputRequests?: object };
  readonly error?: { readonly code: number; readonly message: string; readonly data?: object };
}
const stateOf = ({ result }: Answer): string => result?.requestState ?? "none";
const REFUSED = { code: -32_602, message: expect.stringContaining("Refused by Countersign: this requestState was not given for this call and this caller"), data: { reason: "invalid_request_state" } };

describe("a call that waits for people, without a session", () => {
  it("is answered with a state and nothing else; who comes back with it waits for the same request, and once approved it runs, once", async () => {
    const people = scriptedAsk();
    const at = open({ ask: people });
    const first = await ask(at, "write", { arguments: { path: "/x" } });
    expect(first).toEqual({ jsonrpc: "2.0", id: expect.any(String), result: { resultType: "input_required", requestState: expect.stringMatching(/^[\w-]{60,400}$/) } });
    const second = await ask(at, "write", { arguments: { path: "/x" }, requestState: stateOf(first) });
    expect(second.result?.resultType).toBe("input_required");
    expect(stateOf(second)).not.toBe(stateOf(first));
    people.decide("approved");
    const [third, { id, params }] = await Promise.all([
      ask(at, "write", { arguments: { path: "/x" }, requestState: stateOf(second) }),
      at.heard("upstream", isCall).then((sent) => {
        at.say({ jsonrpc: "2.0", id: sent["id"], result: { resultType: "complete", content: [] } });
        return sent;
      }),
    ]);
    expect(third.result).toEqual({ resultType: "complete", content: [] });
    expect([people.questions.length, people.claimed, people.outcomes]).toEqual([1, ["r1"], ["completed"]]);
    expect([typeof id, params]).toEqual(["string", { name: "write", arguments: { path: "/x" }, _meta: META }]);
    expect(callsTo(at)).toHaveLength(1);
  });

  it("is sent round seven times, and then told in words to call again, which joins", async () => {
    const people = scriptedAsk();
    const at = open({ ask: people });
    let answer = await ask(at, "write");
    for (let round = 1; round < 7; round += 1) {
      expect(answer.result?.resultType).toBe("input_required");
      answer = await ask(at, "write", { requestState: stateOf(answer) });
    }
    const last = await ask(at, "write", { requestState: stateOf(answer) });
    expect(last.result).toMatchObject({ resultType: "complete", isError: true });
    expect(last.result?.content?.[0].text).toContain("Approval request r1 can be answered at http://inbox/requests/r1");
    people.decide("approved");
    const answered = at.heard("upstream", isCall).then(({ id }) => at.say({ jsonrpc: "2.0", id, result: { resultType: "complete", content: [] } }));
    const [{ result }] = await Promise.all([ask(at, "write"), answered]);
    expect(result).toEqual({ resultType: "complete", content: [] });
    expect(people.claimed).toEqual(["r1"]);
  });

  it("that was denied while nobody was there is told so, and nobody is asked anew", async () => {
    const people = scriptedAsk();
    const at = open({ ask: people });
    const first = await ask(at, "write");
    people.decide("denied", "not on Fridays");
    const answer = await ask(at, "write", { requestState: stateOf(first) });
    expect(answer.result?.content?.[0].text).toContain('The approver says: "not on Fridays"');
    expect([people.questions.length, callsTo(at)]).toEqual([1, []]);
  });

  it("that was approved while nobody was there has not run, and runs when its client is there to hear", async () => {
    const people = scriptedAsk();
    const at = open({ ask: people, answers: true });
    const first = await ask(at, "write");
    people.decide("approved");
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect([people.claimed, callsTo(at)]).toEqual([[], []]);
    expect((await ask(at, "write", { requestState: stateOf(first) })).result).toEqual({ content: [] });
    expect([people.claimed, callsTo(at).length]).toEqual([["r1"], 1]);
  });

  it("that is cancelled in a later round takes the question back, and nothing runs", async () => {
    const people = scriptedAsk();
    const at = open({ ask: people, roundMs: 200 });
    const first = await ask(at, "write");
    at.send(call("later", "write", { requestState: stateOf(first) }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    at.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "later" } });
    await at.relay.drained();
    expect([people.cancelled, callsTo(at)]).toEqual([["r1"], []]);
  });

  it("takes one token of a rate, however often its client comes back", async () => {
    const people = scriptedAsk();
    const throttled = { ...BLOCK_WRITES, policies: [...BLOCK_WRITES.policies, { name: "slow", match: "mcp:files:write", action: "throttle" as const, reason: "slowly", rate: { limit: 1, per: "1h" } }] };
    const at = open({ ask: people, policies: throttled });
    const first = await ask(at, "write");
    const second = await ask(at, "write", { requestState: stateOf(first) });
    expect(second.result?.resultType).toBe("input_required");
    expect((await ask(at, "write")).result?.content?.[0].text).toContain("too many calls");
  });

  it("goes on after the gateway was started anew: the key is the state directory's, not the process's", async () => {
    const people = scriptedAsk();
    const key = (): Uint8Array => new Uint8Array(32).fill(7);
    const first = await ask(open({ ask: people, shared: new Rounds({ key }) }), "write");
    const again = open({ ask: people, shared: new Rounds({ key }), answers: true });
    people.decide("approved");
    expect((await ask(again, "write", { requestState: stateOf(first) })).result).toEqual({ content: [] });
    expect([people.questions.length, people.claimed]).toEqual([1, ["r1"]]);
  });
});

describe("R22: a requestState is no key", () => {
  /** One that was just given, unused, for `write` with `a: 1`, and what asks about it; people have said yes. */
  async function given(options: MemoryRelayOptions = {}) {
    const people = scriptedAsk();
    const key = (): Uint8Array => new Uint8Array(32).fill(9);
    const at = open({ ask: people, answers: true, shared: new Rounds({ key }), principal: "key:one", credential: "one", ...options });
    const state = stateOf(await ask(at, "write", { arguments: { a: 1 } }));
    people.decide("approved");
    return { at, people, state, key };
  }

  it("a sound one runs what was approved: the tests below break one thing each", async () => {
    const { at, people, state } = await given();
    expect((await ask(at, "write", { arguments: { a: 1 }, requestState: state })).result).toEqual({ content: [] });
    expect(people.claimed).toEqual(["r1"]);
  });

  it("none of 5,000 that were changed by a bit is taken, nothing runs, and the sound one still works", { timeout: 60_000 }, async () => {
    const { at, people, state } = await given();
    const bits = state.length * 8;
    let taken = 0;
    for (let flip = 0; flip < 5_000; flip += 1) {
      const text = Buffer.from(state, "latin1");
      const bit = flip < bits ? flip : Math.floor(Math.random() * bits);
      for (const one of flip < bits ? [bit] : [bit, (bit * 7 + flip) % bits]) text[one >> 3] = (text[one >> 3] ?? 0) ^ (1 << (one & 7));
      const changed = text.toString("latin1");
      if (changed === state) continue;
      const { error } = await ask(at, "write", { arguments: { a: 1 }, requestState: changed });
      if (error?.code !== -32_602) taken += 1;
    }
    expect([taken, people.claimed, callsTo(at)]).toEqual([0, [], []]);
    expect((await ask(at, "write", { arguments: { a: 1 }, requestState: state })).result).toEqual({ content: [] });
  });

  it.each([
    ["another principal", { principal: "key:two" }],
    ["another credential of the same principal", { credential: "two" }],
    ["another agent", { agent: "other" }],
  ])("of %s is refused, and nothing runs", async (_who, other) => {
    const { people, state, key } = await given();
    const at = open({ ask: people, answers: true, shared: new Rounds({ key }), principal: "key:one", credential: "one", ...other });
    expect((await ask(at, "write", { arguments: { a: 1 }, requestState: state })).error).toEqual(REFUSED);
    expect([people.claimed, callsTo(at)]).toEqual([[], []]);
  });

  it.each([
    ["other arguments", "write", { arguments: { a: 2 } }],
    ["no arguments", "write", {}],
    ["another tool", "read", { arguments: { a: 1 } }],
    ["another context", "write", { arguments: { a: 1 }, _meta: { ...META, env: "prod" } }],
  ])("for %s is refused, also where that call would be allowed, and nothing runs", async (_what, name, more) => {
    const { at, people, state } = await given();
    expect((await ask(at, name, { ...more, requestState: state })).error).toEqual(REFUSED);
    expect([people.claimed, callsTo(at)]).toEqual([[], []]);
  });

  it.each([
    ["another gateway's key", { key: () => new Uint8Array(32).fill(8) }],
    ["another audience", { audience: "https://elsewhere.example/mcp" }],
  ])("under %s is refused", async (_what, other) => {
    const { people, state, key } = await given();
    const at = open({ ask: people, answers: true, shared: new Rounds({ key, ...other }), principal: "key:one", credential: "one" });
    expect((await ask(at, "write", { arguments: { a: 1 }, requestState: state })).error).toEqual(REFUSED);
    expect(callsTo(at)).toEqual([]);
  });

  it("is good for one use, and after the end for none", async () => {
    const { at, people, state } = await given();
    const both = await Promise.all([ask(at, "write", { arguments: { a: 1 }, requestState: state }), ask(at, "write", { arguments: { a: 1 }, requestState: state })]);
    expect(both.map(({ result, error }) => result ?? error)).toEqual([{ content: [] }, REFUSED]);
    expect((await ask(at, "write", { arguments: { a: 1 }, requestState: state })).error).toEqual(REFUSED);
    expect([people.claimed, callsTo(at).length]).toEqual([["r1"], 1]);
  });

  it("is over after its time", async () => {
    const people = scriptedAsk();
    let now = Date.now();
    const at = open({ ask: people, answers: true, shared: new Rounds({ now: () => now }) });
    const state = stateOf(await ask(at, "write"));
    people.decide("approved");
    now = Date.UTC(2030, 0, 1) + 5 * 60_000;
    expect((await ask(at, "write", { requestState: state })).error).toEqual(REFUSED);
    expect(callsTo(at)).toEqual([]);
  });

  it.each([
    ["made up", { requestState: "s" }],
    ["empty", { requestState: "" }],
    ["no text", { requestState: { a: 1 } }],
    ["null", { requestState: null }],
    ["long", { requestState: "A".repeat(100_000) }],
    ["made up, with answers", { requestState: "c3RhdGU", inputResponses: { q: { action: "accept" } } }],
  ])("that is %s reaches no server, also with a call that is allowed", async (_what, more) => {
    const at = open();
    expect((await ask(at, "read", more)).error).toEqual(REFUSED);
    expect(callsTo(at)).toEqual([]);
  });
});

/**
 * R1, bound execution: while a person thinks, exactly one thing changes; what is sent must hash to the digest in the
 * recorded approval, or people are asked anew. The send port is the witness: it looks at nothing but the bytes that leave.
 */
import { createHash, randomInt } from "node:crypto";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHandlerAsk } from "./approval/ask-handler.ts";
import { ApprovalDecision, type ApprovalContext, type ApprovalHandler } from "./approval/decision.ts";
import { referenceJson } from "./call/fixture/reference-json.ts";
import type { ProposedCall } from "./call/read-call.ts";
import { createToolCatalog } from "./call/tool-catalog.ts";
import type { PolicyViolationError } from "./errors.ts";
import { spendPermit } from "./execution/permit.ts";
import { paramsOf, type SendPort } from "./execution/send.ts";
import { guard, type GuardOptions, type Outcome, type Ports } from "./guard.ts";
import type { PolicyDocument } from "./policy/document.ts";
import { openPolicyStore, type PolicyStore } from "./policy/policy-store.ts";
import type { RecordEntry } from "./record/entry.ts";

const CALLS = 10_000;
const TRACE = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };

type Live = Record<string, unknown>;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Everything that somebody can reach while the question is open. */
interface World {
  readonly params: { name: string; arguments: Live; _meta?: Live };
  readonly proposed: Mutable<ProposedCall> & { server: Mutable<ProposedCall["server"]>; caller: Mutable<ProposedCall["caller"]>; eraKeys: string[] };
  readonly options: Mutable<GuardOptions>;
  readonly error: PolicyViolationError;
  readonly context: ApprovalContext;
  setDefinition(description: string): void;
  setPolicy(document: PolicyDocument): Promise<void>;
}

const HELD: PolicyDocument = { version: 1, policies: [{ name: "held", match: "mcp:*:*", action: "block", reason: "Everything needs approval" }] };
const OTHER_REASON: PolicyDocument = { version: 1, policies: [{ name: "held", match: "mcp:*:*", action: "block", reason: "Everything needs approval, still" }] };
const UNRELATED: PolicyDocument = { version: 1, policies: [...(HELD.policies ?? []), { name: "elsewhere", match: "mcp:elsewhere:rm", action: "block", reason: "no" }] };
const LOOSER: PolicyDocument = { version: 1, policies: [] };

/** One change each. `asked` is how often people must be asked; 1 unless said. */
const CHANGES: Readonly<Record<string, { readonly asked?: number; change(world: World): void | Promise<void> }>> = {
  nothing: { change: () => undefined },
  "a value": { change: ({ params }) => set(params.arguments, firstKey(params.arguments), "changed") },
  "a value deep inside": { change: ({ params }) => changeDeep(params.arguments) },
  "a key more": { change: ({ params }) => set(params.arguments, "recursive", true) },
  "a key less": { change: ({ params }) => void Reflect.deleteProperty(params.arguments, firstKey(params.arguments)) },
  "a number respelled": { change: ({ params }) => respell(params.arguments) },
  "an index key": { change: ({ params }) => set(params.arguments, "0", 0) },
  "all arguments": { change: ({ params }) => set(params, "arguments", { path: "/etc/passwd" }) },
  "arguments behind a getter": { change: ({ params }) => void Object.defineProperty(params.arguments, firstKey(params.arguments), { get: () => "changed", enumerable: true, configurable: true }) },
  "arguments that inherit": { change: ({ params }) => void Object.setPrototypeOf(params.arguments, { path: "/etc/passwd", toJSON: () => ({ path: "/etc/passwd" }) }) },
  "the tool": { change: ({ params }) => set(params, "name", "rm") },
  "a key of the params": { change: ({ params }) => set(params, "task", { ttl: 9 }) },
  "context": { change: ({ params }) => set((params._meta ??= {}), "acme/env", "changed") },
  "trace context of the caller": { change: ({ params }) => set((params._meta ??= {}), "traceparent", "00-changed") },
  "the whole of _meta": { change: ({ params }) => set(params, "_meta", { "acme/env": "changed" }) },
  "the task": { change: ({ proposed }) => (typeof proposed.task === "object" ? set(proposed.task as Live, "ttl", 999) : set(proposed, "task", { ttl: 999 })) },
  "the keys of the era": { change: ({ params, proposed }) => (proposed.eraKeys.push("requestState"), set(params, "requestState", "changed")) },
  "the params": { change: ({ proposed }) => set(proposed, "params", { name: "rm", arguments: {} }) },
  "the server's name": { change: ({ proposed }) => set(proposed.server, "name", "changed") },
  "the server's identity": { change: ({ proposed }) => set(proposed.server, "identity", "f".repeat(64)) },
  "who calls": { change: ({ proposed }) => (set(proposed.caller, "principal", "root"), set(proposed.caller.agent, "name", "changed")) },
  "the options": { change: ({ options }) => (set(options, "waitMs", 1), set(options, "task", { ttl: 999 })) },
  "the call that the handler was shown": { change: ({ context }) => expectFrozen(context.call) },
  "the call in the error": { change: ({ error }) => expectFrozen(error.call) },
  "the context of the handler": { change: ({ context }) => expectFrozen(context) },
  "the definition": { asked: 2, change: ({ setDefinition }) => setDefinition("changed") },
  "the reason of the policy": { asked: 2, change: ({ setPolicy }) => setPolicy(OTHER_REASON) },
  "an unrelated policy": { change: ({ setPolicy }) => setPolicy(UNRELATED) },
  "the policy, which now allows": { change: ({ setPolicy }) => setPolicy(LOOSER) },
};

const json = fc.jsonValue({ maxDepth: 2 }).filter((value) => isSendable(value));
const calls = fc.record({
  change: fc.constantFrom(...Object.keys(CHANGES)),
  tool: fc.constantFrom("write_file", "send mail", "x:y", "日本"),
  serverName: fc.constantFrom("filesystem", "mail", undefined),
  identity: fc.constantFrom(null, "e".repeat(64)),
  arguments: fc.dictionary(fc.string({ minLength: 1 }).filter((key) => key !== "__proto__"), fc.oneof(json, fc.maxSafeInteger()), { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
  meta: fc.option(fc.dictionary(fc.constantFrom("acme/env", "traceparent", "progressToken", "io.modelcontextprotocol/x", "z"), json, { noNullPrototype: true }), { nil: undefined }),
  task: fc.option(fc.record({ ttl: fc.nat() }), { nil: undefined }),
  listed: fc.boolean(),
});
type Generated = typeof calls extends fc.Arbitrary<infer T> ? T : never;

describe("R1", () => {
  // Every question makes errors that are never thrown; their stacks, 100 deep under the test runner, cost more than the calls.
  const { stackTraceLimit } = Error;
  beforeAll(() => void (Error.stackTraceLimit = 0));
  afterAll(() => void (Error.stackTraceLimit = stackTraceLimit));

  it(`${CALLS.toLocaleString("en")} approved calls, one thing changed while each was approved: none is sent that differs from what was approved, none that was not touched fails`, async () => {
    const seed = Number(process.env["COUNTERSIGN_SEED"] ?? randomInt(2 ** 31));
    const tally = new Map<string, number>();
    let sends = 0;
    let asked = 0;
    const started = performance.now();
    await fc.assert(
      fc.asyncProperty(calls, async (generated) => {
        const trial = await run(generated);
        const { change } = generated;
        const [sent] = trial.sent;
        const wrong = {
          "it did not run": trial.outcome.kind !== "ran",
          "it was not sent once": trial.sent.length !== 1,
          "what was sent is not what was approved": sent?.digest !== trial.approved.at(-1) || sent?.digest !== trial.intended.at(-1),
          "what was sent is not what was proposed": sent?.arguments !== referenceJson(generated.arguments),
          "people were not asked as often as they must be": trial.asked !== (CHANGES[change]?.asked ?? 1),
        };
        const problems = Object.entries(wrong).flatMap(([what, isSo]) => (isSo ? [`${change}: ${what}`] : []));
        if (problems.length > 0) throw new Error(problems.join("; "));
        tally.set(change, (tally.get(change) ?? 0) + 1);
        sends += trial.sent.length;
        asked += trial.asked;
      }),
      { numRuns: CALLS, seed },
    );
    expect(tally.size).toBe(Object.keys(CHANGES).length);
    expect(sends).toBe(CALLS);
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    console.info(`R1: ${sends} calls sent as approved, ${asked} questions, ${tally.size} kinds of change, ${tally.get("nothing")} untouched; seed ${seed}, ${seconds} s`);
  }, 300_000);

  it("the witness sees a call that differs: it is no rubber stamp", async () => {
    const plain: Generated = { change: "nothing", tool: "write_file", serverName: "filesystem", identity: null, arguments: { a: 1 }, meta: undefined, task: undefined, listed: true };
    const trial = await run(plain);
    expect(witness({ name: "write_file", arguments: { a: 1 } }, plain, "does it")).toBe(trial.approved[0]);
    for (const params of [{ name: "write_file", arguments: { a: 2 } }, { name: "rm", arguments: { a: 1 } }, { name: "write_file", arguments: { a: 1 }, _meta: { x: 1 } }, { name: "write_file", arguments: { a: 1 }, task: {} }]) {
      expect(witness(params, plain, "does it")).not.toBe(trial.approved[0]);
    }
    expect(witness({ name: "write_file", arguments: { a: 1 } }, plain, "changed")).not.toBe(trial.approved[0]);
  });
});

/** The policies of all trials: a source whose document can be set. */
const policy = openPolicy();

function openPolicy(): { readonly store: PolicyStore; set(next: PolicyDocument): Promise<void> } {
  let document = HELD;
  let changed = (): void => undefined;
  const watch = (tell: () => void): (() => void) => ((changed = tell), () => undefined);
  const store = openPolicyStore({ name: "test", load: () => document, watch }, () => undefined);
  return {
    store,
    async set(next) {
      if (next === document) return;
      document = next;
      const before = store.generation;
      changed();
      for (let turns = 0; store.generation === before && turns < 100; turns++) await Promise.resolve();
      expect(store.generation).toBe(before + 1);
    },
  };
}

interface Trial {
  readonly outcome: Outcome;
  /** What left, as the witness sees it. */
  readonly sent: readonly { readonly digest: string; readonly arguments: string }[];
  /** Digests in the recorded approvals and intents. */
  readonly approved: readonly string[];
  readonly intended: readonly string[];
  readonly asked: number;
}

async function run(generated: Generated): Promise<Trial> {
  const { change, tool } = generated;
  const { arguments: args, meta, task } = JSON.parse(JSON.stringify(generated)) as Generated; // a copy to be changed
  let description = "does it";
  const catalog = createToolCatalog(() => Promise.resolve({ tools: [definitionOf(tool, description)] }));
  if (generated.listed) catalog.observe(undefined, { tools: [definitionOf(tool, description)] });

  await policy.set(HELD);
  const params = { name: tool, arguments: args as Live, ...(meta === undefined ? {} : { _meta: meta as Live }) };
  const proposed = {
    params,
    task,
    eraKeys: ["task"],
    server: { name: generated.serverName, identity: generated.identity, transport: "stdio" as const },
    caller: { principal: "local:jane", agent: { name: "file-manager", id: "" }, user: { id: "u" }, session: { id: "s" } },
    tools: catalog,
  };
  const options: Mutable<GuardOptions> = {};
  let asked = 0;
  const handler: ApprovalHandler = async (error, context) => {
    if (asked++ > 0) return new ApprovalDecision({ approved: true, approver: "jane" });
    await CHANGES[change]?.change({
      params,
      proposed,
      options,
      error,
      context,
      setDefinition(next) {
        description = next;
        catalog.observe(undefined, { tools: [definitionOf(tool, next)] });
      },
      setPolicy: (next) => policy.set(next),
    });
    return new ApprovalDecision({ approved: true, approver: "jane" });
  };

  const sent: { digest: string; arguments: string }[] = [];
  const send: SendPort = async (permit, call, carrier) => {
    spendPermit(permit, call);
    const bytes = JSON.stringify(paramsOf(call, carrier, permit.basis.kind === "claimed"));
    const arrived = JSON.parse(bytes) as Sendable;
    sent.push({ digest: witness(arrived, generated, description), arguments: referenceJson(arrived.arguments) });
    return { ok: true, result: { content: [] }, isError: false };
  };
  const rows: RecordEntry[] = [];
  const ports: Ports = {
    inspect: { inspections: [] },
    policies: policy.store,
    ask: createHandlerAsk({ handler, defaultTimeoutMs: 60_000, onWarning: unexpected, now: Date.now }),
    send,
    record: { append: (entry) => (rows.push(entry), { entry }), commit: async (entry) => void rows.push(entry), complete: () => undefined },
    observe: { begin: () => ({ carrier: TRACE, run: (fn) => fn(), end: () => undefined }) },
    now: Date.now,
    newId: () => "id",
  };
  const outcome = await guard(proposed, ports, options);
  return {
    outcome,
    sent,
    asked,
    approved: rows.flatMap((row) => (row.type === "approval" && row.status === "approved" ? [row.digest] : [])),
    intended: rows.flatMap((row) => (row.type === "intent" ? [row.digest] : [])),
  };
}

interface Sendable {
  readonly name: string;
  readonly arguments: object;
  readonly _meta?: object;
  readonly task?: unknown;
}

/** The digest of what arrived at the server, computed by the letter of the design from the bytes and from who the server is. */
function witness({ name, arguments: args, _meta = {}, ...era }: Sendable, { serverName, identity }: Generated, description: string): string {
  const carried = /^(?:traceparent|tracestate|baggage|progressToken|io\.modelcontextprotocol\/.*)$/;
  const context = Object.entries(_meta).filter(([key]) => !carried.test(key));
  const extra = Object.entries(era).map(([key, value]) => [`io.modelcontextprotocol/${key}`, value]);
  const definition = sha256("definition", definitionOf(name, description));
  return sha256("call", { server: { name: serverName ?? null, identity }, tool: name, definition, arguments: args, context: Object.fromEntries([...context, ...extra]) as unknown });
}

function sha256(type: string, value: unknown): string {
  return createHash("sha256").update(Buffer.from(`countersign/${type}/v1\u0000${referenceJson(value)}`)).digest("hex");
}

function definitionOf(name: string, description: string): object {
  return { name, description, inputSchema: { type: "object" } };
}

function set(target: object, key: string, value: unknown): void {
  expect(Reflect.set(target, key, value)).toBe(true);
}

function firstKey(live: Live): string {
  return Object.keys(live)[0] ?? "none";
}

function changeDeep(live: object): void {
  const inner = Object.values(live).find((member): member is object => member !== null && typeof member === "object");
  if (inner !== undefined) changeDeep(inner);
  else if (Array.isArray(live)) live.push("changed");
  else set(live, "changed", true);
}

/** 1 becomes "1", and where there is no number, there will be one. */
function respell(live: Live): void {
  const key = Object.keys(live).find((name) => typeof live[name] === "number") ?? firstKey(live);
  set(live, key, typeof live[key] === "number" ? String(live[key]) : -0);
}

/** Tries to change everything in it, to the last leaf. */
function expectFrozen(value: unknown): void {
  if (value === null || typeof value !== "object" || value instanceof AbortSignal || value instanceof Date) return;
  for (const key of [...Object.keys(value), "more"]) if (Reflect.set(value, key, "changed")) unexpected(`${key} could be set`);
  for (const member of Object.values(value)) expectFrozen(member);
}

/** JSON that the strict parse takes: the others are refused, which is another promise. */
function isSendable(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value === "number") return !Number.isInteger(value) || Number.isSafeInteger(value) || Math.abs(value) >= 1e21;
  if (value === null || typeof value !== "object") return true;
  return Object.entries(value).every(([key, member]) => key !== "__proto__" && key.isWellFormed() && isSendable(member));
}

function unexpected(message: string): never {
  throw new Error(message);
}

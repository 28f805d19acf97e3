/** Costs of single steps, in one process, taking turns: the hash of the arguments (P16) and the span (P15). */
import { hash } from "node:crypto";
import { context, trace } from "@opentelemetry/api";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { callDigest, createKeyedDigest } from "../packages/sdk/src/call/digest.ts";
import { readCall } from "../packages/sdk/src/call/read-call.ts";
import { createToolCatalog } from "../packages/sdk/src/call/tool-catalog.ts";
import { bindCall } from "../packages/sdk/src/call/bind-call.ts";
import { observeCalls } from "../packages/sdk/src/otel/observe-calls.ts";
import { openStory, type CallStory } from "../packages/sdk/src/record/story.ts";

export interface MicroRow {
  readonly name: string;
  /** Nanoseconds, medians. */
  readonly ours: number;
  readonly base: number;
  readonly ratio: number;
}

const ROUNDS = 15;

export function measureMicro(): MicroRow[] {
  return [...[1024, 65_536].map(hashRow), ...spanRows()];
}

function hashRow(bytes: number): MicroRow {
  const proposed = proposalOf(bytes);
  const args = (proposed.params as { arguments: object }).arguments;
  const calls = Math.max(200, Math.floor(4_000_000 / bytes));
  const [ours, base] = alternate(
    calls,
    () => {
      const reading = readCall(proposed);
      if (!reading.ok) throw new Error(reading.refusal.reason);
      return callDigest(reading.call, null);
    },
    () => hash("sha256", JSON.stringify(args), "hex"),
  );
  return row(`P16 strict snapshot + RFC 8785 + SHA-256 ÷ JSON.stringify + SHA-256, ${bytes} B`, ours, base);
}

function spanRows(): MicroRow[] {
  const story = storyOf();
  const open = () => observeCalls({ kind: "client", captureContent: false, keyedDigest: createKeyedDigest(KEY) });
  let observe = open();
  const ours = (): void => {
    const span = observe.begin(story);
    span.run(() => undefined);
    span.end(story);
  };
  const [off] = alternate(20_000, ours, () => undefined);
  const discard = { export: (_spans: unknown, done: (result: { code: number }) => void) => done({ code: 0 }), shutdown: async () => undefined, forceFlush: async () => undefined };
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter: discard, maxQueueSize: 1_000_000 })] }));
  observe = open();
  const tracer = trace.getTracer("bench");
  const own = (): void => {
    const span = tracer.startSpan("tools/call echo", {}, context.active());
    for (const [key, value] of ATTRIBUTES) span.setAttribute(key, value);
    span.end();
  };
  const [on, sdk] = alternate(20_000, ours, own);
  return [row("P15 span off, ns (goal 200)", off, 200), row("P15 span on ÷ the SDK's own span with as many attributes", on, sdk)];
}

const KEY = new Uint8Array(32);
const ATTRIBUTES = Array.from({ length: 9 }, (_, index) => [`bench.attribute_${index}`, `value number ${index}`] as const);

function proposalOf(bytes: number) {
  const rows = Array.from({ length: Math.max(1, Math.floor(bytes / 128)) }, (_, index) => ({ id: index, name: `row ${index}`, tags: ["a", "b"], text: "x".repeat(70) }));
  return {
    params: { name: "echo", arguments: { path: "/srv/data/q3.txt", rows } },
    eraKeys: ["task"],
    server: { name: "bench", identity: null, transport: "memory" as const },
    caller: { principal: "local:bench", agent: { name: "bench", id: "" }, user: { id: "" }, session: { id: "s" } },
    tools: createToolCatalog(() => Promise.resolve(undefined)),
  };
}

function storyOf(): CallStory {
  const proposed = proposalOf(128);
  const reading = readCall(proposed);
  const story = openStory("00000000-0000-0000-0000-000000000000", 0, proposed, reading);
  if (reading.ok) story.call = bindCall(reading.call, null);
  return story;
}

/** Medians of two functions that take turns, in nanoseconds a call. */
function alternate(calls: number, a: () => unknown, b: () => unknown): [number, number] {
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    for (const [side, run] of [[0, a], [1, b]] as const) {
      const start = performance.now();
      for (let index = 0; index < calls; index++) run();
      times[side].push(((performance.now() - start) * 1e6) / calls);
    }
  }
  return [median(times[0]), median(times[1])];
}

function row(name: string, ours: number, base: number): MicroRow {
  return { name, ours, base, ratio: ours / base };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

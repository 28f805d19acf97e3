import { expect, it } from "vitest";
import { EventReader } from "./event-reader.ts";

interface Seen {
  readonly events: (readonly [event: string, data: string, id: string | undefined])[];
  readonly retries: number[];
  oversize: number;
}

function read(chunks: readonly Buffer[], maxBytes = 1_000): Seen {
  const seen: Seen = { events: [], retries: [], oversize: 0 };
  const reader = new EventReader(maxBytes, {
    onEvent: ({ event, data, id }) => void seen.events.push([event, data.toString(), id]),
    onRetry: (ms) => void seen.retries.push(ms),
    onOversize: () => void (seen.oversize += 1),
  });
  for (const chunk of chunks) reader.push(chunk);
  return seen;
}

const STREAM = [
  "\ufeff: hello\n",
  "data: {\"é\": \"\u2028\"}\n\n",
  "event: endpoint\r\ndata:/message?s=1\r\n\r\n",
  "id: 7\rretry: 250\rdata\r\r",
  "id: 8\ndata: a\ndata:  b\ndata: \n\n",
  "unknown: x\nevent: lost\n\n",
  "retry: soon\nid: no\0\ndata: c: d\n\n",
  "data: never ended",
].join("");
const EVENTS = [
  ["message", '{"é": "\u2028"}', undefined],
  ["endpoint", "/message?s=1", undefined],
  ["message", "", "7"],
  ["message", "a\n b\n", "8"],
  ["message", "c: d", undefined],
];

it("reads events as the standard says, wherever the chunks are cut", () => {
  const bytes = Buffer.from(STREAM);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const seen = read([bytes.subarray(0, cut), Buffer.alloc(0), bytes.subarray(cut)]);
    expect([cut, seen]).toEqual([cut, { events: EVENTS, retries: [250], oversize: 0 }]);
  }
  expect(read(Array.from(bytes, (byte) => Buffer.from([byte]))).events).toEqual(EVENTS);
});

it("skips an event over the limit, in one line or in many, says so once, and reads the next", () => {
  const next = "data: next\n\n";
  for (const long of [`data: ${"x".repeat(40)}\n\n`, `data: ${"x".repeat(10)}\n`.repeat(5).concat("\n"), `: ${"x".repeat(60)}\ndata: y\n\n`]) {
    for (const size of [1, 7, 1_000]) {
      const bytes = Buffer.from(long + next);
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
      expect([long, size, read(chunks, 32)]).toEqual([long, size, { events: [["message", "next", undefined]], retries: [], oversize: 1 }]);
    }
  }
});

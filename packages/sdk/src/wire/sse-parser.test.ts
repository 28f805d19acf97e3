import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { createSseParser, type ServerSentEvent } from "./sse-parser.ts";

function parse(chunks: readonly Buffer[]): { readonly events: ServerSentEvent[]; readonly last: string } {
  const events: ServerSentEvent[] = [];
  const parser = createSseParser((event) => events.push(event));
  for (const chunk of chunks) parser.push(chunk);
  return { events, last: parser.lastEventId };
}

describe("server-sent events", () => {
  it("fields, comments, several lines of data, and all three line breaks", () => {
    const text = "\uFEFF: comment\r\nid: 7\r\nevent: request\r\ndata: a\r\ndata:b\n\ndata:  c\r\rid\ndata\n\nevent: x\n\n";
    expect(parse([Buffer.from(text)])).toEqual({ events: [{ event: "request", data: "a\nb" }, { event: "message", data: " c" }, { event: "message", data: "" }], last: "" });
  });

  it("an event that was cut off never was, and its id does not count", () => {
    expect(parse([Buffer.from("id: 1\ndata: a\n\nid: 2\ndata: b\n")])).toEqual({ events: [{ event: "message", data: "a" }], last: "1" });
  });

  it("bytes cut anywhere make the same events", () => {
    const bytes = Buffer.from('id: 1\nevent: request\ndata: {"name":"жалоба 🙂"}\n\n: x\r\nid: 2\r\ndata: b\r\n\r\ndata: c\r\rdata: d\n\n');
    const whole = parse([bytes]);
    expect(whole.events).toHaveLength(4);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        expect(parse(chunks)).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  it("a line without an end is refused, not kept", () => {
    const parser = createSseParser(() => undefined);
    expect(() => {
      for (let n = 0; n < 100; n++) parser.push(Buffer.alloc(100_000, "a"));
    }).toThrow(RangeError);
  });
});

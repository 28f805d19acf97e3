import fc from "fast-check";
import { expect, it } from "vitest";
import { dataOf, EventFramer, eventOf, hasId, withData } from "./event-framer.ts";

function framed(chunks: readonly Buffer[], maxBytes = 1_000_000): { readonly events: readonly string[]; readonly rest: string } {
  const events: string[] = [];
  const framer = new EventFramer(maxBytes, (event) => events.push(event.toString()));
  for (const chunk of chunks) framer.push(chunk);
  return { events, rest: framer.rest()?.toString() ?? "" };
}

/** As WHATWG HTML 9.2.6 reads a stream, in the simplest way: whole text, lines, fields. */
function reference(text: string): readonly string[] {
  const said: string[] = [];
  let data: string[] = [];
  const lines = text.split(/\r\n|\r|\n/);
  for (const line of lines.slice(0, -1)) {
    if (line === "") {
      if (data.length > 0) said.push(data.join("\n"));
      data = [];
    }
    const [, name, value] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? [];
    if (name === "data") data.push(value ?? "");
  }
  return said;
}

const line = fc.constantFrom("data: {}", "data:x", "data", "data:", "data:  y", "id: 1", "id", ": c", "event: message", "datax: 1", "é: ü", "retry: 5");
const stream = fc.array(fc.tuple(fc.oneof(line, fc.constant("")), fc.constantFrom("\n", "\r\n", "\r")), { maxLength: 30 }).map((lines) => lines.map(([text, end]) => text + end).join(""));

it("however a stream is cut, its bytes come out whole and in order, and its events say what the specification says", () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat({ max: 300 })), (text, cuts) => {
      const bytes = Buffer.from(text);
      const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].toSorted((a, b) => a - b);
      const { events, rest } = framed(places.map((place, index) => bytes.subarray(place, places[index + 1] ?? place)));
      expect(events.join("") + rest).toBe(text);
      expect(events.flatMap((event) => dataOf(Buffer.from(event))?.toString() ?? [])).toEqual(reference(text));
    }),
    { numRuns: 3_000, seed: 1 },
  );
});

it("an event longer than the limit is thrown out", () => {
  expect(() => framed([Buffer.alloc(600, "a"), Buffer.alloc(600, "a")], 1_000)).toThrow(RangeError);
});

it("other data stands in an event's place with its id and its name", () => {
  const event = Buffer.from("event: message\r\nid: 7\r\ndata: {\r\ndata: }\r\n\r\n");
  expect(withData(event, '{"a":1}\n').toString()).toBe('event: message\nid: 7\ndata: {"a":1}\n\n');
  expect([hasId(event), hasId(Buffer.from("id:\ndata: id\n\n")), hasId(Buffer.from("data: x\n\n"))]).toEqual([true, false, false]);
});

it("what has several lines is said in several", () => {
  expect(eventOf('{\r\n"a":1\n}').toString()).toBe('data: {\ndata: "a":1\ndata: }\n\n');
});

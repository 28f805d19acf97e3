import fc from "fast-check";
import { expect, it } from "vitest";
import { LineFramer } from "./line-framer.ts";

function framed(chunks: readonly Buffer[], maxBytes = 1_000): { readonly lines: string[]; readonly oversize: number } {
  const lines: string[] = [];
  let oversize = 0;
  const framer = new LineFramer(maxBytes, { onLine: (line) => void lines.push(line.toString("latin1")), onOversize: () => void (oversize += 1) });
  for (const chunk of chunks) framer.push(chunk);
  return { lines, oversize };
}

/** The same bytes, cut at these places. */
function cut(text: string, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % (text.length + 1)).toSorted((one, other) => one - other), text.length];
  return sorted.slice(1).map((end, index) => Buffer.from(text.slice(sorted[index], end), "latin1"));
}

it("hands on the same lines, byte for byte, however the bytes are cut into chunks", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary-ascii", maxLength: 40 })), fc.array(fc.nat()), (parts, places) => {
      const text = parts.join("\n");
      const { lines } = framed(cut(text, places));
      const end = text.lastIndexOf("\n") + 1;
      expect(lines.join("")).toBe(text.slice(0, end));
      expect(lines.every((line) => line.indexOf("\n") === line.length - 1)).toBe(true);
    }),
  );
});

it("a line over the limit is told once and skipped to its end, and the lines around it are whole", () => {
  const text = `before\n${"x".repeat(50)}\nafter\n`;
  for (let size = 1; size <= text.length; size += 1) {
    const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, index) => Buffer.from(text.slice(index * size, (index + 1) * size)));
    expect(framed(chunks, 20)).toEqual({ lines: ["before\n", "after\n"], oversize: 1 });
  }
});

it("a line of exactly the limit passes, its line feed counted", () => {
  expect(framed([Buffer.from("12345\n")], 6)).toEqual({ lines: ["12345\n"], oversize: 0 });
  expect(framed([Buffer.from("123456\n")], 6)).toEqual({ lines: [], oversize: 1 });
});

it("a line without an end keeps no more than the limit", () => {
  expect(framed(Array.from({ length: 1_000 }, () => Buffer.alloc(100, 0x78)), 500)).toEqual({ lines: [], oversize: 1 });
});

import fc from "fast-check";
import { expect, it } from "vitest";
import { whyTooComplex } from "./shape-limits.ts";

const large = (text: string): Buffer => Buffer.from(text + " ".repeat(70_000));

it.each([
  ["[".repeat(1_001), "deeper than 1000"],
  [`[${"1,".repeat(200_001)}1]`, "more than 200000 parts"],
  [`{${Array.from({ length: 200_002 }, (_, at) => `"${at}":1`).join(",")}}`, "more than 200000 parts"],
  [`["a\\\\"${",1".repeat(200_001)}]`, "more than 200000 parts"],
])("%#: is not even parsed", (text, reason) => {
  expect(whyTooComplex(large(text))?.reason).toContain(reason);
});

it.each([
  `{"csv":"${"1,".repeat(300_000)}"}`,
  `{"text":"${"\\\"[{".repeat(100_000)}"}`,
  `${"[".repeat(1_000)}${"]".repeat(1_000)}`,
  "[]".repeat(2_000),
  '"never ends',
])("%#: what stands in strings does not count, nor what is closed again", (text) => {
  expect(whyTooComplex(large(text))).toBeUndefined();
});

it("ends on any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
      expect(() => whyTooComplex(Buffer.alloc(70_000, bytes))).not.toThrow();
    }),
  );
});

it("takes milliseconds for the largest body", () => {
  const body = Buffer.from(`{"a":"${"\\\\".repeat(5_000_000)}"}`);
  const started = performance.now();
  whyTooComplex(body);
  expect(performance.now() - started).toBeLessThan(500);
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "./parse-json.ts";

/** Keys in order, at every depth: what a parser that misreads keys gets wrong. */
function keysOf(value: unknown): readonly string[] {
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, member]) => [key, ...keysOf(member)]);
}

describe("parseJson", () => {
  it("reads a key that is written with an escape as what it spells, whatever was parsed before", () => {
    expect(keysOf(parseJson(String.raw`{"x":1,"\\":2}`))).toEqual(["x", "\\"]);
    expect(keysOf(parseJson(String.raw`{"x":1,"\u0061":2}`))).toEqual(["x", "a"]);
    expect(keysOf(parseJson(String.raw`{"x":1,"\n":2}`))).toEqual(["x", "\n"]);
    expect(keysOf(parseJson(String.raw`{"x":1,"\u0062":{"\"":[{"\t":1}]}}`))).toEqual(["x", "b", '"', "0", "\t"]);
  });

  it("keeps every key and value of any JSON, however it is written", () => {
    const escaped = fc.string({ unit: "binary", maxLength: 4 });
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ maxDepth: 4 }, fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null), fc.array(tie("tree"), { maxLength: 4 }), fc.dictionary(fc.oneof(escaped, fc.constantFrom("\\", "\n", '"', "a", "__proto__", "1")), tie("tree"), { maxKeys: 5 })),
    }));
    fc.assert(
      fc.property(tree, fc.boolean(), fc.boolean(), (value, spaced, spelledOut) => {
        const plain = JSON.stringify(value, null, spaced ? " \t" : undefined);
        // Every ASCII letter inside strings as an escape: keys too.
        const text = spelledOut ? plain.replaceAll(/"(?:[^"\\]|\\.)*"/g, (token) => token.replaceAll(/\\u[0-9a-f]{4}|\\.|[a-z]/g, (found) => (found.length > 1 ? found : `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`))) : plain;
        expect(JSON.stringify(parseJson(text))).toBe(JSON.stringify(value));
      }),
      { numRuns: 3_000 },
    );
  });

  it("refuses what is no JSON, as JSON.parse does", () => {
    for (const text of ["", "{", '{"\\":1}', String.raw`{"\x":1}`, String.raw`{"\u0061":1,}`, String.raw`{"\u0061" 1}`, "[1,]", '"\\']) expect(() => parseJson(text)).toThrow(SyntaxError);
  });

  it("gives a key __proto__ as a key of its own", () => {
    const value = parseJson(String.raw`{"\u005f_proto__":{"polluted":1}}`);
    expect(Object.keys(value as object)).toEqual(["__proto__"]);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });
});

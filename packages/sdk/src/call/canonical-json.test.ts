import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "./canonical-json.ts";
import { referenceJson } from "./fixture/reference-json.ts";
import { snapshotJson } from "./snapshot.ts";

describe("RFC 8785", () => {
  // Appendix B: IEEE 754 bits and what they are written as.
  it.each([
    ["0000000000000000", "0"],
    ["8000000000000000", "0"],
    ["0000000000000001", "5e-324"],
    ["8000000000000001", "-5e-324"],
    ["7fefffffffffffff", "1.7976931348623157e+308"],
    ["ffefffffffffffff", "-1.7976931348623157e+308"],
    ["4340000000000000", "9007199254740992"],
    ["c340000000000000", "-9007199254740992"],
    ["4430000000000000", "295147905179352830000"],
    ["44b52d02c7e14af5", "9.999999999999997e+22"],
    ["44b52d02c7e14af6", "1e+23"],
    ["44b52d02c7e14af7", "1.0000000000000001e+23"],
    ["444b1ae4d6e2ef4e", "999999999999999700000"],
    ["444b1ae4d6e2ef4f", "999999999999999900000"],
    ["444b1ae4d6e2ef50", "1e+21"],
    ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
    ["3eb0c6f7a0b5ed8d", "0.000001"],
    ["41b3de4355555553", "333333333.3333332"],
    ["41b3de4355555554", "333333333.33333325"],
    ["41b3de4355555555", "333333333.3333333"],
    ["41b3de4355555556", "333333333.3333334"],
    ["41b3de4355555557", "333333333.33333343"],
    ["becbf647612f3696", "-0.0000033333333333333333"],
    ["43143ff3c1cb0959", "1424953923781206.2"],
  ])("writes the number %s as %s", (bits, text) => {
    expect(canonicalJson(Buffer.from(bits, "hex").readDoubleBE())).toBe(text);
  });

  it("sorts keys by UTF-16 code unit (§3.2.3)", () => {
    const value = { "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One", "\u{1f600}": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis" };
    const order = ["Carriage Return", "One", "Control", "Latin Small Letter O With Diaeresis", "Euro Sign", "Emoji: Grinning Face", "Hebrew Letter Dalet With Dagesh"];
    expect([...canonicalJson(value).matchAll(/:"([^"]*)"/g)].map(([, text]) => text)).toEqual(order);
  });

  it("writes numbers, strings and literals of the example in §3.2.2 and §3.2.4", () => {
    const value = { numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 1e-27], string: "\u20ac$\u000f\nA'B\"\\\\\"/", literals: [null, true, false] };
    const text = String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`;
    expect(canonicalJson(value)).toBe(text);
    expect(Buffer.from(text).toString("hex", 0, 24)).toBe(Buffer.from(`{"literals":[null,true,f`).toString("hex"));
  });

  it("leaves the order of lists alone and sorts objects inside them", () => {
    expect(canonicalJson([{ b: 1, a: [3, 1, 2] }, "b", "a"])).toBe(`[{"a":[3,1,2],"b":1},"b","a"]`);
  });

  it("sorts keys that look like indexes as text, not as numbers", () => {
    expect(canonicalJson({ "10": 1, "9": 2, "01": 3, "1": 4 })).toBe(`{"01":3,"1":4,"10":1,"9":2}`);
  });
});

const awkwardKey = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("10", "9", "1", "01", "-1", "4294967294", "4294967295", "a", "A", "é", "e\u0301", "\ufb33", "😀", "", "constructor", "toString", "toJSON"));
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.oneof(fc.constantFrom(null, true, false, 0, -0, 1e21, 5e-324), fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }), fc.string({ unit: "binary" })),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(awkwardKey.filter((key) => key !== "__proto__"), tie("value"), { maxKeys: 30, noNullPrototype: true }),
  ),
})).value;

describe("canonical text", () => {
  it("is the text of every snapshot, and what an independent writer makes of it", () => {
    fc.assert(
      fc.property(json, (value) => {
        const taken = snapshotJson(value);
        if (!taken.ok) throw new Error(taken.reason);
        expect(taken.text).toBe(canonicalJson(taken.value));
        expect(taken.text).toBe(referenceJson(value));
      }),
      { numRuns: 2_000 },
    );
  });

  it("reads back as the value it was made from, so no two values share a text", () => {
    fc.assert(
      fc.property(json, (value) => {
        const taken = snapshotJson(value);
        if (!taken.ok) throw new Error(taken.reason);
        expect(isDeepStrictEqual(JSON.parse(taken.text), taken.value)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it("does not depend on the order in which keys were set", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(awkwardKey, fc.integer()), { selector: ([key]) => key }), fc.infiniteStream(fc.nat()), (members, order) => {
        const shuffled = members.map((member) => ({ member, at: order.next().value })).toSorted((a, b) => a.at - b.at).map(({ member }) => member);
        expect(canonicalJson(Object.fromEntries(shuffled))).toBe(canonicalJson(Object.fromEntries(members)));
      }),
    );
  });
});

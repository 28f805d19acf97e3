import fc from "fast-check";
import { expect, it } from "vitest";
import { placeOf, replaceValues } from "./member-place.ts";

const at = (text: string, ...path: readonly string[]): string | undefined => {
  const place = placeOf(Buffer.from(text), path);
  return place === undefined ? undefined : Buffer.from(text).subarray(place.start, place.end).toString();
};

it.each([
  ['{"id":1}', ["id"], "1"],
  ['{"id" : "a\\"b" , "x":[{"id":2}]}', ["id"], '"a\\"b"'],
  ['{"params":{"_meta":{"progressToken":"t"}},"id":3}', ["params", "_meta", "progressToken"], '"t"'],
  ['{"params":{"id":1,"_meta":{"x":{"progressToken":0}}}}', ["params", "_meta", "progressToken"], undefined],
  ['{"a":true,"b":null,"c":-1.5e3}', ["c"], "-1.5e3"],
  ['{"\\u0069d":{"a":[1,2,{"b":"}"}]},"z":1}', ["id"], '{"a":[1,2,{"b":"}"}]}'],
  // JSON.parse takes the last of two, and nothing of the first.
  ['{"params":{"a":1},"params":{"b":2}}', ["params", "a"], undefined],
  ['{"a":1,"a":2}', ["a"], "2"],
  ["[1]", ["0"], undefined],
  ['{"a":1', ["a"], "1"],
  ["{broken", ["a"], undefined],
])("finds a value where JSON.parse finds it: %s %j", (text, path, expected) => {
  expect(at(text, ...path)).toBe(expected);
});

it("exchanges values for others and keeps every other byte, for any JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), fc.constantFrom("", " ", "\n\t"), (id, token, more, space) => {
      const text = ([one, other]: [string, string]): string => `{${space}"more":${JSON.stringify(more)},"id":${one}${space},"params":{"_meta":{"x":${JSON.stringify(more)},${space}"progressToken":${other}}},"rest":"é"}`;
      const original = text([JSON.stringify(id), JSON.stringify(token)]);
      const changes = [{ path: ["params", "_meta", "progressToken"], to: '"ours"' }, { path: ["id"], to: "7" }];
      expect(replaceValues(Buffer.from(original), changes)?.toString()).toBe(text(["7", '"ours"']));
    }),
  );
});

it("changes nothing where one of the places is not there", () => {
  expect(replaceValues(Buffer.from('{"id":1}'), [{ path: ["id"], to: "2" }, { path: ["params"], to: "3" }])).toBeUndefined();
});

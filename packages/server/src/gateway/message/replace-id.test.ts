import fc from "fast-check";
import { expect, it } from "vitest";
import { replaceId } from "./replace-id.ts";

const OURS = "countersign-abc-1";
const replaced = (text: string, to = "7"): string | undefined => replaceId(Buffer.from(text), OURS, to)?.toString();

it.each([
  [`{"jsonrpc":"2.0","id":"${OURS}","result":{}}\n`, `{"jsonrpc":"2.0","id":7,"result":{}}\n`],
  [`{"result":{"a":[1,{"id":"x"}]} , "id" :  "${OURS}" }\n`, `{"result":{"a":[1,{"id":"x"}]} , "id" :  7 }\n`],
  // The server names the id in its result: only the outermost one is ours.
  [`{"result":{"id":"${OURS}","said":"\\"id\\":\\"${OURS}\\""},"id":"${OURS}"}`, `{"result":{"id":"${OURS}","said":"\\"id\\":\\"${OURS}\\""},"id":7}`],
  [`{"id":"${OURS}","result":{"id":"${OURS}"}}`, `{"id":7,"result":{"id":"${OURS}"}}`],
  // Spelled in another way than ours.
  [`{"\\u0069d":"\\u0063${OURS.slice(1)}","result":1}`, `{"\\u0069d":7,"result":1}`],
  [`{"x":"id","y":["id"],"id":"\\u0063${OURS.slice(1)}"}`, `{"x":"id","y":["id"],"id":7}`],
  // JSON.parse takes the last of two.
  [`{"id":"${OURS}","id":"${OURS}","result":1}`, `{"id":"${OURS}","id":7,"result":1}`],
])("replaces the response's own id and nothing else: %s", (before, after) => {
  expect(replaced(before)).toBe(after);
});

it("keeps every other byte, also of what is no UTF-8", () => {
  const head = Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x2c]);
  const line = Buffer.concat([head, Buffer.from(`"id":"${OURS}"}`)]);
  expect(replaceId(line, OURS, '"é"')).toEqual(Buffer.concat([head, Buffer.from('"id":"é"}')]));
});

it("says what JSON.parse says of any response, and changes its id alone", () => {
  const id = JSON.stringify(OURS);
  fc.assert(
    fc.property(fc.jsonValue(), fc.boolean(), fc.boolean(), fc.constantFrom("", " ", "\n\t"), (result, first, echo, space) => {
      const body = JSON.stringify(echo ? { id: OURS, result, more: `"id":${id}` } : result);
      const text = first ? `{"id":${space}${id},"result":${body}}` : `{"result":${body},${space}"id":${id}}`;
      const after = replaced(text, '"client"');
      expect(JSON.parse(after ?? "")).toEqual({ ...(JSON.parse(text) as object), id: "client" });
    }),
  );
});

it("tells where there is no id to replace", () => {
  expect(replaced('{"result":1}')).toBeUndefined();
  expect(replaced('{"result":{"id":1}}')).toBeUndefined();
});

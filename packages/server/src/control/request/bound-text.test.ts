import { expect, it } from "vitest";
import { packBound, unpackBound } from "./bound-text.ts";

it("what is opened is what was sealed, also where one agent's keys look like another's", () => {
  // After the first, JSON.parse of Node 24 answers the second's key by the first's.
  for (const key of [String.raw`\\`, String.raw`\"`, String.raw`\n`, String.raw`\t`]) {
    const [argumentsText, contextText] = [`{"":"a","${key}":2}`, `{"":1,"${key}":{"${key}":true}}`];
    const bound = unpackBound(packBound({ argumentsText, contextText }));
    expect([bound.argumentsText, bound.contextText]).toEqual([argumentsText, contextText]);
    expect(Object.keys(bound.arguments)[1]).toBe(JSON.parse(`"${key}"`));
  }
});

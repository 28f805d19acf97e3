import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readingOf, urlParts } from "./reading.ts";
import { tokensOf } from "./tokens.ts";

describe("what a text looks like", () => {
  it.each([
    ["command", "rm -rf /tmp", "shell"],
    ["content", "#!/bin/sh\nls", "shell"],
    ["sql", "select 1 from a", "sql"],
    ["text", "-- nightly\nDELETE FROM sessions", "sql"],
    ["text", "select a seat for me", "sql"],
    ["body", '{"a":[1]}', "json"],
    ["body", "{not json}", "text"],
    ["url", "https://example.com/a?b=c", "url"],
    ["url", "https://example.com/a b", "text"],
    ["note", "hello", "text"],
  ])("%s: %s is read as %s", (key, text, reading) => {
    expect(readingOf(key, text)).toBe(reading);
  });

  it("an address is taken apart as a browser does it: the host is the one that is asked", () => {
    expect(urlParts("https://apple.com@\u0430pple.com:8443/a?next=%2Fadmin#top").map(({ name, text }) => [name, text])).toEqual([
      ["scheme", "https"],
      ["user", "apple.com"],
      ["host", "xn--pple-43d.com"],
      ["port", "8443"],
      ["path", "/a"],
      ["query", "next = /admin"],
      ["fragment", "top"],
    ]);
  });

  it("colours change nothing: the pieces are the line again", () => {
    const line = fc.string({ unit: fc.constantFrom("'", '"', "-", " ", "a", "1", "|", "$", "(", "#", "\\", "drop", "select", "true"), maxLength: 40 });
    for (const reading of ["text", "shell", "sql", "json", "url"] as const) {
      fc.assert(fc.property(line, (shown) => {
        expect(tokensOf(reading, shown).map(({ text }) => text).join("")).toBe(shown);
      }), { numRuns: 500 });
    }
  });
});

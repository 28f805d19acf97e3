import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineCounter, parseDocument, stringify } from "yaml";
import { offsetOf, offsetWithin } from "./locate.ts";
import { placesOf } from "./places.ts";
import { readPolicyObject, readPolicyText } from "./read-document.ts";

const YAML = `# rules
version: 1
"default":
  action: block
  approval: { approvers: [ops@example.com, "group:oncall"] }
policies:
  - name: ask
    match:
      - mcp:a:x
      - mcp:a:y # the second
    when: 'args.amount > 1000'
    action: block

  - { name: forbid, match: "mcp:a:*",
      when: "has(args.x) && args.x == 1", action: block, approval: never }
  - "name": late
    match: mcp:b:x
    when: |
      // large
      args.amount > 1000
    action: warn
`;
const JSON_TEXT = `{"version": 1, "default": "allow", "x-\\"policies\\"": 1,
 "policies": [{"name": "a {[,\\"", "match": "mcp:a:x", "action": "warn"},
  {"name": "b", "match": ["mcp:a:x", "mcp:a:y"],
   "when": "args.x > 1", "action": "block"}]}`.replace(' "x-\\"policies\\"": 1,', "");

describe("the places of a document", () => {
  const at = (text: string, path: readonly PropertyKey[], within?: number): string => {
    const places = placesOf(readPolicyText(text, "rules"));
    const place = places?.at(path, within);
    return `${places?.source}:${place?.line}:${place?.column}`;
  };

  it.each<[readonly PropertyKey[], number | undefined, string]>([
    [["version"], undefined, "2:1"],
    [["default"], undefined, "3:1"],
    [["default", "approval", "approvers", 1], undefined, "5:44"],
    [["policies"], undefined, "6:1"],
    [["policies", 0], undefined, "7:5"],
    [["policies", 0, "match", 1], undefined, "10:9"],
    [["policies", 0, "when"], undefined, "11:5"],
    [["policies", 0, "when"], 5, "11:17"],
    [["policies", 1], undefined, "14:5"],
    [["policies", 1, "when"], 15, "15:29"],
    [["policies", 1, "except"], undefined, "14:5"],
    [["policies", 2], undefined, "16:5"],
    [["policies", 2, "when"], 14, "20:12"],
    [["inspection"], undefined, "1:1"],
    [["policies", 9], undefined, "6:1"],
  ])("in YAML: %j, character %s, is at %s", (path, within, place) => {
    expect(at(YAML, path, within)).toBe(`rules:${place}`);
  });

  it.each<[readonly PropertyKey[], number | undefined, string]>([
    [["default"], undefined, "1:16"],
    [["policies"], undefined, "2:2"],
    [["policies", 0], undefined, "2:15"],
    [["policies", 0, "match"], undefined, "2:35"],
    [["policies", 1, "match", 1], undefined, "3:38"],
    [["policies", 1, "when"], 5, "4:18"],
  ])("in JSON: %j, character %s, is at %s", (path, within, place) => {
    expect(at(JSON_TEXT, path, within)).toBe(`rules:${place}`);
  });

  it("are those of the key where a condition is an anchor's, or is not written as it is read", () => {
    const text = "version: 1\r\npolicies:\r\n  - { name: a, match: 'mcp:a:x', when: &cond 'args.x == 1', action: block }\r\n  - name: b\r\n    match: mcp:a:y\r\n    when: *cond\r\n    action: block\r\n  - name: c\r\n    match: mcp:a:z\r\n    when: \"args.x ==\\x20 2\"\r\n    action: block\r\n";
    expect([0, 1, 2].map((index) => at(text, ["policies", index, "when"], 5))).toEqual(["rules:3:52", "rules:6:5", "rules:10:5"]);
  });

  it("are those that the whole text parsed at once gives, however it is written", () => {
    const word = fc.constantFrom("a", "a: b", "{ x", "- y", "# no", '"q"', "it's", "ü😀", "[1]", "two\nlines\n", "  pad");
    const policy = fc.record(
      {
        match: fc.oneof(fc.constant("mcp:a:x"), fc.constant(["mcp:a:x", "mcp:*:y"])),
        when: fc.constantFrom("args.x == 1", "args.x == 'a: #b'", '// why\nargs.y == "{,"\n', "args.x.exists(i,\n  i == 1)"),
        reason: word,
        metadata: fc.dictionary(word, word, { maxKeys: 2 }),
      },
      { requiredKeys: ["match", "when"] },
    );
    const document = fc.record({ version: fc.constant(1), default: fc.constantFrom("allow", { action: "block", approval: "never" }), policies: fc.array(policy, { minLength: 1, maxLength: 5 }) }, { requiredKeys: ["version", "policies"] });
    const spelling = fc.record({ indent: fc.constantFrom(2, 4, 7), indentSeq: fc.boolean(), collectionStyle: fc.constantFrom("any", "block", "flow"), json: fc.constantFrom(undefined, 0, 2) } as const);
    fc.assert(
      fc.property(document, spelling, (written, { json, ...how }) => {
        const policies = written.policies.map((one, index) => ({ name: `p${index}`, ...one, action: "block" }));
        const text = json === undefined ? stringify({ ...written, policies }, { ...how, lineWidth: 0 }) : JSON.stringify({ ...written, policies }, null, json);
        const lines = new LineCounter();
        const whole = parseDocument(text, { lineCounter: lines });
        const places = placesOf(readPolicyText(text, "rules"));
        const paths: [readonly PropertyKey[], number?][] = [[["default"]], [["default", "approval"]], ...policies.flatMap((_, index) => [[["policies", index]], [["policies", index, "match", 1]], [["policies", index, "when"]], [["policies", index, "when"], 5], [["policies", index, "action"]]] satisfies [readonly PropertyKey[], number?][])];
        for (const [path, within] of paths) {
          const { line, col } = lines.linePos((within === undefined ? offsetOf(whole, path) : offsetWithin(text, whole, path, within)) ?? 0);
          expect(places?.at(path, within), `${JSON.stringify(path)} ${within} of\n${text}`).toEqual({ line, column: col });
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("are unknown for an object, which still has a source", () => {
    const places = placesOf(readPolicyObject({ version: 1, policies: [] }, "my policies"));
    expect([places?.source, places?.at(["policies"])]).toEqual(["my policies", undefined]);
    expect(placesOf({ version: 1, policies: [] })).toBeUndefined();
  });

  it("are found in 20,000 policies within a second, the first time too", () => {
    const policies = Array.from({ length: 20_000 }, (_, index) => ({ name: `p${index}`, match: `mcp:a:x${index}`, action: "warn", when: "args.x == 1" }));
    const document = readPolicyText(JSON.stringify({ version: 1, policies }), "many.json");
    const start = performance.now();
    expect(placesOf(document)?.at(["policies", 19_999, "when"], 5)?.line).toBe(1);
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});

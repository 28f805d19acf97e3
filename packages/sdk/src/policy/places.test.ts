import { describe, expect, it } from "vitest";
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

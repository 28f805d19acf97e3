import { policyJsonSchema } from "@countersign/sdk/policy";
import { describe, expect, it } from "vitest";
import { describe as describeKey } from "./schema.ts";
import type { Schema } from "./schema.ts";
import { suggestAt } from "./suggest.ts";
import { yamlPlaceAt } from "./yaml-place.ts";

const SCHEMA = policyJsonSchema() as Schema; // of JSON Schema it uses what Schema names
const KNOWN = { approvers: ["ann@example.com", "group:oncall"], calls: ["mcp:files:write", "mcp:files:odd name"] };
/** `|` is where one writes. */
const at = (written: string) => yamlPlaceAt(written.replace("|", ""), written.indexOf("|"));
const suggest = (written: string): readonly string[] => suggestAt(written.replace("|", ""), written.indexOf("|"), SCHEMA, KNOWN)?.options.map(({ label }) => label) ?? [];
const inserted = (written: string, label: string): string | undefined => suggestAt(written.replace("|", ""), written.indexOf("|"), SCHEMA, KNOWN)?.options.find((one) => one.label === label)?.insert;

const POLICY = "version: 1\npolicies:\n  - name: a\n    match: mcp:files:write\n";

describe("where one is in a document", () => {
  it("knows the keys around, in block style", () => {
    expect(at("ver|")).toMatchObject({ path: [], at: "key", from: 0 });
    expect(at("version: |")).toMatchObject({ path: ["version"], at: "value", from: 9 });
    expect(at(`${POLICY}    |`)).toMatchObject({ path: ["policies"], at: "key", siblings: ["match", "name"] });
    expect(at(`${POLICY}    action: bl|`)).toMatchObject({ path: ["policies", "action"], at: "value", from: POLICY.length + 12 });
    expect(at(`${POLICY}    approval:\n      quo|`)).toMatchObject({ path: ["policies", "approval"], at: "key" });
    expect(at(`${POLICY}    approval:\n      approvers:\n        - a|`)).toMatchObject({ path: ["policies", "approval", "approvers"], isItem: true });
    expect(at(`${POLICY}    approval:\n      escalate:\n        - after: 2m\n          t|`)).toMatchObject({ path: ["policies", "approval", "escalate"], at: "key", siblings: ["after"] });
  });

  it("knows lists that stand in the column of their key, and the next item", () => {
    expect(at("version: 1\npolicies:\n- name: a\n  |")).toMatchObject({ path: ["policies"], at: "key", siblings: ["name"] });
    expect(at("version: 1\npolicies:\n- name: a\n- na|")).toMatchObject({ path: ["policies"], isItem: true, siblings: [] });
    expect(at(`${POLICY}  - |`)).toMatchObject({ path: ["policies"], isItem: true, siblings: [] });
  });

  it("knows where it is inside of brackets", () => {
    expect(at(`${POLICY}    approval: { quorum: 2, |`)).toMatchObject({ path: ["policies", "approval"], at: "key", siblings: ["quorum"] });
    expect(at(`${POLICY}    approval: { assurance: pa| }`)).toMatchObject({ path: ["policies", "approval", "assurance"], at: "value" });
    expect(at(`${POLICY}    approval: { approvers: [a, b|`)).toMatchObject({ path: ["policies", "approval", "approvers"], at: "value" });
    expect(at(`${POLICY}    approval: { approvers: [a], qu|`)).toMatchObject({ path: ["policies", "approval"], at: "key", siblings: ["approvers"] });
    expect(at("policies:\n  - { name: a, act|")).toMatchObject({ path: ["policies"], at: "key", siblings: ["name"] });
  });

  it("is nowhere in a comment, and takes no mark in a text for one", () => {
    expect(at("version: 1 # so |")).toBeUndefined();
    expect(at(`${POLICY}    when: 'args.a == "#|`)).toMatchObject({ path: ["policies", "when"] });
  });
});

describe("suggestions", () => {
  it("are the keys that the schema has and the map has not", () => {
    expect(suggest("|")).toEqual(expect.arrayContaining(["version", "default", "policies", "inspection"]));
    const keys = suggest(`${POLICY}    |`);
    expect(keys).toEqual(expect.arrayContaining(["action", "when", "approval", "rate"]));
    expect(keys).not.toContain("name");
    expect(inserted("|", "policies")).toBe("policies:\n  - ${}");
    expect(inserted(`${POLICY}    |`, "action")).toBe("action: ${}");
    expect(inserted(`${POLICY}    |`, "rate")).toBe("rate:\n      ${}");
  });

  it("are the values that the schema lists", () => {
    expect(suggest(`${POLICY}    action: |`)).toEqual(["allow", "warn", "throttle", "block"]);
    expect(suggest(`${POLICY}    approval:\n      selfApproval: |`)).toEqual(["true", "false"]);
    expect(suggest(`${POLICY}    approval: |`)).toEqual(["never"]);
    expect(suggest("default: |")).toEqual(["allow", "block"]);
    expect(suggest(`${POLICY}    action: throttle\n    rate: { key: [a|`)).toEqual(["agent", "user", "session", "server", "tool"]);
    expect(suggest("inspection:\n  pii:\n    input:\n      email: |")).toEqual(["allow", "warn", "redact", "block"]);
  });

  it("are the people and groups there are, and calls that were recorded, quoted where YAML wants it", () => {
    expect(suggest(`${POLICY}    approval:\n      approvers:\n        - |`)).toEqual(["ann@example.com", "group:oncall"]);
    expect(suggest("policies:\n  - match: |")).toEqual(["mcp:files:write", "mcp:files:odd name", "mcp:files:*", "mcp:*:*"]);
    expect(inserted("policies:\n  - match: |", "mcp:files:odd name")).toBe('"mcp:files:odd name"');
  });

  it("offer whole policies where one begins, in its columns", () => {
    expect(suggest(`${POLICY}  - |`)).toEqual(expect.arrayContaining(["a policy that asks a person", "name"]));
    expect(inserted(`${POLICY}  - |`, "a policy that asks a person")).toContain("\n    match: ");
  });
});

it("a key is described as the schema describes it", () => {
  expect(describeKey(SCHEMA, ["policies", "action"])).toMatchObject({ values: ["allow", "warn", "throttle", "block"], description: expect.stringContaining("throttle") });
  expect(describeKey(SCHEMA, ["policies", "approval", "quorum"])?.description).toContain("How many");
  expect(describeKey(SCHEMA, ["policies", "nonsense"])).toBeUndefined();
});

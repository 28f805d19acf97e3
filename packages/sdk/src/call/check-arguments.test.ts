import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changedPointers } from "./changed-pointers.ts";
import { checkArguments } from "./check-arguments.ts";
import type { JsonObject, JsonValue } from "./json.ts";

const faults = (schema: JsonValue | undefined, args: JsonObject): readonly string[] => checkArguments(schema, args).map(({ pointer, message }) => `${pointer} ${message}`.trim());

/** As server-filesystem lists `edit_file`, with a few more words. */
const EDIT_FILE: JsonObject = {
  type: "object",
  properties: {
    path: { type: "string", minLength: 1 },
    edits: { type: "array", minItems: 1, items: { type: "object", properties: { oldText: { type: "string" }, line: { type: "integer", minimum: 1 } }, required: ["oldText"], additionalProperties: false } },
    mode: { enum: ["fast", "safe"] },
    dryRun: { type: "boolean" },
    note: { type: ["string", "null"] },
    at: { $ref: "#/$defs/place" },
  },
  required: ["path", "edits"],
  additionalProperties: false,
  $defs: { place: { oneOf: [{ type: "integer" }, { type: "object", properties: { line: { type: "integer" } }, required: ["line"] }] } },
};

describe("changed arguments against the tool's input schema", () => {
  it("fit where they are what it asks for", () => {
    expect(faults(EDIT_FILE, { path: "/a", edits: [{ oldText: "x", line: 3 }], mode: "safe", dryRun: false, note: null, at: { line: 2 } })).toEqual([]);
    expect(faults({ type: "object" }, { anything: [1, null] })).toEqual([]);
    expect(faults(true, { x: 1 })).toEqual([]);
  });

  it.each<[JsonObject, readonly string[]]>([
    [{ edits: [{ oldText: "x" }] }, ["/path is missing"]],
    [{ path: "", edits: [] }, ["/path must have at least 1 characters", "/edits must have at least 1 items"]],
    [{ path: 5, edits: [{ oldText: "x" }] }, ["/path must be a string"]],
    [{ path: "/a", edits: [{ line: 0.5, more: 1 }] }, ["/edits/0/oldText is missing", "/edits/0/line must be an integer", "/edits/0/line must be at least 1", "/edits/0/more must not be there"]],
    [{ path: "/a", edits: [{ oldText: "x" }], mode: "slow" }, ["/mode must be one of the values that the tool names"]],
    [{ path: "/a", edits: [{ oldText: "x" }], note: 1 }, ["/note must be a string or null"]],
    [{ path: "/a", edits: [{ oldText: "x" }], at: "y" }, ["/at fits none of the forms that the tool takes"]],
    [{ path: "/a", edits: [{ oldText: "x" }], "a/b~": 1 }, ["/a~1b~0 must not be there"]],
  ])("%j: each fault with its place", (args, wanted) => {
    expect(faults(EDIT_FILE, args)).toEqual(wanted);
  });

  it.each<[string, JsonObject, JsonValue, string | undefined]>([
    ["exclusiveMinimum", { exclusiveMinimum: 1 }, 1, "must be more than 1"],
    ["maximum", { maximum: 1 }, 2, "must be at most 1"],
    ["multipleOf", { multipleOf: 0.1 }, 0.3, undefined],
    ["multipleOf", { multipleOf: 0.1 }, 0.35, "must be a multiple of 0.1"],
    ["maxLength counts code points", { maxLength: 1 }, "😀", undefined],
    ["const", { const: { a: [1] } }, { a: [1] }, undefined],
    ["const", { const: { a: [1] } }, { a: [2] }, "must be the one value that the tool names"],
    ["uniqueItems", { uniqueItems: true }, [{ a: 1 }, { a: 1 }], "must not have the same item twice"],
    ["contains", { contains: { type: "number" } }, ["x"], "must have an item of the kind that the tool asks for"],
    ["not", { not: { type: "string" } }, "x", "is of a kind that the tool rules out"],
    ["oneOf, two of them", { oneOf: [{ type: "number" }, { minimum: 0 }] }, 1, "fits several forms of which the tool allows one at a time"],
    ["allOf", { allOf: [{ type: "number" }, { minimum: 2 }] }, 1, "must be at least 2"],
    ["if, then", JSON.parse('{"if":{"minimum":10},"then":{"multipleOf":5}}') as JsonObject, 11, "must be a multiple of 5"],
    ["maxProperties", { maxProperties: 0 }, { a: 1 }, "must have at most 0 members"],
    ["propertyNames", { propertyNames: { maxLength: 1 } }, { ab: 1 }, "must have at most 1 characters"],
    ["a reference to nothing", { $ref: "#/$defs/none" }, 1, "the tool's schema refers to something that is not in it"],
    ["a reference elsewhere is not fetched", { $ref: "https://example.com/schema" }, 1, "the tool's schema refers to something that is not in it"],
    ["a pattern says nothing", { pattern: "^(a+)+$" }, "b", undefined],
    ["false", { properties: { x: false } }, { x: 1 }, "must not be there"],
  ])("%s", (_, schema, value, wanted) => {
    expect(checkArguments({ properties: { v: schema } }, { v: value }).map(({ message }) => message)).toEqual(wanted === undefined ? [] : [wanted]);
  });

  it("without a schema nothing fits, since nobody can say", () => {
    for (const schema of [undefined, null, 5, "x", false] as const) expect(faults(schema, {})).not.toEqual([]);
  });

  it("a schema that refers to itself without end, or would cost too much, fits nothing, in bounded time", () => {
    const started = performance.now();
    expect(faults({ $ref: "#" }, {})).not.toEqual([]);
    expect(faults({ anyOf: [{ allOf: [{ $ref: "#" }, { $ref: "#" }] }, { allOf: [{ $ref: "#" }, { $ref: "#" }] }] }, {})).toEqual(["the tool's schema is too costly to check"]);
    const values = Array.from({ length: 5_000 }, (_, index) => `${index}`);
    expect(faults({ properties: { list: { items: { enum: [...values, ["x".repeat(1_000)]] } } } }, { list: Array.from({ length: 20_000 }, () => "y".repeat(200)) })).not.toEqual([]);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it("never throws, whatever the schema says", () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 4 }), fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), (schema, args) => void checkArguments(schema as JsonValue, args as JsonObject)), { numRuns: 500 });
    const words = ["type", "enum", "const", "properties", "required", "items", "prefixItems", "anyOf", "oneOf", "allOf", "not", "if", "then", "$ref", "additionalProperties", "patternProperties", "dependentRequired", "contains", "minimum"];
    const hostile = fc.dictionary(fc.constantFrom(...words), fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom("#", "#/properties", "#/%", "object")));
    fc.assert(fc.property(hostile, (schema) => void checkArguments(schema as JsonValue, { a: [1, { b: "x" }] })), { numRuns: 2_000 });
  });
});

describe("where two arguments differ", () => {
  it("is told by place, never by value", () => {
    expect(changedPointers({ a: 1, b: { c: [1, 2], "d/e": "x" }, gone: { f: 1 } }, { a: 1, b: { c: [1, 3, 4], "d/e": "y" }, come: null })).toEqual(["/b/c/1", "/b/c/2", "/b/d~1e", "/gone", "/come"]);
    expect(changedPointers({ a: [] }, { a: {} })).toEqual(["/a"]);
    expect(changedPointers({ a: "1" }, { a: 1 })).toEqual(["/a"]);
    expect(changedPointers({ toString: 1 }, {})).toEqual(["/toString"]);
    expect(changedPointers({ b: 1, a: 2 }, { a: 2, b: 1 })).toEqual([]);
    expect(changedPointers({ a: [1, 2, 3] }, { a: [4, 5, 6] }, 2)).toEqual(["/a/0", "/a/1"]);
  });
});

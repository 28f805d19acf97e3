import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { draftOf, faultsAt, isChanged, newField, offeredBy, readDraft } from "./draft.ts";
import type { Draft } from "./draft.ts";
import type { Json } from "../../../part/argument-view/view-rows.ts";

const SCHEMA = { type: "object", properties: { path: { type: "string" }, count: { type: "integer", minimum: 1 }, mode: { type: "string" }, options: { type: "object" } }, required: ["path"], additionalProperties: false } as const;
const write = (draft: Draft, name: string, written: string): Draft => draft.map((field) => (field.name === name ? { ...field, written } : field));

describe("a draft of other arguments", () => {
  it("is one field for each argument: texts as they are, everything else as JSON", () => {
    expect(draftOf('{"count":2,"path":"/a\\n\\tb \\"c\\" \\\\ é"}').map(({ name, kind, written }) => [name, kind, written])).toEqual([["count", "json", "2"], ["path", "text", '/a\n\tb "c" \\ é']]);
  });

  it("writes out what a text area would hide or change: carriage returns, direction marks, zero-width and tag characters", () => {
    const [field] = draftOf(JSON.stringify({ v: "a\r\nb\u202Ec\u200B\u{E0041}\u00A0" }));
    expect([field?.kind, field?.written]).toEqual(["json", '"a\\r\\nb\\u202ec\\u200b\\udb40\\udc41\\u00a0"']);
  });

  it("that is not touched gives the very bytes back, whatever they are", () => {
    fc.assert(fc.property(fc.dictionary(fc.string({ unit: "binary" }).filter((name) => name !== "__proto__"), fc.oneof(fc.string({ unit: "binary" }), fc.jsonValue())), (args) => {
      const text = JSON.stringify(args);
      const read = readDraft(draftOf(text), undefined);
      expect(read.ok ? JSON.parse(read.text) : read.faults).toEqual(JSON.parse(text));
    }), { numRuns: 500 });
  });

  it("of which every field is written down anew means the same", () => {
    fc.assert(fc.property(fc.dictionary(fc.string().filter((name) => name !== "__proto__"), fc.oneof(fc.string({ unit: "binary" }), fc.jsonValue())), (args) => {
      const text = JSON.stringify(args);
      // As if it had never been there: what is written counts.
      const read = readDraft(draftOf(text).map((field) => ({ ...field, original: undefined as unknown as Json })), undefined);
      expect(read.ok ? JSON.parse(read.text) : read.faults).toEqual(JSON.parse(text));
    }), { numRuns: 500 });
  });

  it("knows what was changed, removed and added", () => {
    const draft = draftOf('{"count":2,"path":"/a"}');
    expect(draft.map(isChanged)).toEqual([false, false]);
    expect(write(draft, "path", "/b").map(isChanged)).toEqual([false, true]);
    const read = readDraft([...write(draft, "path", "/b").filter(({ name }) => name === "path"), newField("mode", true)], SCHEMA);
    expect(read).toEqual({ ok: true, args: { path: "/b", mode: "" }, text: '{"mode":"","path":"/b"}' });
    expect(readDraft(draft.map((field) => ({ ...field, isRemoved: field.name === "count" })), SCHEMA)).toMatchObject({ text: '{"path":"/a"}' });
  });

  it("that is no JSON, or not what the tool takes, is told at its field", () => {
    const draft = draftOf('{"count":2,"options":{"a":1},"path":"/a"}');
    const bad = readDraft(write(draft, "count", "two"), SCHEMA);
    expect(bad.ok ? [] : faultsAt(bad.faults, "count")).toEqual(["is not JSON: a text stands in double quotes"]);
    const wrong = readDraft(write(draft, "count", "0"), SCHEMA);
    expect(wrong.ok ? [] : faultsAt(wrong.faults, "count")).toEqual(["must be at least 1"]);
    const deep = readDraft(draft, { ...SCHEMA, properties: { ...SCHEMA.properties, options: { properties: { a: { type: "string" } } } } });
    expect(deep.ok ? [] : faultsAt(deep.faults, "options")).toEqual(["a must be a string"]);
  });

  it("offers what the schema names and the call has not", () => {
    expect(offeredBy(SCHEMA as unknown as Json, draftOf('{"path":"/a"}'))).toEqual([{ name: "count", isText: false }, { name: "mode", isText: true }, { name: "options", isText: false }]);
    expect(offeredBy(undefined, [])).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import type { DocumentPolicy, PolicyDocument } from "./document.ts";
import { buffersOf, policyAt, prepareDocument } from "./prepare-document.ts";

const policy = (name: string, more: Partial<DocumentPolicy> = {}): DocumentPolicy => ({ name, match: "mcp:a:b", action: "block", ...more });

const DOCUMENTS: Readonly<Record<string, PolicyDocument>> = {
  "without policies": { version: 1, policies: [] },
  plain: { version: 1, default: { action: "block", approval: { approvers: ['"policies":[', '{"action":'] } }, policies: [policy("a"), policy("b", { reason: ',{"action":' })], inspection: { policies: { input: { x: "warn" } } } },
  "in other alphabets": { version: 1, policies: [policy("é"), policy("日本", { reason: "🙂" }), policy("z")], inspection: { é: { input: { ü: "block" } } } },
  "with policies inside of policies": { version: 1, policies: [policy("a", { metadata: { list: [{ action: "block" }, { action: "allow" }] } }), policy("é", { metadata: { action: { action: 1 } } })] },
};

describe("a prepared document", () => {
  it.each(Object.entries(DOCUMENTS))("%s: holds each policy as it is written", (_, document) => {
    const prepared = prepareDocument(document);
    expect(prepared.size).toBe(document.policies.length);
    expect(document.policies.map((_policy, ordinal) => policyAt(prepared, ordinal))).toEqual(document.policies);
    const { policies: _policies, ...frame } = document;
    expect(prepared.frame).toEqual(frame);
  });

  it.each(Object.entries(DOCUMENTS))("%s: is the same after it was handed to another thread", (_, document) => {
    const prepared = prepareDocument(document);
    const { digest } = prepared;
    const moved = structuredClone(prepared, { transfer: [...buffersOf(prepared)] });
    expect(prepared.bytes.length).toBe(0); // not copied
    expect(document.policies.map((_policy, ordinal) => policyAt(moved, ordinal))).toEqual(document.policies);
    expect(moved).toEqual(prepareDocument(document));
    expect(moved.digest).toBe(digest);
  });

  it("has one digest for one meaning, whatever the order of keys", () => {
    const a: PolicyDocument = { version: 1, policies: [policy("a")] };
    const b: PolicyDocument = { policies: [{ match: "mcp:a:b", action: "block", name: "a" }], version: 1 };
    expect(prepareDocument(a).digest).toBe(prepareDocument(b).digest);
    expect(prepareDocument({ version: 1, policies: [policy("b")] }).digest).not.toBe(prepareDocument(a).digest);
    // SHA-256 of {"policies":[],"version":1}
    expect(prepareDocument({ version: 1, policies: [] }).digest).toBe("3bbf59c186212c5e9450fcc565d6851e52e9c7f9315916d286514f4cebedbc36");
  });
});

import { describe, expect, it } from "vitest";
import { fakeCall } from "../testing/fake-call.ts";
import { bindCall, frozenCopy, withArguments } from "./bind-call.ts";
import type { ReadCall } from "./call.ts";
import { callDigest } from "./digest.ts";
import type { JsonObject } from "./json.ts";

const read = (): ReadCall => {
  const { policyId: _id, definition: _definition, digest: _digest, ...rest } = fakeCall({ arguments: { path: "/tmp/a", list: [{ n: 1 }] } });
  return structuredClone(rest);
};

describe("binding a call", () => {
  it("adds its policy id, its definition and its digest, and keeps the rest", () => {
    const call = read();
    expect(bindCall(call, "d".repeat(64))).toEqual({ ...call, policyId: "mcp:filesystem:write_file", definition: "d".repeat(64), digest: callDigest(call, "d".repeat(64)) });
  });

  it("makes a call whose fields nobody can set, so that the digest stays true", () => {
    const call = bindCall(read(), null);
    for (const change of [{ tool: "rm" }, { digest: "0" }, { argumentsText: "{}" }, { arguments: {} }, { policyId: "x" }, { definition: "x" }]) {
      expect(() => Object.assign(call, change)).toThrow(TypeError);
    }
  });

  it("with another definition is another digest", () => {
    expect(bindCall(read(), "d".repeat(64)).digest).not.toBe(bindCall(read(), null).digest);
  });
});

describe("other arguments for a call", () => {
  it("are copied, with the text that belongs to them", () => {
    const replacement = { path: "/tmp/[redacted]", b: 1, a: { c: 2 } };
    const call = withArguments(read(), replacement);
    replacement.a.c = 3;
    expect(call).toEqual({ ...read(), arguments: { a: { c: 2 }, b: 1, path: "/tmp/[redacted]" }, argumentsText: `{"a":{"c":2},"b":1,"path":"/tmp/[redacted]"}` });
    expect(bindCall(call, null).digest).not.toBe(bindCall(read(), null).digest);
  });

  it.each<[string, unknown]>([
    ["a list", ["hunter2"]],
    ["text", "hunter2"],
    ["undefined", undefined],
    ["a function inside", { a: () => "hunter2" }],
    ["NaN inside", { hunter: Number.NaN }],
  ])("must be plain JSON: %s throws and is not quoted", (_what, replacement) => {
    const attempt = (): unknown => withArguments(read(), replacement as JsonObject); // what an inspection without types may return
    expect(attempt).toThrow(TypeError);
    expect(attempt).toThrow(/^redacted arguments are not plain JSON: \/arguments/);
    expect(attempt).not.toThrow(/hunter2/);
  });
});

describe("the copy for handlers", () => {
  it("is equal, shares nothing and is frozen to the last leaf", () => {
    const call = bindCall(read(), null);
    const copy = frozenCopy(call);
    expect(copy).toEqual(call);
    const shared = objectsIn(copy).filter((object) => objectsIn(call).includes(object));
    expect(shared).toEqual([]);
    expect(objectsIn(copy).filter((object) => !Object.isFrozen(object))).toEqual([]);
    expect(objectsIn(copy).length).toBe(objectsIn(call).length);
  });

  it("leaves the call it was made from unfrozen inside", () => {
    const call = bindCall(read(), null);
    frozenCopy(call);
    expect(Object.isFrozen(call.arguments)).toBe(false);
  });
});

function objectsIn(value: unknown): readonly object[] {
  if (value === null || typeof value !== "object") return [];
  return [value, ...Object.values(value).flatMap((member) => objectsIn(member))];
}

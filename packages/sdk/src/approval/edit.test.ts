import { describe, expect, it } from "vitest";
import { fakeCall } from "../testing/fake-call.ts";
import type { Requirement } from "../policy/result.ts";
import { changedArguments, editedCall } from "./edit.ts";

const requirement = (edits: boolean): Requirement => ({ policy: "p", approvers: [], quorum: 1, assurance: undefined, selfApproval: undefined, timeoutMinutes: null, grants: [], edits, requireReason: false, escalate: [] });
const ALLOWED = [requirement(true)];
const call = fakeCall({ tool: "write_file", arguments: { path: "/a", content: "x" }, context: { env: "prod" } });
const edit = (argumentsText: string) => ({ requestId: "r2", argumentsText });

describe("arguments that an approver wrote", () => {
  it("replace the arguments and nothing else", () => {
    const edited = editedCall(call, edit('{ "path": "/b", "content": "x" }'), ALLOWED);
    expect(edited).toEqual({ ok: true, call: { ...call, arguments: { content: "x", path: "/b" }, argumentsText: '{"content":"x","path":"/b"}' } });
  });

  it("count only where every requirement allows it, and never where none was asked", () => {
    for (const requirements of [[], [requirement(false)], [requirement(true), requirement(false)]]) expect(editedCall(call, edit("{}"), requirements)).toMatchObject({ ok: false, reason: expect.stringContaining("does not allow") as string });
  });

  it.each(['{"a":1,"a":2}', '{"a":9007199254740993}', "[]", "null", '"text"', "{", '{"__proto__":{}}', '{"a":"\\ud800"}', `{"a":${"[".repeat(80)}${"]".repeat(80)}}`])("are parsed as strictly as a call: %s is refused", (text) => {
    expect(editedCall(call, edit(text), ALLOWED)).toMatchObject({ ok: false });
  });

  it("are no larger than a call may be", () => {
    expect(editedCall(call, edit(`{"a":"${"x".repeat(2_000)}"}`), ALLOWED, 1_000)).toMatchObject({ ok: false });
  });

  it("are told by the names of what differs", () => {
    expect(changedArguments({ a: 1, b: { c: 1 }, d: 1 }, { a: 1, b: { c: 2 }, e: undefined as unknown as null, f: 1 })).toEqual(["b", "d", "f"]);
    expect(changedArguments({ constructor: 1 }, {})).toEqual(["constructor"]);
  });
});

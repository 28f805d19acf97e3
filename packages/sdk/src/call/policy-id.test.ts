import { describe, expect, it } from "vitest";
import { assertServerName, policyIdOf } from "./policy-id.ts";

describe("the policy id", () => {
  it.each([
    ["filesystem", "write_file", "mcp:filesystem:write_file"],
    [undefined, "write_file", "mcp::write_file"],
    ["a b", "x:y", "mcp:a b:x:y"],
    [undefined, "a:b", "mcp::a:b"],
  ])("of server %o and tool %o is %s", (server, tool, id) => {
    expect(policyIdOf(server, tool)).toBe(id);
  });

  it("names one server and one tool only: a server name cannot reach into the tool's part", () => {
    expect(policyIdOf(undefined, "a:b")).not.toBe(policyIdOf("a", "b"));
    expect(() => assertServerName("a:b")).toThrow(TypeError);
  });
});

describe("a server name", () => {
  it.each(["filesystem", "my server", "a.b/c", "日本", "😀", "__proto__", "mcp", "é"])("may be %o", (name) => {
    expect(() => assertServerName(name)).not.toThrow();
  });

  it.each(["", "a:b", ":", "*", "a*", "\u0000", "a\nb", "a\tb", "\u001b[31m", "\u007f", "\u0085", "\u009b"])("may not be %o", (name) => {
    expect(() => assertServerName(name)).toThrow(TypeError);
  });

  it.each(["\ud800", "a\udc00b"])("may not be half a character: %o", (name) => {
    expect(() => assertServerName(name)).toThrow(TypeError);
  });

  it.each([undefined, null, 7, ["a"], { toString: () => "a" }])("is text, not %o", (name) => {
    // What a caller without types may pass.
    expect(() => assertServerName(name as unknown as string)).toThrow("serverName must be a non-empty string");
  });

  it("is quoted in the error so that it cannot write to a terminal", () => {
    expect(() => assertServerName("\u001b[31m")).toThrow(String.raw`serverName must not contain ":", "*" or control characters: "\u001b[31m"`);
  });
});

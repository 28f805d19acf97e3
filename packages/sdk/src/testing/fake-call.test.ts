import { describe, expect, it } from "vitest";
import { extractBlockMetadata } from "../approval/metadata.ts";
import { fakeCall, fakeContext, fakeViolation } from "./fake-call.ts";

describe("the test builders", () => {
  it("bind the digest to the arguments, as a real call does", () => {
    const one = fakeCall({ arguments: { path: "/a" } });
    const same = fakeCall({ arguments: { path: "/a" } });
    const other = fakeCall({ arguments: { path: "/b" } });
    expect(one.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(same.digest).toBe(one.digest);
    expect(other.digest).not.toBe(one.digest);
    expect(one.argumentsText).toBe('{"path":"/a"}');
  });

  it("hand out calls that no handler can change", () => {
    const { arguments: args } = fakeContext().call;
    expect(Reflect.set(args, "path", "/etc/passwd")).toBe(false);
  });

  it("make an error from which handlers read what they show", () => {
    const call = fakeCall({ tool: "delete_file" });
    expect(extractBlockMetadata(fakeViolation({ call, timeoutMinutes: 2 }))).toEqual({
      reason: "File writes require approval",
      actionType: "delete_file",
      approvers: ["ops-team@company.com"],
      timeoutMinutes: 2,
    });
  });

  it("make an error without a policy result where an inspection blocked", () => {
    const error = fakeViolation({ policyResult: undefined });
    expect(error.policyResult).toBeUndefined();
    expect(extractBlockMetadata(error).reason).toBe("MCP tool call blocked: mcp:filesystem:write_file: File writes require approval");
  });
});

import { describe, expect, it } from "vitest";
import { lintWarning } from "./lint-warning.ts";
import { readPolicyObject, readPolicyText } from "./read-document.ts";

const policy = (index: number, when = "args.n == 1 && args.n == 2"): object => ({ name: `p${index}`, match: `mcp:a:tool_${index}`, when, action: "block" });
const text = (count: number, when?: string): string => JSON.stringify({ version: 1, default: "allow", policies: Array.from({ length: count }, (_, index) => policy(index, when)) });

describe("slips in a document that came into force", () => {
  it("are told with their places, ten at most, and the command that says them all", () => {
    const lines = lintWarning(readPolicyText(text(12), "rules.json"), "rules.json")?.split("\n") ?? [];
    expect(lines).toHaveLength(12);
    expect(lines[0]).toBe("rules.json is in force, and this in it is probably not what was meant:");
    expect(lines[1]).toBe(
      "  rules.json:1:103: policies[0] (p0): its condition can never be true: `args.n == 1` and `args.n == 2` are never both true. Correct the condition, or remove the policy.",
    );
    expect(lines[11]).toBe("  and 2 more. Run: countersign policy check rules.json");
  });

  it("have no place in a document that was no text", () => {
    const document = readPolicyObject({ version: 1, policies: [] });
    expect(lintWarning(document, "policies")).toBe(
      "policies is in force, and this in it is probably not what was meant:\n  default: is missing, which means that every call that no policy is about runs. Write `default: allow` to say so, or `default: block`.",
    );
  });

  it("are nothing to tell where there are none", () => {
    expect(lintWarning(readPolicyText(text(3, "args.n == 1"), "rules.json"), "rules.json")).toBeUndefined();
  });

  it("are not looked for in more than 1,000 policies, which is told, and takes no time", () => {
    const document = readPolicyText(text(1_001), "rules.json");
    const before = process.threadCpuUsage(); // its own time: another process may have the processor meanwhile
    expect(lintWarning(document, "rules.json")).toBe(
      "rules.json has 1001 policies; above 1000 they are not looked through for slips when they are loaded. Run: countersign policy check rules.json",
    );
    const { user, system } = process.threadCpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(20);
  });

  it("hold up nothing for long, with 1,000 conditions as tangled as can be looked at", () => {
    const tangled = Array.from({ length: 6 }, (_, index) => `(args.a == ${index} || args.b.startsWith("${index}") && args.c > ${index})`).join(" && ");
    const document = readPolicyText(text(1_000, tangled), "rules.json");
    const before = process.threadCpuUsage();
    lintWarning(document, "rules.json");
    const { user, system } = process.threadCpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(2_000);
  });
});

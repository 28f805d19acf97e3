import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PolicyDocumentError } from "../errors.ts";
import type { PolicyDocument } from "./document.ts";
import { readPolicyCases, runPolicyCase } from "./run-case.ts";

const CASES = new URL("./fixture/cases/", import.meta.url);
const DOCUMENT: PolicyDocument = { version: 1, policies: [{ name: "ask", match: "mcp:fs:write", action: "block", approval: { approvers: ["a"] } }] };
const differences = (yaml: string) => readPolicyCases(yaml, "c.yaml").map((one) => runPolicyCase(one, DOCUMENT));

describe("policy cases", () => {
  it.each(readdirSync(CASES))("of ours all hold: %s", (file) => {
    const cases = readPolicyCases(readFileSync(new URL(file, CASES), "utf8"), file);
    expect(cases.length).toBeGreaterThan(0);
    for (const one of cases) expect(runPolicyCase(one), one.case).toEqual([]);
  });

  it("are about the document they are run with, or about their own policies", () => {
    const own = "policies: [{ name: w, match: mcp:fs:write, action: warn }]";
    expect(differences(`- { case: a, call: { server: fs, tool: write }, want: { action: block, decisive: [ask] } }\n- { case: b, ${own}, call: { server: fs, tool: write }, want: { action: warn } }`)).toEqual([[], []]);
  });

  it("may replace the default of the document alone", () => {
    expect(differences("- { case: a, default: block, call: { server: fs, tool: other }, want: { action: block, decisive: [default] } }")).toEqual([[]]);
  });

  it("say what was wanted and what came, with its path", () => {
    const [found] = differences("- { case: a, call: { server: fs, tool: write }, want: { action: block, decisive: [], requirements: [{ policy: ask, approvers: [b] }], nothing: 1 } }");
    expect(found).toEqual([
      { path: "decisive", wanted: [], got: ["ask"] },
      { path: "requirements[0].approvers[0]", wanted: "b", got: "a" },
      { path: "nothing", wanted: 1, got: undefined },
    ]);
  });

  it("want all of the metadata, not a part", () => {
    const metadata = 'workflowName: "mcp:fs:write", approvers: [a]';
    const whole = differences(`- { case: a, call: { server: fs, tool: write }, want: { action: block, metadata: { ${metadata}, timeoutMinutes: null } } }`);
    expect(whole).toEqual([[]]);
    expect(differences(`- { case: a, call: { server: fs, tool: write }, want: { action: block, metadata: { ${metadata} } } }`)[0]).toMatchObject([{ path: "metadata" }]);
  });

  it("count throttles over the times of a call", () => {
    const slow = "policies: [{ name: s, match: 'mcp:fs:*', action: throttle, rate: { limit: 2, per: 1m } }]";
    expect(differences(`- { case: a, ${slow}, call: { server: fs, tool: x, times: 2 }, want: { action: throttle, rateLimited: false } }\n- { case: b, ${slow}, call: { server: fs, tool: x, times: 3 }, want: { action: throttle, rateLimited: true } }`)).toEqual([[], []]);
  });

  it.each([
    ["a: 1", 1, "must be a list"],
    ["- case: a\n  call: { server: fs, tool: x }\n  want: { action: blok }", 3, "want.action"],
    ["- case: a\n  call: { server: fs, tools: x }\n  want: { action: block }", 2, "call"],
    ["- case: a\n- case: [", 2, "not YAML"],
    ["- *x", 1, "anchor"],
  ])("that are none are refused with their line: %j", (yaml, line, message) => {
    const read = (): unknown => readPolicyCases(yaml, "c.yaml");
    expect(read).toThrow(PolicyDocumentError);
    expect(read).toThrow(new RegExp(`c\\.yaml:${line}:\\d+: .*${message}`));
  });
});

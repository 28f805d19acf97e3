import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PolicyDocumentError } from "../errors.ts";
import { readPolicyObject, readPolicyText } from "./read-document.ts";

const BROKEN = new URL("./fixture/broken/", import.meta.url);
const brokenFiles = readdirSync(BROKEN).filter((name) => /\.(yaml|json)$/.test(name));

/** The whole message, or what came out instead. */
function refusal(read: () => unknown): string {
  try {
    return `accepted: ${JSON.stringify(read())}`;
  } catch (error) {
    return error instanceof PolicyDocumentError ? error.message : `crashed: ${String(error)}`;
  }
}

const text = (written: string): string => refusal(() => readPolicyText(written, "policy.yaml"));
const object = (value: unknown): string => refusal(() => readPolicyObject(value));

describe("a broken document", () => {
  it("is there in every kind that DESIGN names", () => {
    expect(brokenFiles.length).toBeGreaterThanOrEqual(90);
  });

  it.each(brokenFiles)("%s is refused with file, line, column and mend", (name) => {
    const expected = readFileSync(new URL(name.replace(/\.\w+$/, ".txt"), BROKEN), "utf8");
    expect(`${refusal(() => readPolicyText(readFileSync(new URL(name, BROKEN), "utf8"), name))}\n`).toBe(expected);
  });

  it("names its problems one by one, as data too", () => {
    try {
      readPolicyText("version: 1\npolices: []\n", "policy.yaml");
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        name: "PolicyDocumentError",
        code: "policy_document_invalid",
        problems: [
          { line: 1, column: 1, message: "policies is missing.", mend: "Write `policies: []` where there are none." },
          { line: 2, column: 1, message: 'the document has the unknown key "polices".', mend: "Did you mean policies?" },
        ],
      });
    }
  });

  it("with hundreds of problems names the first twenty", () => {
    const lines = text(`version: 1\npolicies:\n${"  - { name: x, action: block }\n".repeat(300)}`).split("\n");
    expect(lines.length).toBe(21);
    expect(lines[19]).toBe("policy.yaml:22:5: policies[19].match is missing. Write a pattern such as \"mcp:filesystem:write_file\".");
    expect(lines[20]).toBe("policy.yaml:23:5: and 280 more problems from here on.");
  });
});

describe("hostile text", () => {
  const deep = "policy.yaml:1:COLUMN: lists or maps are nested too deeply here. A policy document has at most 64 levels.";
  it.each([
    ["lists", "[".repeat(100_000)],
    ["sequences", "- ".repeat(100_000)],
    ["maps", "{a: ".repeat(50_000)],
    ["keys", "? ".repeat(50_000)],
  ])("nested without end as %s is refused, and nothing crashes", (_, written) => {
    expect(text(written).replace(/:\d+: /, ":COLUMN: ")).toBe(deep);
  });

  it("of one megabyte of garbage is refused within seconds", () => {
    const garbage = Array.from({ length: 1_000_000 }, (_, index) => String.fromCharCode(33 + ((index * 7919) % 90))).join("");
    expect(text(garbage)).toMatch(/^policy\.yaml:1:\d+: /);
    expect(text("x".repeat(1_000_000))).toMatch(/^policy\.yaml:1:1: the document must be a map, not "x{56}…\. Write/);
    expect(text("\u0000".repeat(1_000_000))).toMatch(/^policy\.yaml:1:1: the document must be a map/);
    expect(text(`{"version":1,"policies":[${'{"name":'.repeat(100_000)}`)).toMatch(/^policy\.yaml:1:\d+: /);
  });

  it("that grows a thousandfold through anchors is refused", () => {
    const laughs = ["version: 1\npolicies: []\ninspection:", "  a: &a { input: { x: warn } }"];
    for (const [index, letter] of Array.from("bcdefghi").entries()) {
      const before = "abcdefgh"[index];
      laughs.push(`  ${letter}: &${letter} [${Array.from({ length: 9 }, () => `*${before}`).join(", ")}]`);
    }
    expect(text(laughs.join("\n"))).toBe("policy.yaml:1:1: the document uses its anchors (*name) more than 10000 times. Write fewer, or write them out.");
  });

  it("that contains itself is refused", () => {
    expect(text("version: 1\npolicies: []\ninspection: &a { a: *a }\n")).toMatch(/^policy\.yaml:\d+:\d+: inspection\.a\.a\.a\.a\.a\.a\.a… is nested deeper than 64 levels\.$/);
  });

  it("above 64 MiB is refused unread", () => {
    expect(text(" ".repeat(64 * 1024 * 1024 + 1))).toBe("policy.yaml:1:1: the document is larger than 64 MiB.");
  });
});

const DESIGN_EXAMPLE = `
version: 1
default: allow
policies:
  - name: file-writes-need-approval
    match: mcp:filesystem:write_file # or a list
    except: [mcp:filesystem:write_log]
    action: block
    mode: enforce
    reason: File writes require approval
    metadata: { workflowType: file-write }
    approval:
      approvers: [ops-team@company.com, group:oncall]
      quorum: 1
      timeoutMinutes: 5
      selfApproval: false
      assurance: authenticated
      grants: [once, session, 30m]
      edits: false
      escalate: [{ after: 2m, to: [group:leads] }]
      requireReason: false
  - name: slow-down-github
    match: mcp:github:*
    action: throttle
    rate: { limit: 30, per: 1m, burst: 10, key: [agent] }
inspection:
  pii: { input: { ssn: block, email: warn }, output: { "*": redact } }
  tools: { onChange: block }
`;

const DESIGN_OBJECT = {
  version: 1,
  default: "allow",
  policies: [
    {
      name: "file-writes-need-approval",
      match: "mcp:filesystem:write_file",
      except: ["mcp:filesystem:write_log"],
      action: "block",
      mode: "enforce",
      reason: "File writes require approval",
      metadata: { workflowType: "file-write" },
      approval: {
        approvers: ["ops-team@company.com", "group:oncall"],
        quorum: 1,
        timeoutMinutes: 5,
        selfApproval: false,
        assurance: "authenticated",
        grants: ["once", "session", "30m"],
        edits: false,
        escalate: [{ after: "2m", to: ["group:leads"] }],
        requireReason: false,
      },
    },
    { name: "slow-down-github", match: "mcp:github:*", action: "throttle", rate: { limit: 30, per: "1m", burst: 10, key: ["agent"] } },
  ],
  inspection: { pii: { input: { ssn: "block", email: "warn" }, output: { "*": "redact" } }, tools: { onChange: "block" } },
};

describe("a good document", () => {
  it("is read alike from YAML, from JSON and from an object", () => {
    expect(readPolicyText(DESIGN_EXAMPLE, "policy.yaml")).toEqual(DESIGN_OBJECT);
    expect(readPolicyText(JSON.stringify(DESIGN_OBJECT, null, "\t"), "policy.json")).toEqual(DESIGN_OBJECT);
    expect(readPolicyObject(DESIGN_OBJECT)).toEqual(DESIGN_OBJECT);
  });

  it.each([
    ["the smallest", "version: 1\npolicies: []\n", { version: 1, policies: [] }],
    ["a byte order mark and CRLF", "\ufeffversion: 1\r\npolicies: []\r\n", { version: 1, policies: [] }],
    ["trace only", '{"version":1,"default":"allow","policies":[]}', { version: 1, default: "allow", policies: [] }],
    ["JSON with a comment, which is YAML", '{ "version": 1, # one\n  "policies": [] }', { version: 1, policies: [] }],
    ["no human may lift the default", "version: 1\ndefault: { action: block, approval: never }\npolicies: []\n", { version: 1, default: { action: "block", approval: "never" }, policies: [] }],
    ["the default asks two", "version: 1\ndefault: { action: block, approval: { quorum: 2 } }\npolicies: []\n", { version: 1, default: { action: "block", approval: { quorum: 2 } }, policies: [] }],
    [
      "an anchor in many policies",
      `version: 1\npolicies:\n  - { name: p, match: 'mcp:a:b', action: block, approval: &ops { quorum: 2 } }\n${Array.from({ length: 150 }, (_, n) => `  - { name: p${n}, match: 'mcp:a:b', action: block, approval: *ops }\n`).join("")}`,
      {
        version: 1,
        policies: ["p", ...Array.from({ length: 150 }, (_, n) => `p${n}`)].map((name) => ({ name, match: "mcp:a:b", action: "block", approval: { quorum: 2 } })),
      },
    ],
  ])("may be %s", (_, written, expected) => {
    expect(readPolicyText(written, "policy.yaml")).toEqual(expected);
  });

  it("of 5,000 policies in JSON is read by the JSON reader, and a slip in it still has its place", () => {
    const policies = Array.from({ length: 5_000 }, (_, n) => ({ name: `p${n}`, match: `mcp:server:tool_${n}`, action: "block" }));
    expect(readPolicyText(JSON.stringify({ version: 1, policies }), "policy.json").policies.length).toBe(5_000);
    const slip = JSON.stringify({ version: 1, policies: policies.with(3, { name: "p3", match: "tool_3", action: "block" }) }, null, 1);
    expect(refusal(() => readPolicyText(slip, "policy.json"))).toBe('policy.json:21:4: policies[3].match has the pattern "tool_3", which needs two colons: "mcp:{server}:{tool}".');
  });
});

describe("a document given in code", () => {
  it("is copied: what happens to the object later changes nothing", () => {
    const given = { version: 1, policies: [{ name: "writes", match: ["mcp:a:b"], action: "block", approval: { approvers: ["ops"] } }] };
    const read = readPolicyObject(given);
    given.policies[0]?.match.pop();
    given.policies[0]?.approval.approvers.push("mallory");
    given.policies.push({ name: "open", match: ["mcp:*:*"], action: "allow", approval: { approvers: [] } });
    expect(read).toEqual({ version: 1, policies: [{ name: "writes", match: ["mcp:a:b"], action: "block", approval: { approvers: ["ops"] } }] });
  });

  it("shows one face: a getter is asked once", () => {
    let asked = 0;
    const policy = {
      name: "writes",
      match: "mcp:a:b",
      get action() {
        asked += 1;
        return asked === 1 ? "block" : "allow";
      },
    };
    expect(readPolicyObject({ version: 1, policies: [policy] }).policies[0]?.action).toBe("block");
    expect(asked).toBe(1);
  });

  it.each([
    ["nothing", undefined, "policies:1:1: the document cannot be read: not a JSON value."],
    ["null", null, "policies:1:1: the document has no value. Write one, or remove the key."],
    ["a number", 5, "policies:1:1: the document must be a map, not 5. Write `version: 1`, `default: allow` and a list of `policies`."],
    ["a function inside", { version: 1, policies: [{ name: "a", match: "mcp:a:b", action: () => "block" }] }, "policies:1:1: policies[0].action cannot be read: a function, which is not JSON."],
    ["a quorum of one half", { version: 1, policies: [{ name: "a", match: "mcp:a:b", action: "block", approval: { quorum: 0.5 } }] }, "policies:1:1: policies[0].approval.quorum must be a whole number, not 0.5."],
    ["a limit that is no number", { version: 1, policies: [{ name: "a", match: "mcp:a:b", action: "throttle", rate: { limit: Number.NaN, per: "1m" } }] }, "policies:1:1: policies[0].rate.limit must be a finite number."],
    ["a getter that throws", { version: 1, get policies(): never { throw new Error("secret"); } }, "policies:1:1: the document cannot be read: a getter or a proxy in it threw."],
  ])("is refused as %s", (_, value, expected) => {
    expect(object(value)).toBe(expected);
  });

  it("is refused where it contains itself", () => {
    const policies: unknown[] = [];
    policies.push({ name: "a", match: "mcp:a:b", action: "block", metadata: { policies } });
    expect(object({ version: 1, policies })).toBe("policies:1:1: policies[0].metadata.policies[0].metadata.policies[0]… is nested deeper than 64 levels.");
  });
});

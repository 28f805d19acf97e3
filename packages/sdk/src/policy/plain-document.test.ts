import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonValue } from "../call/json.ts";
import { compileCondition } from "./condition/condition.ts";
import { policyDocument } from "./document.ts";
import { isPlainDocument } from "./plain-document.ts";

/** Any of these, right or wrong, may stand anywhere. */
const WRONG: readonly JsonValue[] = [null, true, 0, -1, 1.5, 2 ** 53, "", "x", " ", [], [""], ["x"], [[]], {}, { x: 1 }, "never", "block", "throttle", "redact", "5m", "0s", "s", "1w", "twice", "mcp:a:b", "mcp:a", "mcp::", "mcp:a:", "MCP:a:b", "x:a:b", "1 +", "name", 0.5, 1e308];

const wrong = fc.constantFrom(...WRONG);
/** Mostly what belongs there. */
const mostly = (...right: readonly fc.Arbitrary<JsonValue>[]): fc.Arbitrary<JsonValue> => fc.oneof({ weight: 40, arbitrary: fc.oneof(...right) }, { weight: 1, arbitrary: wrong });
const words = (...list: readonly JsonValue[]): fc.Arbitrary<JsonValue> => fc.constantFrom(...list);
const listOf = (item: fc.Arbitrary<JsonValue>, minLength = 0): fc.Arbitrary<JsonValue> => fc.array(item, { minLength, maxLength: 3 });

/** A map with the keys that must be there (mostly), some of the others, and now and then one too many. */
function map(needed: Readonly<Record<string, fc.Arbitrary<JsonValue>>>, free: Readonly<Record<string, fc.Arbitrary<JsonValue>>>): fc.Arbitrary<JsonValue> {
  const whole = fc.record({ ...needed, ...free }, { requiredKeys: Object.keys(needed) }) as fc.Arbitrary<Record<string, JsonValue>>;
  return fc.tuple(whole, fc.integer({ min: 0, max: 40 })).map(([value, spoil]) => {
    if (spoil === 0) return { ...value, extra: 1 };
    if (spoil === 1) return Object.fromEntries(Object.entries(value).slice(1));
    return value;
  });
}

const text = mostly(words("x", "ops", "group:oncall", "é", "a b"));
const duration = mostly(words("30s", "1.5h", "500ms", "2 d"));
const pattern = mostly(words("mcp:a:b", "mcp:*:*", "mcp::b", "mcp:a:b:c", "mcp:a*:**"));
const positive = mostly(words(1, 0.5, 30, 1e20));
const boolean = mostly(fc.boolean());
const approval = mostly(
  words("never"),
  map({}, {
    approvers: listOf(text), quorum: mostly(words(1, 2)), timeoutMinutes: positive, selfApproval: boolean, assurance: mostly(words("local", "passkey")),
    grants: listOf(mostly(words("once", "session", "30m"))), edits: boolean, requireReason: boolean,
    escalate: listOf(map({ after: duration, to: listOf(text, 1) }, {})),
  }),
);
const rate = map({ limit: positive, per: duration }, { burst: mostly(words(1, 2.5)), key: listOf(mostly(words("agent", "user", "tool"))) });
const policy = fc.integer({ min: 0, max: 9 }).chain((kind) =>
  map(
    { name: mostly(fc.integer({ min: 0, max: 99 }).map((n) => `p${n}`)), match: mostly(pattern, listOf(pattern, 1)), action: kind < 3 ? mostly(words("throttle")) : mostly(words("block")), ...(kind < 3 ? { rate: mostly(rate) } : {}) },
    {
      except: mostly(pattern, listOf(pattern)), mode: mostly(words("enforce", "observe")), reason: text, metadata: mostly(fc.constantFrom<JsonValue[]>({}, { a: [1, null, { action: "block" }] }, { 1: "x" })),
      when: mostly(words("tool.name == 'x'", "true")), ...(kind > 5 ? { approval } : {}), ...(kind === 9 ? { rate } : {}),
    },
  ),
);
const finding = mostly(words("allow", "warn", "redact", "block"));
const findings = mostly(fc.dictionary(fc.constantFrom("email", "ssn", "*"), finding));
const tools = map({}, { onChange: mostly(words("allow", "warn", "block")), onSuspicious: mostly(words("warn")) });
const document = map(
  { policies: mostly(fc.array(policy, { maxLength: 4 })), version: mostly(words(1)) },
  { default: mostly(words("allow", "block"), map({ action: mostly(words("block")) }, { approval })), inspection: map({}, { tools: mostly(tools), pii: mostly(map({}, { input: findings, output: findings })), secret: mostly(map({}, { input: findings })) }) },
);

describe("the quick check of a document", () => {
  it("says yes to exactly what the schema accepts, on 20,000 documents right and wrong", () => {
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(document, (value) => {
        const accepted = policyDocument.safeParse(value).success;
        seen[accepted ? "accepted" : "refused"] += 1;
        expect(isPlainDocument(value, (source) => compileCondition(source).ok)).toBe(accepted);
      }),
      { numRuns: 20_000 },
    );
    expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(4_000);
  });

  it("doubts every condition where it has nothing to check it with", () => {
    const value = { version: 1, policies: [{ name: "a", match: "mcp:a:b", action: "block", when: "true" }] };
    expect(isPlainDocument(value)).toBe(false);
    expect(isPlainDocument(value, () => true)).toBe(true);
  });

  it("says no to what is not a document at all", () => {
    for (const value of [...WRONG, { version: 1 }, { policies: [] }]) expect(isPlainDocument(value), JSON.stringify(value)).toBe(false);
  });
});

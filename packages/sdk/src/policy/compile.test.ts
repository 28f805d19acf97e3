import { describe, expect, it } from "vitest";
import { compileDocument, type CompiledDocument } from "./compile.ts";
import type { DocumentPolicy } from "./document.ts";
import { foldName, foldText } from "./fold-name.ts";
import { readPolicyObject } from "./read-document.ts";

const rate = { limit: 1, per: "1m" };
const policy = (name: string, match: string | string[], action: DocumentPolicy["action"], more: Partial<DocumentPolicy> = {}): DocumentPolicy => ({
  name,
  match,
  action,
  ...(action === "throttle" ? { rate } : {}),
  ...more,
});
const compile = (...policies: DocumentPolicy[]): CompiledDocument => compileDocument(readPolicyObject({ version: 1, policies }));
const matched = (document: CompiledDocument, server: string | undefined, tool: string): readonly string[] => document.match(server, tool).policies.map(({ name }) => name);

/** Mulberry32: the same numbers in every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

// The reference: DESIGN §5 "Matching" and §9 "Names", written down plainly, policy by policy and character by character.

/** A pattern segment as characters and stars. */
type Segment = readonly (string | { readonly star: true })[];
const STAR = { star: true } as const;

function plainSegment(text: string): Segment {
  return Array.from(text).map((character) => (character === "*" ? STAR : character));
}

function foldedSegment(text: string): Segment {
  const runs = text.split("*").map(foldText);
  const outer = runs.map((run, index) => (index === 0 ? run.trimStart() : run)).map((run, index) => (index === runs.length - 1 ? run.trimEnd() : run));
  return outer.flatMap((run, index) => (index === 0 ? Array.from(run) : [STAR, ...Array.from(run)]));
}

function fits(segment: Segment, text: string): boolean {
  let reachable = new Set([0]);
  for (const part of segment) {
    const next = new Set<number>();
    for (const at of reachable) {
      if (typeof part === "string") {
        if (text.startsWith(part, at)) next.add(at + part.length);
      } else {
        for (let end = at; end <= text.length; end++) next.add(end);
      }
    }
    reachable = next;
  }
  return reachable.has(text.length);
}

function split(pattern: string): readonly [string, string] {
  const [, server = "", ...tool] = pattern.split(":");
  return [server, tool.join(":")];
}

const asList = (patterns: string | readonly string[] | undefined): readonly string[] => (typeof patterns === "string" ? [patterns] : (patterns ?? []));

function reference(policies: readonly DocumentPolicy[], server: string | undefined, tool: string): { readonly names: readonly string[]; readonly confusable: boolean } {
  const names: string[] = [];
  let confusable = false;
  for (const one of policies) {
    const restricts = one.action === "block" || one.action === "throttle";
    const about = (segment: string, unknown: boolean): boolean => (server === undefined ? unknown || segment === "" || /^\*+$/.test(segment) : fits(plainSegment(segment), server));
    const exactly = asList(one.match).some((pattern) => about(split(pattern)[0], restricts) && fits(plainSegment(split(pattern)[1]), tool));
    const alike = restricts && asList(one.match).some((pattern) => about(split(pattern)[0], true) && fits(foldedSegment(split(pattern)[1]), foldName(tool)));
    const excepted = asList(one.except).some((pattern) => about(split(pattern)[0], false) && fits(plainSegment(split(pattern)[1]), tool));
    if (excepted || !(exactly || alike)) continue;
    names.push(one.name);
    if (!exactly) confusable = true;
  }
  return { names, confusable };
}

const SERVERS = ["", "a", "b", "a__b", "*", "**", "a*", "*b", "a*b", "*_*", "A", "é"];
const CALL_SERVERS = [undefined, "a", "b", "a__b", "ab", "A", "é", "*x"];
const LETTERS = ["a", "b", "_", "*", "*", "?", "[", ".", ":", "A", "B", " ", "é", "e\u0301", "\u200b", "ｂ", "\u212a", "k", "ß", "ss", "＊", "aa", "ab"];

describe("matching", () => {
  it("equals a plain linear matcher on 20,000 random documents", () => {
    const pick = random(20_261_019);
    const word = (most: number): string => Array.from({ length: pick(most + 1) }, () => LETTERS[pick(LETTERS.length)]).join("");
    const stars = (): string => (pick(3) === 0 ? `${word(2)}*${word(1)}*${word(2)}*${word(1)}` : word(4) || "*");
    const pattern = (): string => `mcp:${SERVERS[pick(SERVERS.length)]}:${stars()}`;
    let hits = 0;
    let alike = 0;
    for (let round = 0; round < 20_000; round++) {
      const policies = Array.from({ length: 1 + pick(8) }, (_, index) =>
        policy(`p${index}`, Array.from({ length: 1 + pick(2) }, pattern), (["allow", "warn", "throttle", "block"] as const)[pick(4)] ?? "block", pick(4) === 0 ? { except: pattern() } : {}),
      );
      const document = compileDocument({ version: 1, policies });
      for (let calls = 0; calls < 4; calls++) {
        const server = CALL_SERVERS[pick(CALL_SERVERS.length)];
        const tool = word(4) || "a";
        const expected = reference(policies, server, tool);
        const { policies: found, alike: lookalikes } = document.match(server, tool);
        if (expected.names.length > 0) hits += 1;
        if (expected.confusable) alike += 1;
        const actual = { names: found.map(({ name }) => name), confusable: lookalikes.length > 0 };
        if (JSON.stringify(actual) !== JSON.stringify(expected)) expect({ policies, server, tool, ...actual }).toEqual({ policies, server, tool, ...expected });
      }
    }
    expect(hits).toBeGreaterThan(15_000);
    expect(alike).toBeGreaterThan(500);
  });

  it("keeps servers apart: a policy for server a never changes a verdict for server a__b", () => {
    const pick = random(7);
    const tools = ["c", "b__c", "b", "__b", "_b__c", "a__b__c", "c*"];
    const tool = (): string => tools[pick(tools.length)] ?? "c";
    for (let round = 0; round < 2_000; round++) {
      const others = Array.from({ length: pick(4) }, (_, index) => policy(`o${index}`, `mcp:${["a__b", "*", "b", ""][pick(4)]}:${tool()}`, "block"));
      const forA = Array.from({ length: 1 + pick(3) }, (_, index) => policy(`a${index}`, `mcp:a:${["*", tool(), `*${tool()}`][pick(3)]}`, "block"));
      const called = tool();
      expect(matched(compile(...others, ...forA), "a__b", called)).toEqual(matched(compile(...others), "a__b", called));
    }
  });

  it("splits at the first two colons only, so a tool cannot pretend to be another server's", () => {
    const document = compile(policy("p", "mcp:a:b", "block"), policy("q", "mcp:a:b:c", "block"));
    expect(matched(document, "a", "b")).toEqual(["p"]);
    expect(matched(document, "a", "b:c")).toEqual(["q"]);
    expect(matched(document, "a:b", "c")).toEqual([]);
  });

  it("finds names like toString and __proto__ only where they were written", () => {
    const document = compile(policy("p", "mcp:a:b", "block"));
    for (const tool of ["toString", "__proto__", "constructor", "hasOwnProperty"]) expect(matched(document, tool, tool)).toEqual([]);
    expect(matched(compile(policy("p", "mcp:__proto__:constructor", "block")), "__proto__", "constructor")).toEqual(["p"]);
  });

  it("names a policy once, in document order, however many of its patterns match", () => {
    const document = compile(policy("second", ["mcp:*:*", "mcp:a:*", "mcp:a:b"], "warn"), policy("first", "mcp:a:b", "allow"));
    expect(matched(document, "a", "b")).toEqual(["second", "first"]);
  });

  it("takes a full-width asterisk in a pattern for a character and not for a wildcard", () => {
    const document = compile(policy("p", "mcp:a:b＊", "block"));
    expect(matched(document, "a", "bcd")).toEqual([]);
    expect(matched(document, "a", "b*")).toEqual(["p"]);
  });
});

describe("a server without a name", () => {
  const document = compile(
    policy("block-elsewhere", "mcp:github:delete", "block"),
    policy("throttle-elsewhere", "mcp:github:delete", "throttle"),
    policy("warn-elsewhere", "mcp:github:delete", "warn"),
    policy("allow-elsewhere", "mcp:github:delete", "allow"),
    policy("warn-anywhere", "mcp:*:delete", "warn"),
    policy("allow-nameless", "mcp::delete", "allow"),
    policy("allow-some", "mcp:git*:delete", "allow"),
    policy("excepted-anywhere", "mcp:github:*", "block", { except: "mcp:*:delete" }),
    policy("excepted-nameless", "mcp:github:*", "block", { except: "mcp::delete" }),
    policy("excepted-elsewhere", "mcp:github:*", "block", { except: "mcp:github:delete" }),
  );

  it("is matched by blocks and throttles of any server, and by nothing milder that names one", () => {
    expect(matched(document, undefined, "delete")).toEqual(["block-elsewhere", "throttle-elsewhere", "warn-anywhere", "allow-nameless", "excepted-elsewhere"]);
  });

  it("is another than the server of that name", () => {
    expect(matched(document, "github", "delete")).toEqual(["block-elsewhere", "throttle-elsewhere", "warn-elsewhere", "allow-elsewhere", "warn-anywhere", "allow-some", "excepted-nameless"]);
    expect(matched(document, "gitlab", "delete")).toEqual(["warn-anywhere", "allow-some"]);
  });

  it("meets look-alikes of any server's blocked names", () => {
    expect(document.match(undefined, "DELETE")).toMatchObject({ policies: [{ name: "block-elsewhere" }, { name: "throttle-elsewhere" }, { name: "excepted-anywhere" }, { name: "excepted-nameless" }, { name: "excepted-elsewhere" }] });
  });
});

describe("a look-alike of a blocked name (T-name)", () => {
  const IGNORED = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu;
  /** A deliberately sloppy upstream, in the ways upstreams differ. */
  const upstreams: readonly ((name: string) => string)[] = [
    (name) => name.normalize("NFKC").toLowerCase().replaceAll(IGNORED, "").trim(),
    (name) => name.replaceAll(IGNORED, "").trim().normalize("NFKC").toUpperCase().toLowerCase(),
    (name) => name.trim().normalize("NFKC").toLocaleLowerCase("tr"),
    (name) => name.replaceAll(/\p{Cc}/gu, "").normalize("NFKD").toLowerCase().trim(),
  ];
  const INVISIBLE = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u034f", "\u180e", "\u202e", "\ufe0f", "\u{e0001}", "\u{e0061}", "\u3164", "\u115f"];
  const OUTER = [" ", "\t", "\n", "\r\n", "\u00a0", "\u2003", "\u3000", "\u2028", "\u0000"];
  const ALIKE: { readonly [letter: string]: readonly string[] } = { k: ["\u212a"], s: ["\u017f", "\u02e2"], i: ["\u0131", "\u0130", "\u2170"], l: ["\u217c"], e: ["\u212f", "\u1d49"], f: ["\u{1d41f}"], d: ["\u217e"], _: ["\uff3f"], "-": ["\uff0d"], ".": ["\uff0e", "\u2024"] };
  const BLOCKED = ["write_file", "delete-repo", "task.kill", "sendEmail", "fi_files", "stra\u00dfe_sperren", "\u00e9crire", "list_issues"];

  function variant(name: string, pick: (below: number) => number): string {
    let characters = Array.from(name);
    for (let changes = 1 + pick(3); changes > 0; changes--) {
      const at = pick(characters.length);
      const character = characters[at] ?? "";
      const kind = pick(8);
      if (kind === 0) characters[at] = character.toUpperCase();
      else if (kind === 1) characters.splice(at, 0, INVISIBLE[pick(INVISIBLE.length)] ?? "");
      else if (kind === 2) characters.push(OUTER[pick(OUTER.length)] ?? "");
      else if (kind === 3) characters.unshift(OUTER[pick(OUTER.length)] ?? "");
      else if (kind === 4) characters[at] = /[!-~]/.test(character) ? String.fromCodePoint((character.codePointAt(0) ?? 0) + 0xfee0) : character;
      else if (kind === 5) characters[at] = ALIKE[character]?.[pick(ALIKE[character]?.length ?? 1)] ?? character;
      else if (kind === 6) characters = Array.from(characters.join("").normalize(pick(2) === 0 ? "NFD" : "NFKC"));
      else characters = Array.from(characters.join("").toUpperCase().replaceAll("I", () => (pick(3) === 0 ? "\u0130" : "I")));
    }
    return characters.join("") + ["", "", "", ".", "\u0000.txt"][pick(5)];
  }

  it("is blocked in each of 5,000 variants that a sloppy upstream would run as the blocked tool", () => {
    const pick = random(5_000);
    const byName = compile(...BLOCKED.map((name) => policy(name, `mcp:files:${name}`, "block")));
    let ran = 0;
    let tried = 0;
    const walkedPast: string[] = [];
    while (tried < 5_000) {
      const name = BLOCKED[pick(BLOCKED.length)] ?? "";
      const look = variant(name, pick);
      if (look === name || look === "") continue;
      tried += 1;
      if (!upstreams.some((upstream) => upstream(look) === upstream(name))) continue;
      ran += 1;
      if (!matched(byName, "files", look).includes(name)) walkedPast.push(`${name}: ${JSON.stringify(look)}`);
    }
    expect(ran).toBeGreaterThan(2_000);
    expect(walkedPast).toEqual([]);
  });

  it("is reported as confusable, and the name itself is not", () => {
    const document = compile(policy("p", "mcp:files:write_*", "block"), policy("any", "mcp:*:*", "throttle"));
    expect(document.match("files", "WRITE_FILE")).toMatchObject({ alike: [{ name: "p" }], policies: [{ name: "p" }, { name: "any" }] });
    expect(document.match("files", "write_file").alike).toEqual([]);
    expect(document.match("files", "READ_FILE").alike).toEqual([]);
  });

  it("is not lifted by an exception or an allow for the name that it resembles", () => {
    const document = compile(policy("p", "mcp:files:write_*", "block", { except: "mcp:files:write_log" }), policy("q", "mcp:files:write_log", "allow"));
    expect(matched(document, "files", "write_log")).toEqual(["q"]);
    expect(matched(document, "files", "Write_Log")).toEqual(["p"]);
  });

  it("is lifted by an exception that spells that very name, and by no other spelling of it", () => {
    const document = compile(policy("p", "mcp:files:delete_*", "block", { except: "mcp:files:Delete_*" }));
    expect(matched(document, "files", "Delete_all")).toEqual([]);
    expect([matched(document, "files", "DELETE_all"), matched(document, "files", "delete_all")]).toEqual([["p"], ["p"]]);
  });

  it("is found where the policy's own name is the odd one", () => {
    const document = compile(policy("p", "mcp:files:Delete\u00c9tat", "block"));
    expect(matched(document, "files", "delete\u00e9tat")).toEqual(["p"]);
    expect(matched(document, "files", "deletee\u0301tat")).toEqual(["p"]);
    expect(matched(document, "files", "deleteetat")).toEqual([]);
  });
});

describe("the index", () => {
  it("takes a time that grows with the length of a name and not its square, up to one megabyte, with every kind of pattern", () => {
    const policies: DocumentPolicy[] = [];
    for (let n = 1; n <= 60; n++) {
      policies.push(policy(`inner${n}`, `mcp:*:*${"a".repeat(n * 7)}b*`, "block"), policy(`two${n}`, `mcp:*:*${"a".repeat(n % 20)}x*b${"a".repeat(n)}*`, "block"));
      policies.push(policy(`prefix${n}`, `mcp:*:${"a".repeat(n)}b*`, "block"), policy(`suffix${n}`, `mcp:*:*b${"a".repeat(n)}`, "block"));
    }
    const document = compile(...policies);
    const name = "a".repeat(1_000_000);
    const timeOf = (text: string): number => {
      const started = performance.now();
      expect(matched(document, "s", text)).toEqual([]);
      expect(matched(document, "s", text.toUpperCase())).toEqual([]);
      return performance.now() - started;
    };
    timeOf(name.slice(0, 1_000)); // compiled code
    const short = Math.min(timeOf(name.slice(0, 100_000)), timeOf(name.slice(0, 100_000)), timeOf(name.slice(0, 100_000)));
    // Ten times as long: ten times the time, a hundred times where it grows with the square.
    expect(Math.min(timeOf(name), timeOf(name)) / short).toBeLessThan(40);
    expect(matched(document, "s", `${name}b`).length).toBe(60);
  });

  it("does not slow down with the number of policies that do not match", () => {
    const sized = (size: number): CompiledDocument =>
      compileDocument({ version: 1, policies: Array.from({ length: size }, (_, n) => policy(`p${n}`, [`mcp:s${n % 50}:tool_${n}`, `mcp:s${n % 50}:grp${n}_*`, `mcp:*:*_suffix${n}`][n % 3] ?? "", "block")) });
    const cost = (document: CompiledDocument): number => {
      let best = Number.POSITIVE_INFINITY;
      for (let round = 0; round < 15; round++) {
        const started = performance.now();
        for (let n = 0; n < 2_000; n++) document.match("s7", `tool_${n}`);
        best = Math.min(best, performance.now() - started);
      }
      return best;
    };
    const [few, many] = [sized(100), sized(30_000)];
    cost(few);
    // A linear matcher would be 300 times slower; longer numbers in names make a few more lengths to look up.
    expect(cost(many) / cost(few)).toBeLessThan(15);
  });
});

describe("what the document says of a finding", () => {
  const document = compileDocument(
    readPolicyObject({ version: 1, policies: [], inspection: { pii: { input: { ssn: "block", email: "warn", credit_card: "redact" }, output: { "*": "redact", email: "allow" } }, tools: { onChange: "block" } } }),
  );

  it.each([
    ["pii", "email", "input", "warn"],
    ["pii", "us_ssn", "input", "block"],
    ["pii", "payment_card", "input", "redact"],
    ["pii", "phone", "input", "allow"],
    ["pii", "phone", "output", "redact"],
    ["pii", "email", "output", "allow"],
    ["secret", "jwt", "input", "allow"],
    ["tools", "onChange", "input", "allow"],
    ["pii", "constructor", "input", "allow"],
    ["constructor", "email", "input", "allow"],
    ["__proto__", "toString", "output", "allow"],
  ] as const)("%s %s in the %s: %s", (group, type, direction, action) => {
    expect(document.findingAction(group, type, direction)).toBe(action);
  });
});

describe("a compiled policy", () => {
  it("cannot be changed through what it hands out", () => {
    const [found] = compile(policy("p", "mcp:a:b", "block", { metadata: { tags: ["x"] }, approval: { approvers: ["ops"], escalate: [{ after: "2m", to: ["leads"] }] } })).match("a", "b").policies;
    expect(found?.requirement).toEqual({
      policy: "p",
      approvers: ["ops"],
      quorum: 1,
      assurance: undefined,
      selfApproval: undefined,
      timeoutMinutes: null,
      grants: [],
      edits: false,
      requireReason: false,
      escalate: [{ afterMs: 120_000, to: ["leads"] }],
    });
    // The types forbid to change it; JavaScript does not read types.
    const requirement = found?.requirement as unknown as { approvers: string[]; escalate: { to: string[] }[] };
    expect(() => requirement.approvers.push("mallory")).toThrow(TypeError);
    expect(() => requirement.escalate[0]?.to.push("mallory")).toThrow(TypeError);
    // As above.
    const tags = found?.metadata?.["tags"] as string[];
    expect(() => tags.push("y")).toThrow(TypeError);
  });
});

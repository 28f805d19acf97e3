import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../call/json.ts";
import type { Finding } from "../../inspection/inspection.ts";
import { fakeCall } from "../../testing/fake-call.ts";
import { activationOf, readToolClaims, type Activation } from "./activation.ts";
import { compileCondition, parseCondition, type CompiledCondition } from "./condition.ts";
import { readPaths } from "./read-paths.ts";

const ARGS: JsonObject = {
  path: "/tmp/a.txt", size: 3, ratio: 0.5, zero: 0, negative: -7, flag: true, off: false, nothing: null, empty: "", text: "Hello World", emoji: "😀é",
  to: "Ann@Company.com", ip: "10.1.2.3", date: "2026-07-01T10:00:00Z", span: "90m", number: "42", letters: "abc",
  list: [1, 2, 3], words: ["red", "green"], none: [], map: { a: 1, b: { c: "deep" } }, key: "a", keys: ["a"],
  items: [{ amount: 1, kind: "x" }, { amount: 9 }], big: 9_007_199_254_740_991, "odd key": 1,
};
const FINDINGS: readonly Finding[] = [{ type: "ssn", group: "pii", direction: "input", where: "/text" }, { type: "email", group: "pii", direction: "input", where: "/to", count: 2 }];
/** A Wednesday, 12:30 in Berlin. */
const NOW = new Date("2026-07-01T10:30:15Z");

function activation(args: JsonObject = ARGS): Activation {
  return activationOf(fakeCall({ arguments: args }), FINDINGS, NOW, { readOnly: true });
}

function compiled(source: string): CompiledCondition {
  const compilation = compileCondition(source);
  if (!compilation.ok) throw new Error(`${source}: ${compilation.message}`);
  return compilation.condition;
}

const TRUE = String.raw`
args.size + 1 > 2
args.size + 1 == 4
1 + args.size == 4.0
args.ratio * 1.5 == 0.75
args.size - 5 == -2
args.size % 2 == 1
args.negative % 3 == -1
args.size / 2 == 1.5
7 / 2 == 3.5
1.0 == 1
args.size in [1, 2, 3]
args.size in [1, 2.5, 3]
args.size in args.list
!(args.size in [])
size(args.list) > args.zero
size(args.list) == 3 && args.list.size() == 3
size(args.map) == 2
size(args.text) == 11
size(args.emoji) == 2
args.list[0] == 1
args.list[args.size - 1] == 3
args.list[size(args.list) - 1] == 3
args["path"] == args.path
args["odd key"] == 1
args.map.b.c == "deep"
args.map["b"]["c"] == "deep"
args.map[args.key] == 1
args.key in args.map
"path" in args
!("gone" in args)
!(1 in args.map)
args.flag
!args.off
args.nothing == null
args.size != null
args.size != "3"
args.path != args.size
args.list == [1, 2, 3]
args.list != [1, 2]
[1, 2] + [3] == args.list
args.map == {"b": {"c": "deep"}, "a": 1}
args.map != {"a": 1}
{"a": args.size}.a == 3
"a" + "b" == "ab"
"a" < "b" && "B" < "a" && "" < "a"
"\uFFFD" < "😀"
false < true
-args.size == -3
args.path.startsWith("/tmp/")
args.path.endsWith(".txt")
args.path.contains("a.t")
!args.path.contains("A.T")
args.path.contains("")
args.text.lowerAscii() == "hello world"
args.text.upperAscii() == "HELLO WORLD"
"\u212A".lowerAscii() == "\u212A"
"  a ".trim() == "a"
args.path.matches("^/tmp/[a-z]+[.]txt$")
args.text.matches("o W")
!args.text.matches("^o W")
args.text.matches("(?i)HELLO")
args.words.exists(w, w.matches("^gr"))
r"a\b".matches(r"a\\b")
int(args.number) == 42
int(2.9) == 2 && int(-2.9) == -2
int(now) == 1782901815
double("1.5e1") == 15
string(args.size) == "3" && string(true) == "true" && string("x") == "x" && string(2.5) == "2.5"
string(timestamp(args.date)) == "2026-07-01T10:00:00Z"
string(duration("90m")) == "5400s"
bool("true") && !bool("F" + "ALSE")
type(args.path) == string
type(args.size) == double
type(args.flag) == bool && type(args.nothing) == null_type
type(args.list) == list && type(args.map) == map && type(type(1)) == type
type(args.path) != type(args.size)
timestamp(args.date) < now
timestamp("2026-07-01T12:00:00+02:00") == timestamp(args.date)
timestamp(0) == timestamp("1970-01-01T00:00:00Z")
now - timestamp(args.date) == duration("30m15s")
now - duration("30m15s") == timestamp(args.date)
timestamp(args.date) + duration(args.span) > now
duration("1h") + duration("30m") == duration(args.span)
duration("-1.5h") < duration("0s")
duration("90m").getHours() == 1 && duration("90m").getMinutes() == 90 && duration("90m").getSeconds() == 5400
now.getFullYear() == 2026 && now.getMonth() == 6 && now.getDate() == 1 && now.getDayOfMonth() == 0
now.getDayOfWeek() == 3 && now.getDayOfYear() == 181
now.getHours() == 10 && now.getMinutes() == 30 && now.getSeconds() == 15
now.getHours("Europe/Berlin") == 12 && now.getMinutes("Asia/Kolkata") == 0
now.getDate("Pacific/Auckland") == 1 && now.getDayOfYear("Pacific/Auckland") == 181
timestamp("2026-12-31T23:30:00Z").getFullYear("Europe/Berlin") == 2027
timestamp("2026-03-29T02:30:00Z").getHours("UTC") == 2
businessHours(now, "Europe/Berlin", "Mon-Fri", "09:00", "17:00")
!businessHours(now, "America/Los_Angeles", "Mon-Fri", "09:00", "17:00")
within(args.path, "/tmp")
!within(args.path, "/var")
within(args.path, "/" + "tmp")
emailDomain(args.to) == "company.com"
emailDomain(args.to) in ["company.com", "example.org"]
inCidr(args.ip, "10.0.0.0/8") && !inCidr(args.ip, "192.168.0.0/16")
has(args.path) && !has(args.gone)
has(args.nothing)
has(args.map.b.c) && !has(args.map.b.d)
!has(tool.claims.destructive)
args.list.all(x, x > 0)
!args.list.all(x, x > 1)
args.none.all(x, false)
args.list.exists(x, x == 2)
!args.none.exists(x, true)
args.list.exists_one(x, x == 2)
!args.list.exists_one(x, x > 1)
args.list.filter(x, x > 1) == [2, 3]
args.list.map(x, x * 2) == [2, 4, 6]
args.list.map(x, x > 1, x * 2) == [4, 6]
args.list.filter(x, x > 1).exists(x, x == 3)
args.items.map(i, i.amount) == [1, 9]
args.items.exists(i, i.amount > 5)
args.items.exists(i, i.kind == "x")
args.items.exists(i, has(i.kind) && i.kind == "x")
!args.items.all(i, i.kind == "y")
args.map.exists(k, k == "a")
args.map.all(k, args.map[k] != 7)
args.words.all(w, w in ["red", "green", "blue"])
args.flag ? args.size == 3 : args.gone
args.off ? args.gone : true
args.gone == 1 || true
true || args.gone == 1
!(args.gone == 1 && false)
!(false && args.gone)
(args.size || true)
args.list.exists(x, x == 1 || args.gone)
agent.name == "file-manager" && agent.id == ""
user.id == "user-123" && user.claimed
session.id == "session-1"
server.name == "filesystem" && server.transport == "stdio"
tool.name == "write_file" && !tool.known && tool.claims.readOnly
findings.exists(f, f.type == "ssn" && f.where == "/text" && f.direction == "input" && f.count == 1)
size(findings) == 2 && findings[1].count == 2
args.big == 9007199254740991
0x10 == 16
1e3 == 1000
"""a
b""".contains("\n")
true // a comment
`.trim().replace('"""a\nb""".contains("\\n")\n', "").split("\n");

const ERRORS: readonly (readonly [source: string, offset: number, message: string, field?: string])[] = [
  ["args.gone == 1", 5, "No such key: gone", "args.gone"],
  ["true && args.map.gone == 1", 17, "No such key: gone", "args.map.gone"],
  ['args["gone"] == 1', 0, "No such key: gone", "args.gone"],
  ["args.items.exists(i, i.gone > 5)", 23, "No such key: gone", "args.items.gone"],
  ["args.items.all(i, i.kind == 'x')", 20, "No such key: kind", "args.items.kind"],
  ["args.items.filter(i, true).all(i, i.kind == 'x')", 36, "No such key: kind", "args.items.kind"],
  ["args.items.exists_one(i, i.kind == 'x')", 27, "No such key: kind", "args.items.kind"],
  ["has(args.gone.x)", 9, "No such key: gone", "args.gone"],
  ["has(args.path.x)", 14, "has() asks for field x of something that is no map", "args.path"],
  ["args.path.x == 1", 10, "field x is asked of something that is no map", "args.path.x"],
  ["args.map[args.path] == 1", 0, "No such key", "args.map"],
  ["args.map[args.keys] == 1", 0, "No such key", "args.map"],
  ["args.map[args.size] == 1", 0, "No such key", "args.map"],
  ["args.keys in args.map", 0, "in does not go with list and map"],
  ["args.list[3] == 1", 0, "index out of bounds"],
  ["args.list[-1] == 1", 0, "index out of bounds"],
  ["args.list[0.5] == 1", 0, "index out of bounds"],
  ["args.list['0'] == 1", 0, "index out of bounds"],
  ["args.path[0] == 'x'", 0, "[] is asked of a string"],
  ["args.path > 1", 0, "> does not go with string and number"],
  ["args.path + args.size == 'x'", 0, "+ does not go with string and number"],
  ["args.list < args.list", 0, "< does not go with list and list"],
  ["args.path in args.text", 0, "in does not go with string and string"],
  ["args.size / args.zero == 1", 0, "division by zero"],
  ["args.size % args.zero == 1", 0, "division by zero"],
  ["args.big * 1e300 * args.big > 1", 0, "the result of * is too large for a number"],
  ["args.path", 0, "the result is a string, and not true or false"],
  ["args.size", 0, "the result is a number, and not true or false"],
  ["args.size && true", 5, "&& is asked of a number, and not of true or false"],
  ["true && args.size", 13, "&& is asked of a number, and not of true or false"],
  ["false || args.nothing", 14, "|| is asked of a null, and not of true or false"],
  ["!args.path", 6, "! is asked of a string, and not of true or false"],
  ["-args.path == 1", 0, "- is asked of a string"],
  ["args.size ? true : false", 5, "? is asked of a number, and not of true or false"],
  ["args.list.all(x, x)", 17, "all is asked of a number, and not of true or false"],
  ["args.path.all(x, true)", 0, "all is asked of a string"],
  ["args.size.exists(x, true)", 0, "exists is asked of a number"],
  ["args.size.startsWith('a')", 0, "startsWith does not take a number", "args.size"],
  ["args.path.startsWith(args.size)", 0, "startsWith does not take a number", "args.size"],
  ["args.size.matches('a')", 0, "matches does not take a number", "args.size"],
  ["size(args.size) == 1", 0, "size does not take a number", "args.size"],
  ["int(args.letters) == 1", 0, "int: the string is no integer, or too large for one"],
  ["double(args.letters) == 1", 0, "double: the string is no number"],
  ["bool(args.letters)", 0, 'bool: the string is neither "true" nor "false"'],
  ["timestamp(args.letters) < now", 0, 'timestamp: must be such as "2026-01-31T09:00:00Z" or seconds since 1970'],
  ["timestamp('2026-02-30T00:00:00Z') < now", 0, 'timestamp: must be such as "2026-01-31T09:00:00Z" or seconds since 1970'],
  ["timestamp('Tue, 01 Jan 2030 10:00') > now", 0, 'timestamp: must be such as "2026-01-31T09:00:00Z" or seconds since 1970'],
  ["duration(args.letters) < duration('1s')", 0, 'duration: must be such as "90s" or "1h30m"'],
  ["within(args.letters, '/tmp')", 0, "within: the path is not absolute"],
  ["within(args.path, args.letters)", 0, "within: the directory is not absolute"],
  ["emailDomain(args.path) == 'x'", 0, "emailDomain: an address has one @, with a name before it and a domain after it"],
  ["inCidr(args.path, '10.0.0.0/8')", 0, "inCidr: the address is not a plain IPv4 or IPv6 address"],
  ["tool.claims.destructive", 12, "No such key: destructive", "tool.claims.destructive"],
  ["{args.path: 1, args.path: 2}['a'] == 1", 0, "the keys of a map must be strings, each once"],
  ["args.constructor == 1", 5, "No such key: constructor", "args.constructor"],
  ["args.map.toString == 1", 9, "No such key: toString", "args.map.toString"],
];

const REFUSED: readonly (readonly [source: string, offset: number, message: string])[] = [
  ["", 0, "Unexpected token: EOF"],
  ["args.a >", 8, "Unexpected token: EOF"],
  ["args.a = 1", 7, "Unexpected character: ="],
  ["'open", 0, "Unterminated string"],
  ["1 + 2", 0, "must be true or false, and this is of the type double"],
  ["'a'", 0, "must be true or false, and this is of the type string"],
  ["agent", 0, "must be true or false, and this is of the type $agent"],
  ["agnt.name == 'x'", 0, "unknown variable agnt; there are args, agent, user, session, server, tool, findings, now"],
  ["agent.nam == 'x'", 6, "No such key: nam"],
  ["tool.claims.write", 12, "No such key: write"],
  ["findings.exists(f, f.kind == 'x')", 21, "No such key: kind"],
  ["google == 1", 0, "unknown variable google"],
  ["x.exists(x, x == 1)", 0, "unknown variable x"],
  ["foo(args.a)", 0, "unknown function foo; there are has, all, exists, exists_one, filter, map, size,"],
  ["args.a.substring(1) == 'x'", 0, "unknown function substring"],
  ["args.a.split('x') == []", 0, "unknown function split"],
  ["bytes('x') == bytes('x')", 0, "unknown function bytes"],
  ["cel.bind(x, 1, x == 1)", 0, "unknown function bind"],
  ["Size(args.a) == 1", 0, "unknown function Size"],
  ["args.a.Matches('x')", 0, "unknown function Matches"],
  ["dyn(1) == 1", 0, "unknown function dyn"],
  ["startsWith(args.a, 'x')", 0, "startsWith is written string.startsWith(string)"],
  ["size() == 1", 0, "size is written size(string|list|map) or string|list|map.size()"],
  ["args.l.exists(x)", 0, "exists is written list.exists(element, condition)"],
  ["has(args)", 0, "has() takes a field, such as has(args.path)"],
  ["has(args['a'])", 0, "has() takes a field, such as has(args.path)"],
  ["args.l.exists(x, x.l.exists(y, y))", 17, "exists is inside of another macro"],
  ["args.l.exists(x, args.m.map(y, y) == [])", 17, "map is inside of another macro"],
  ["args.l.exists(args, true)", 0, "args has a meaning already; give the elements another name"],
  ["args.l.exists(string, true)", 0, "string has a meaning already"],
  ["args.l.exists(x.y, true)", 0, ""],
  ["args.a.startsWith(1)", 18, "startsWith does not take a number here"],
  ["'a'.startsWith(1)", 0, "found no matching overload for 'string.startsWith(double)'"],
  ["size(1) == 1", 0, "found no matching overload for 'size(double)'"],
  ["'a' + 1 == 'a1'", 0, "no such overload: string + double"],
  ["'a' == 1", 0, "no such overload: string == double"],
  ["now > 5", 0, "no such overload: google.protobuf.Timestamp > double"],
  ["1 && true", 0, "Logical operator requires bool operands, got 'double'"],
  ["int(now) == 'x'", 0, "no such overload: double == string"],
  ["int(findings) == 1", 0, "found no matching overload for 'int(list<Finding>)'"],
  ["findings[size(findings) - 1].count == 1", 0, "an index into this list has to be written out, such as [0]"],
  ["args.a.matches('(')", 15, "matches: not a pattern that RE2 knows"],
  ["args.a.matches('(?=a)')", 15, "matches: not a pattern that RE2 knows"],
  ["args.a.matches('(a)\\\\1')", 15, "matches: not a pattern that RE2 knows"],
  ["args.a.matches('(a{100}){100}')", 15, "matches: "],
  ["args.a.matches(args.p)", 20, "matches takes a text here that is written out, and nothing computed"],
  ["args.a.matches('a' + 'b')", 15, "matches takes a text here that is written out, and nothing computed"],
  ["now.getHours('Europe/Atlantis') == 1", 13, "getHours: zone must be an IANA time zone"],
  ["now.getHours(args.zone) == 1", 18, "getHours takes a text here that is written out"],
  ["businessHours(now, 'Mars', 'Mon', '09:00', '17:00')", 43, "businessHours: zone must be an IANA time zone"],
  ["businessHours(now, 'UTC', 'Moonday', '09:00', '17:00')", 46, "businessHours: days must be"],
  ["businessHours(now, 'UTC', 'Mon', '9', '17:00')", 38, "businessHours: from must be"],
  ["inCidr(args.ip, '10.0.0.0/33')", 16, "inCidr: the network must be written such as"],
  ["within(args.path, 'tmp')", 18, "within: the directory is not absolute"],
  ["within(args.path, '/tmp/..')", 18, "within: the directory has a segment of dots"],
  ["b'a' == b'a'", 0, "bytes and unsigned numbers are not supported"],
  ["1u == 1u", 0, "bytes and unsigned numbers are not supported"],
  ["args.a == 9007199254740993", 10, "an integer beyond ±(2^53 - 1) occurs in no call"],
  ["type(args.a) == int", 16, "every number is of the type double"],
  ["{1: true}[1]", 1, "the keys of a map are texts"],
  ["args.?a == 1", 5, "Expected IDENTIFIER, got QUESTION"],
  ["(".repeat(3_000), 20, "Exceeded maxDepth (20)"],
  [Array.from({ length: 300 }, () => "true").join(" && "), 0, "Exceeded maxAstNodes (500)"],
  [`1 in [${"1,".repeat(201)}1]`, 406, "Exceeded maxListElements (200)"],
  [`true //${"x".repeat(5_000)}`, 4_096, "a condition has at most 4096 characters"],
  ["args.__proto__.x == prototype", 20, "Reserved identifier: prototype"],
];

describe("a condition", () => {
  it.each(TRUE.map((source) => [source]))("holds: %s", (source) => {
    expect(compiled(source).evaluate(activation())).toEqual({ value: true });
    expect(compiled(`!(${source.replace(/\/\/.*/u, "")})`).evaluate(activation())).toEqual({ value: false });
  });

  it.each(ERRORS.map(([source, offset, message, field]) => ({ source, offset, message, field })))("errs and says where: $source", ({ source, offset, message, field }) => {
    expect(compiled(source).evaluate(activation())).toEqual({ error: { kind: "error", message, offset, ...(field === undefined ? {} : { field }) } });
  });

  it.each(REFUSED)("is refused at load: %s", (source, offset, message) => {
    const compilation = compileCondition(source);
    expect(compilation.ok ? "accepted" : compilation.message).toContain(message);
    if (offset > 0 && !compilation.ok) expect(compilation.offset).toBe(offset);
  });

  it("is tested on at least 150 expressions", () => {
    expect(TRUE.length + ERRORS.length + REFUSED.length).toBeGreaterThanOrEqual(150);
  });

  it.each([
    ["args.path == 'x'", [["path"]], [["path"]]],
    ["args.items.exists(i, i.amount > 5)", [["items"], ["items", "amount"]], [["items"], ["items", "amount"]]],
    ["has(args.a) && args.a > 1", [], [["a"]]],
    ["args.a > 1 && has(args.a)", [], [["a"]]],
    ["!has(args.a) || args.a > 1", [], [["a"]]],
    ["has(args.a) || args.a > 1", [["a"]], [["a"]]],
    ["has(args.a) ? args.a : args.b", [["b"]], [["a"], ["b"]]],
    ["!has(args.a) ? args.b : args.a", [["b"]], [["b"], ["a"]]],
    ["'a' in args && args.a", [], [["a"]]],
    ["has(args.m.a) && args.m.a", [["m"]], [["m", "a"], ["m"]]],
    ["args.l.exists(i, has(i.k) && i.k)", [["l"]], [["l"], ["l", "k"]]],
    ["args.l.filter(i, has(i.k)).size() > 0", [["l"]], [["l"], ["l", "k"]]],
    ["args.l.map(i, has(i.k), i.k) == []", [["l"]], [["l"], ["l", "k"]]],
    ["args[args.k] == args['b'].c[0].d", [["k"], ["b", "c", "d"]], [[], ["k"], ["b", "c", "d"]]],
    ["size(args) == 0", [], [[]]],
    ["agent.name == tool.name", [], []],
  ])("tells what it reads: %s", (source, unguarded, mentions) => {
    const node = parseCondition(source);
    if ("message" in node) throw new Error(node.message);
    const read = readPaths(node);
    expect(read.unguarded.map(({ path }) => String(path)).toSorted()).toEqual(unguarded.map(String).toSorted());
    expect(read.mentions.map(({ path }) => String(path)).toSorted()).toEqual(mentions.map(String).toSorted());
  });

  it("knows a server without a name as the empty text, and a listed tool as known", () => {
    const call = fakeCall({ server: { name: undefined, identity: null, transport: "http" }, definition: "ab".repeat(32) });
    expect(compiled('server.name == "" && tool.known && !has(tool.claims.readOnly)').evaluate(activationOf(call, [], NOW))).toEqual({ value: true });
  });

  it("takes the claims a server makes, and no others", () => {
    expect(readToolClaims({ readOnlyHint: true, openWorldHint: false, destructiveHint: "no", title: "x" })).toEqual({ readOnly: true, openWorld: false });
    for (const none of [undefined, null, [], "x"]) expect(readToolClaims(none)).toEqual({});
  });
});

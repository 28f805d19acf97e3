import vm from "node:vm";
import { afterEach, describe, expect, it } from "vitest";
import { canonicalJson } from "./canonical-json.ts";
import { snapshotJson, snapshotObject, type SnapshotOptions } from "./snapshot.ts";

const CANARY = "hunter2-the-secret";

const textOf = (live: unknown, options?: SnapshotOptions): string => {
  const taken = snapshotJson(live, options);
  return taken.ok ? taken.text : `refused: ${taken.reason}`;
};
const quickly = (live: unknown): string => {
  const start = performance.now();
  const text = textOf(live);
  expect(performance.now() - start).toBeLessThan(5_000);
  return text;
};

describe("an object that shows two faces", () => {
  it("is read once: a getter that flips cannot show one thing and send another", () => {
    let reads = 0;
    const flipping = Object.defineProperty({ command: "" }, "command", { enumerable: true, get: () => (reads++ === 0 ? "ls" : "rm -rf /") });
    const taken = snapshotJson({ list: [flipping] });
    expect(reads).toBe(1);
    expect(taken).toEqual({ ok: true, value: { list: [{ command: "ls" }] }, text: `{"list":[{"command":"ls"}]}` });
  });

  it("is read once where it is a Proxy", () => {
    const reads: PropertyKey[] = [];
    const proxy = new Proxy({ b: 1, a: 2 }, { get: (target, key, receiver) => (reads.push(key), Reflect.get(target, key, receiver)) });
    expect(textOf(proxy)).toBe(`{"a":2,"b":1}`);
    expect(reads).toEqual(["toJSON", "a", "b"]);
  });

  it("cannot change what was taken, however deep", () => {
    const live = { a: { b: [1, { c: "x" }] }, list: ["y"] };
    const taken = snapshotJson(live);
    live.a.b.push(2);
    live.list[0] = "z";
    Object.assign(live.a.b[1] as object, { c: "changed" });
    expect(taken).toEqual({ ok: true, value: { a: { b: [1, { c: "x" }] }, list: ["y"] }, text: `{"a":{"b":[1,{"c":"x"}]},"list":["y"]}` });
  });

  it("is not held on to by the snapshot, and a frozen one is copied as well", () => {
    const live = Object.freeze({ deep: Object.freeze({ list: Object.freeze([1]) }) });
    const taken = snapshotJson(live);
    expect(taken.ok && taken.value).not.toBe(live);
    expect(taken.ok && Reflect.get(Object(taken.value), "deep")).not.toBe(live.deep);
    expect(taken).toMatchObject({ text: `{"deep":{"list":[1]}}` });
  });

  it("is cut off from what it shares: one node in two places becomes two", () => {
    const shared = { x: 1 };
    const taken = snapshotObject({ a: shared, b: shared });
    expect(taken.ok && taken.value["a"] === taken.value["b"]).toBe(false);
    expect(taken).toMatchObject({ text: `{"a":{"x":1},"b":{"x":1}}` });
  });
});

describe("what JSON.stringify reads as something else", () => {
  class Point {
    x = 1;
    get y(): number {
      return 2;
    }
  }
  it.each([
    ["a Date", { at: new Date(0) }, `{"at":"1970-01-01T00:00:00.000Z"}`],
    ["an invalid Date", [new Date(Number.NaN)], "[null]"],
    ["toJSON with its key", { k: { toJSON: (key: string) => `key ${key}` } }, `{"k":"key k"}`],
    ["toJSON with its index", [0, { toJSON: (key: unknown) => [typeof key, key] }], `[0,["string","1"]]`],
    ["toJSON that answers an object", { toJSON: () => ({ b: 1, a: { toJSON: () => 2 } }) }, `{"a":2,"b":1}`],
    ["toJSON that answers nothing", { a: { toJSON: () => undefined }, b: 1 }, `{"b":1}`],
    ["toJSON that is no function", { toJSON: "plain" }, `{"toJSON":"plain"}`],
    ["a boxed string", Object("text"), `"text"`],
    ["a boxed number", [Object(1.5)], "[1.5]"],
    ["a boxed boolean", { a: Object(false) }, `{"a":false}`],
    ["a boxed string of another realm", [vm.runInNewContext("new String('far')")], `["far"]`],
    ["objects of another realm", vm.runInNewContext("({ b: [1], a: { c: null } })"), `{"a":{"c":null},"b":[1]}`],
    ["undefined members", { a: undefined, b: 1, c: undefined }, `{"b":1}`],
    ["holes and undefined items", [, undefined, 1], "[null,null,1]"], // oxlint-disable-line no-sparse-arrays -- holes are the point
    ["members that are not enumerable", Object.defineProperty({ a: 1 }, "hidden", { value: CANARY }), `{"a":1}`],
    ["members with symbol keys", { a: 1, [Symbol("s")]: CANARY }, `{"a":1}`],
    ["inherited members", Object.create({ inherited: CANARY }, { own: { value: 1, enumerable: true } }), `{"own":1}`],
    ["an object without a prototype", Object.assign(Object.create(null), { b: 2, a: 1 }), `{"a":1,"b":2}`],
    ["an instance of a class", new Point(), `{"x":1}`],
    ["a Map", new Map([[1, 2]]), "{}"],
    ["a Buffer", Buffer.from("hi"), `{"data":[104,105],"type":"Buffer"}`],
    ["a typed array of more than ten", new Uint8Array(11), `{"0":0,"1":0,"10":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"9":0}`],
    ["negative zero", [-0, { a: -0 }], `[0,{"a":0}]`],
    ["keys that look like indexes", { "10": "a", "9": "b", x: "c", "1": "d" }, `{"1":"d","10":"a","9":"b","x":"c"}`],
    ["a nested key that looks like an index", [{ z: { "2": 0, "10": 0 }, a: 0 }], `[{"a":0,"z":{"10":0,"2":0}}]`],
  ])("is taken as it would be sent: %s", (_what, live, text) => {
    expect(textOf(live)).toBe(text);
  });

  it("has its keys in canonical order in the value, too", () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`k${(n * 37) % 60}`, n]));
    const taken = snapshotObject({ b: many, a: 0 });
    expect(taken.ok && Object.keys(taken.value)).toEqual(["a", "b"]);
    expect(taken.ok && Object.keys(taken.value["b"] as object)).toEqual(Object.keys(many).toSorted());
  });
});

describe("what is refused, and where", () => {
  it.each([
    ["a function", { a: { b: () => CANARY } }, "/a/b: a function, which is not JSON"],
    ["a method", [{ run(): void {} }], "/0/run: a function, which is not JSON"],
    ["a function in a list", [1, () => CANARY], "/1: a function, which is not JSON"],
    ["a symbol", { a: Symbol(CANARY) }, "/a: a symbol, which is not JSON"],
    ["a bigint", { a: [10n] }, "/a/0: a bigint, which is not JSON"],
    ["a boxed bigint", { a: Object(10n) }, "/a: a bigint, which is not JSON"],
    ["a boxed symbol", { a: Object(Symbol(CANARY)) }, "/a: a symbol, which is not JSON"],
    ["NaN", [Number.NaN], "/0: NaN or an infinity, which is not JSON"],
    ["an infinity", { a: -Infinity }, "/a: NaN or an infinity, which is not JSON"],
    ["a boxed NaN", { a: Object(Number.NaN) }, "/a: NaN or an infinity, which is not JSON"],
    ["2^53", { n: 2 ** 53 }, "/n: an integer beyond ±(2^53-1); send it as a string"],
    ["-2^53", { n: -(2 ** 53) }, "/n: an integer beyond ±(2^53-1); send it as a string"],
    ["1e19", { n: [1e19] }, "/n/0: an integer beyond ±(2^53-1); send it as a string"],
    ["999999999999999900000", 999999999999999900000, "params: an integer beyond ±(2^53-1); send it as a string"],
    ["__proto__ as a key", JSON.parse(`{"a":[{"__proto__":"${CANARY}"}]}`), "/a/0/__proto__: the key __proto__"],
    ["a lone surrogate", { a: [`${CANARY}\ud800`] }, "/a/0: a lone surrogate"],
    ["a key with a lone surrogate", { a: { "x\udc00": CANARY } }, "/a/x?: a lone surrogate"],
    ["an escaped lone surrogate behind a backslash", [`\\ud800 is text, \ud800 is not`], "/0: a lone surrogate"],
    ["undefined", undefined, "params: not a JSON value"],
    ["a function alone", () => CANARY, "params: a function, which is not JSON"],
    ["toJSON that answers nothing at all", { toJSON: () => undefined }, "params: not a JSON value"],
    ["toJSON that answers a function", { a: { toJSON: () => () => CANARY } }, "/a: a function, which is not JSON"],
    ["a key with slashes, tildes and escapes", { "a/b~c\u001b[31m": Number.NaN }, "/a~1b~0c?[31m: NaN or an infinity, which is not JSON"],
    ["an empty key", { "": { "": Number.NaN } }, "//: NaN or an infinity, which is not JSON"],
  ])("%s", (_what, live, reason) => {
    const taken = snapshotJson(live);
    expect(taken).toEqual({ ok: false, reason });
    expect(taken.ok || taken.reason).not.toContain(CANARY);
  });

  it("names the place below where the value stands", () => {
    expect(textOf({ a: [1n] }, { at: "/arguments" })).toBe("refused: /arguments/a/0: a bigint, which is not JSON");
    expect(textOf(1n, { at: "/arguments" })).toBe("refused: /arguments: a bigint, which is not JSON");
    expect(snapshotObject([], { at: "/_meta" })).toEqual({ ok: false, reason: "/_meta: must be an object" });
    expect(snapshotObject("x")).toEqual({ ok: false, reason: "params: must be an object" });
    expect(snapshotObject(null, { at: "/arguments" })).toEqual({ ok: false, reason: "/arguments: must be an object" });
  });

  it("is short: long keys are cut", () => {
    const taken = snapshotJson({ ["k".repeat(100_000)]: 1n });
    expect(taken.ok || taken.reason.length).toBeLessThan(200);
  });

  it.each([
    ["a getter that throws", Object.defineProperty({}, "a", { enumerable: true, get: () => fail() })],
    ["toJSON that throws", [{ toJSON: () => fail() }]],
    ["a Proxy that throws", new Proxy({}, { ownKeys: () => fail() })],
    ["a revoked Proxy", { a: revoked() }],
    ["an error whose name throws", Object.defineProperty({}, "a", { enumerable: true, get: () => fail(Object.defineProperty(new Error(CANARY), "name", { get: () => fail() })) })],
    ["a thrown revoked Proxy", Object.defineProperty({}, "a", { enumerable: true, get: () => fail(revoked()) })],
    ["toJSON that calls itself for ever", { toJSON: (): unknown => endless() }],
  ])("refuses %s, keeps the cause, and never throws or quotes it", (_what, live) => {
    const taken = snapshotJson(live);
    expect(taken).toMatchObject({ ok: false, reason: expect.stringMatching(/: could not be read$/) });
    expect(Object.hasOwn(taken, "cause")).toBe(true);
  });
});

describe("what never ends or is too large (R34)", () => {
  it("refuses cycles", () => {
    const cycle: Record<string, unknown> = { a: 1 };
    cycle["self"] = { list: [cycle] };
    expect(quickly(cycle)).toMatch(/^refused: .*: nested deeper than 64$/);
  });

  it("takes depth 64 and refuses 65, for lists and objects alike", () => {
    const deep = (levels: number, wrap: (inner: unknown) => unknown) => Array.from({ length: levels }).reduce<unknown>((inner) => wrap(inner), 1);
    for (const wrap of [(inner: unknown) => [inner], (inner: unknown) => ({ a: inner }), (inner: unknown) => ({ toJSON: () => [inner] })]) {
      expect(textOf(deep(64, wrap))).toBe(textOf(JSON.parse(JSON.stringify(deep(64, wrap)))));
      expect(textOf(deep(65, wrap))).toMatch(/nested deeper than 64$/);
    }
    expect(textOf(deep(100_000, (inner) => [inner]))).toMatch(/nested deeper than 64$/);
    expect(textOf(deep(63, (inner) => [inner]), { depth: 2 })).not.toContain("refused");
    expect(textOf(deep(64, (inner) => [inner]), { depth: 2 })).toMatch(/nested deeper than 64$/);
  });

  it("refuses nodes that are shared along 2^60 paths", () => {
    const bomb = (leaf: unknown, wrap: (x: unknown) => unknown) => Array.from({ length: 60 }).reduce<unknown>((inner) => wrap(inner), leaf);
    expect(quickly(bomb({}, (x) => [x, x]))).toMatch(/larger than the limit/);
    expect(quickly(bomb({}, (x) => ({ a: x, b: x })))).toMatch(/larger than the limit/);
    expect(quickly(bomb([undefined], (x) => ({ a: x, toJSON: () => [x, x] })))).toMatch(/larger than the limit/);
    expect(quickly(bomb({ a: undefined }, (x) => [x, x]))).toMatch(/larger than the limit/);
  });

  it("refuses sparse lists by their length", () => {
    const sparse: unknown[] = [];
    sparse.length = 2 ** 32 - 1;
    expect(quickly({ sparse })).toBe("refused: /sparse: larger than the limit for one call");
  });

  it.each([Number.NaN, -1, -1e9, Infinity, 1.5, "2", null, undefined])("refuses a Proxy of a list that says its length is %s", (length) => {
    const liar = new Proxy([1], { get: (target, key) => (key === "length" ? length : Reflect.get(target, key)) });
    const bomb = Array.from({ length: 22 }).reduce<unknown>((inner) => [inner, inner], {});
    expect(quickly([liar, bomb])).toBe("refused: /0: a list without a length");
  });

  it("refuses one long string in many places before it is written out", () => {
    const long = "x".repeat(1_000_000);
    expect(quickly(Array.from({ length: 100_000 }, () => long))).toMatch(/larger than the limit/);
  });

  it("refuses a million keys", () => {
    expect(quickly(Object.fromEntries(Array.from({ length: 1_100_000 }, (_, n) => [`k${n}`, 0])))).toMatch(/larger than the limit/);
  });

  it.each([
    ["text", "x".repeat(98), `"${"x".repeat(98)}"`],
    ["two-byte text", "é".repeat(49), `"${"é".repeat(49)}"`],
    ["numbers", Array.from({ length: 49 }, () => 1), undefined],
    ["empty objects", Array.from({ length: 33 }, () => ({})), undefined],
    ["booleans", [...Array.from({ length: 19 }, () => true), 1], undefined],
    ["members", Object.fromEntries(Array.from({ length: 16 }, (_, n) => [String.fromCharCode(97 + n), 1])), undefined],
  ])("takes %s up to the very limit", (_what, live, text = JSON.stringify(live)) => {
    const size = Buffer.byteLength(text);
    expect(textOf(live, { maxBytes: size })).toBe(text);
    expect(textOf(live, { maxBytes: size - 1 })).toMatch(/^refused: .*larger than the limit for one call$/);
  });
});

describe("polluted prototypes", () => {
  afterEach(() => {
    for (const key of ["polluted", "a", "toJSON", "0"]) {
      Reflect.deleteProperty(Object.prototype, key);
      Reflect.deleteProperty(Array.prototype, key);
    }
  });

  it("add nothing: own keys only", () => {
    pollute(Object.prototype, "polluted", CANARY);
    pollute(Object.prototype, "a", CANARY);
    expect(textOf({ b: 1 })).toBe(`{"b":1}`);
    expect(textOf({ a: 1, list: [{}] })).toBe(`{"a":1,"list":[{}]}`);
  });

  it.each([Object.prototype, Array.prototype])("with a toJSON on %s cannot part the text from the value", (prototype) => {
    let calls = 0;
    pollute(prototype, "toJSON", () => (calls++ === 0 ? { list: [1], x: { y: 2 } } : CANARY));
    const taken = snapshotJson({ list: [1], x: { y: 2 } });
    expect(taken.ok && taken.text).toBe(taken.ok && canonicalJson(taken.value));
  });
});

function pollute(prototype: object, key: string, value: unknown): void {
  Object.defineProperty(prototype, key, { value, enumerable: true, configurable: true, writable: true });
}

function fail(error: unknown = new Error(CANARY)): never {
  throw error;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function endless(): unknown {
  return endless();
}

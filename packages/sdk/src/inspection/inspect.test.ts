import { describe, expect, it } from "vitest";
import { bindCall } from "../call/bind-call.ts";
import type { ReadCall } from "../call/call.ts";
import type { JsonObject, JsonValue } from "../call/json.ts";
import { fakeCall } from "../testing/fake-call.ts";
import { inspectCall, inspectResult, type FindingAction } from "./inspect.ts";
import type { Finding, Inspection } from "./inspection.ts";

const call: ReadCall = fakeCall({ arguments: { note: "mail jane@example.com, ssn 078-05-1120", id: 7 } });
const finding = (type: string, direction: Finding["direction"] = "input", where = "/note"): Finding => ({ type, group: "pii", direction, where });
const by =
  (actions: { readonly [type: string]: ReturnType<FindingAction> }): FindingAction =>
  ({ type }) =>
    actions[type] ?? "allow";

/** Finds a word wherever it occurs in texts, and redacts it. */
function wordInspection(type: string, word: string, log: string[] = []): Inspection {
  const redact = (value: JsonValue): JsonValue => {
    if (typeof value === "string") return value.replaceAll(word, `[${type}]`);
    if (value === null || typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map(redact);
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, redact(member)]));
  };
  const looking = (what: string, value: JsonValue, direction: Finding["direction"]): Finding[] => {
    log.push(`${type} looks at ${what}`);
    return JSON.stringify(value).includes(word) ? [finding(type, direction)] : [];
  };
  return {
    name: type,
    inspectCall: (seen) => looking(`call ${seen.argumentsText}`, seen.arguments, "input"),
    redactCall(seen, findings) {
      log.push(`${type} redacts ${findings.length}`);
      // An object redacts to an object.
      return redact(seen.arguments) as JsonObject;
    },
    inspectResult: async (_, result) => looking(`result ${JSON.stringify(result)}`, result, "output"),
    redactResult: async (_, result) => redact(result),
  };
}

const email = (log?: string[]): Inspection => wordInspection("email", "jane@example.com", log);
const ssn = (log?: string[]): Inspection => wordInspection("us_ssn", "078-05-1120", log);

describe("a call that is inspected", () => {
  it("is the very same where nothing is found", async () => {
    const seen = await inspectCall(call, { inspections: [wordInspection("jwt", "eyJ")] }, by({}), undefined);
    expect(seen).toEqual({ call, findings: [], action: undefined });
    expect(seen.call).toBe(call);
  });

  it("cannot be changed in passing: one that redacts in place, and says nothing, runs into an error, and what is bound is what runs", async () => {
    const inPlace: Inspection = {
      name: "in place",
      inspectCall({ arguments: inputs }) {
        Reflect.set(inputs, "note", "[gone]"); // where nothing is strict about it
        return [];
      },
    };
    const own = fakeCall({ arguments: { note: "ssn 078-05-1120" } });
    const read: ReadCall = { ...own, arguments: { ...own.arguments } };
    const seen = await inspectCall(read, { inspections: [inPlace] }, by({}), undefined);
    expect(seen.call.arguments).toEqual(JSON.parse(seen.call.argumentsText));
    const strict: Inspection = { name: "strict", inspectCall: ({ arguments: inputs }) => (Object.assign(inputs, { note: "[gone]" }), []) };
    await expect(inspectCall(read, { inspections: [strict] }, by({}), undefined)).rejects.toThrow(TypeError);
    expect(read.arguments).toEqual(own.arguments);
  });

  it("is redacted too where redactCall changes what it was given", async () => {
    const inPlace: Inspection = { name: "in place", inspectCall: () => [finding("us_ssn")], redactCall: ({ arguments: inputs }) => Object.assign(inputs, { note: "[gone]" }) };
    const { call: seen } = await inspectCall(call, { inspections: [inPlace] }, by({ us_ssn: "redact" }), undefined);
    expect(seen).toMatchObject({ arguments: { note: "[gone]", id: 7 }, argumentsText: '{"id":7,"note":"[gone]"}' });
    expect(call.arguments).toMatchObject({ id: 7, note: expect.stringContaining("078-05-1120") });
  });

  it("carries the findings of every inspection in order, and the strictest action", async () => {
    const port = { inspections: [email(), ssn()] };
    expect(await inspectCall(call, port, by({ email: "warn", us_ssn: "block" }), undefined)).toEqual({ call, findings: [finding("email"), finding("us_ssn")], action: "block" });
    expect(await inspectCall(call, port, by({ email: "warn" }), undefined)).toMatchObject({ action: "warn" });
    expect(await inspectCall(call, port, by({}), undefined)).toMatchObject({ action: "allow" });
  });

  it("is redacted before it is bound, and later inspections see it redacted", async () => {
    const log: string[] = [];
    const { action, call: seen } = await inspectCall(call, { inspections: [email(log), ssn(log)] }, by({ email: "redact", us_ssn: "redact" }), undefined);
    expect(action).toBe("redact");
    expect(seen.arguments).toEqual({ note: "mail [email], ssn [us_ssn]", id: 7 });
    expect(seen.argumentsText).toBe('{"id":7,"note":"mail [email], ssn [us_ssn]"}');
    expect(bindCall(seen, null).digest).toBe(fakeCall({ arguments: { note: "mail [email], ssn [us_ssn]", id: 7 } }).digest);
    expect(log).toEqual([
      'email looks at call {"id":7,"note":"mail jane@example.com, ssn 078-05-1120"}',
      "email redacts 1",
      'us_ssn looks at call {"id":7,"note":"mail [email], ssn 078-05-1120"}',
      "us_ssn redacts 1",
    ]);
    expect(call.arguments).toEqual({ note: "mail jane@example.com, ssn 078-05-1120", id: 7 });
  });

  it("is redacted of what the document says, and of nothing else", async () => {
    const given: number[] = [];
    const picky: Inspection = {
      name: "picky",
      inspectCall: () => [finding("email"), finding("phone"), finding("email", "input", "/cc")],
      redactCall(seen, findings) {
        given.push(findings.length);
        expect(findings.map(({ type, where }) => `${type} ${where}`)).toEqual(["email /note", "email /cc"]);
        return seen.arguments;
      },
    };
    await inspectCall(call, { inspections: [picky] }, by({ email: "redact", phone: "warn" }), undefined);
    expect(given).toEqual([2]);
  });

  it("does not run where an inspection that is told to redact cannot", async () => {
    const { redactCall: _, ...blind } = email();
    await expect(inspectCall(call, { inspections: [blind] }, by({ email: "redact" }), undefined)).rejects.toThrow(new TypeError("the inspection email cannot redact arguments"));
  });

  it.each<[string, unknown]>([
    ["no object", "redacted"],
    ["a list", []],
    ["nothing", undefined],
    ["not JSON", { note: () => "redacted" }],
    ["ambiguous JSON", { n: 2 ** 53 }],
  ])("does not run where what is redacted is %s", async (_, redacted) => {
    // Inspections are written in JavaScript too.
    const careless: Inspection = { name: "careless", inspectCall: () => [finding("email")], redactCall: () => redacted as JsonObject };
    await expect(inspectCall(call, { inspections: [careless] }, by({ email: "redact" }), undefined)).rejects.toThrow(/^redacted arguments are not plain JSON: /);
  });

  it.each<[string, Inspection["inspectCall"]]>([
    ["throws", () => { throw new Error("scanner down"); }],
    ["rejects", () => Promise.reject(new Error("scanner down"))],
  ])("does not run where an inspection %s", async (_, broken) => {
    const after: string[] = [];
    const inspections: Inspection[] = [{ name: "broken", ...(broken === undefined ? {} : { inspectCall: broken }) }, email(after)];
    await expect(inspectCall(call, { inspections }, by({}), undefined)).rejects.toThrow("scanner down");
    expect(after).toEqual([]);
  });

  const shape = "the inspection odd answered with a finding that lacks type, group or where";
  it.each<[string, unknown, string]>([
    ["true", true, "the inspection odd answered with something that is no list of findings"],
    ["a text", "email", "the inspection odd answered with something that is no list of findings"],
    ["an object", { type: "email" }, "the inspection odd answered with something that is no list of findings"],
    ["a list of texts", ["email"], shape],
    ["a list with a hole", [null], shape],
    ["a finding without a group", [{ type: "email", direction: "input", where: "" }], shape],
    ["a finding whose count is text", [{ ...finding("email"), count: "2" }], shape],
    ["a finding of a result", [finding("email", "output")], "the inspection odd answered with a finding of the other direction: it was looking at input"],
    ["a direction that does not exist", [{ ...finding("email"), direction: "sideways" }], "the inspection odd answered with a finding of the other direction: it was looking at input"],
  ])("does not run where an inspection answers with %s", async (_, answer, message) => {
    const odd: Inspection = { name: "odd", inspectCall: () => answer as Finding[] };
    await expect(inspectCall(call, { inspections: [odd] }, by({}), undefined)).rejects.toThrow(new TypeError(message));
  });

  it.each([undefined, null, []])("may be answered with %j where nothing was found", async (answer) => {
    const quiet: Inspection = { name: "quiet", inspectCall: () => answer as Finding[] };
    expect(await inspectCall(call, { inspections: [quiet, { name: "results only" }] }, by({}), undefined)).toEqual({ call, findings: [], action: undefined });
  });

  it("keeps of a finding what is known, so that a value in a stray member is recorded nowhere", async () => {
    const full: Finding = { ...finding("email"), start: 5, end: 21, count: 2 };
    const talkative: Inspection = { name: "talkative", inspectCall: () => [{ ...full, value: "jane@example.com" } as Finding] };
    const { findings } = await inspectCall(call, { inspections: [talkative] }, by({}), undefined);
    expect(findings).toEqual([full]);
    expect(JSON.stringify(findings)).not.toContain("jane");
  });

  it("may have very many findings", async () => {
    const noisy: Inspection = { name: "noisy", inspectCall: () => Array.from({ length: 300_000 }, () => finding("email")) };
    const seen = await inspectCall(call, { inspections: [noisy] }, by({ email: "warn" }), undefined);
    expect([seen.findings.length, seen.action]).toEqual([300_000, "warn"]);
  });

  it("hands its signal to inspections", async () => {
    const { signal } = new AbortController();
    const given: unknown[] = [];
    const listening: Inspection = { name: "listening", inspectCall: (_, one) => (given.push(one), []), inspectResult: (_call, _result, one) => (given.push(one), []) };
    await inspectCall(call, { inspections: [listening] }, by({}), signal);
    await inspectResult(call, {}, { inspections: [listening] }, by({}), signal);
    expect(given).toEqual([signal, signal]);
  });
});

describe("a result that is inspected", () => {
  const result = { content: [{ type: "text", text: "jane@example.com" }], isError: false };

  it("is the very object that the tool answered, unless something was redacted", async () => {
    const looked = await inspectResult(call, result, { inspections: [email(), ssn()] }, by({ email: "warn" }), undefined);
    expect(looked.result).toBe(result);
    expect(looked).toMatchObject({ findings: [finding("email", "output")], action: "warn" });
    const unseen = await inspectResult(call, result, { inspections: [{ name: "calls only", inspectCall: () => [] }] }, by({}), undefined);
    expect(unseen).toEqual({ result, findings: [], action: undefined });
    expect(unseen.result).toBe(result);
  });

  it("is redacted in a copy, and later inspections see it redacted", async () => {
    const log: string[] = [];
    const both = { content: [{ type: "text", text: "jane@example.com 078-05-1120" }] };
    const looked = await inspectResult(call, both, { inspections: [email(log), ssn(log)] }, by({ email: "redact", us_ssn: "redact" }), undefined);
    expect(looked.result).toEqual({ content: [{ type: "text", text: "[email] [us_ssn]" }] });
    expect(looked.action).toBe("redact");
    expect(log[1]).toBe('us_ssn looks at result {"content":[{"type":"text","text":"[email] 078-05-1120"}]}');
    expect(both.content[0]?.text).toBe("jane@example.com 078-05-1120");
  });

  it("is withheld where the document blocks a finding, whatever was redacted before", async () => {
    const both = { content: [{ type: "text", text: "jane@example.com 078-05-1120" }] };
    expect(await inspectResult(call, both, { inspections: [email(), ssn()] }, by({ email: "redact", us_ssn: "block" }), undefined)).toMatchObject({ action: "block" });
    expect(await inspectResult(call, both, { inspections: [ssn(), email()] }, by({ email: "redact", us_ssn: "block" }), undefined)).toMatchObject({ action: "block" });
  });

  it("cannot be changed by an inspection that only looks", async () => {
    const vandal: Inspection = {
      name: "vandal",
      inspectResult(_, seen) {
        // JavaScript does not read `readonly`.
        (seen as unknown as { content: unknown[] }).content.length = 0;
        return [];
      },
    };
    const looked = await inspectResult(call, result, { inspections: [vandal] }, by({}), undefined);
    expect(looked.result).toEqual({ content: [{ type: "text", text: "jane@example.com" }], isError: false });
  });

  it("may hold numbers that a call may not: it is not bound to a digest", async () => {
    const large = { structuredContent: { id: 2 ** 63, lone: "\ud800" } };
    const looked = await inspectResult(call, large, { inspections: [email()] }, by({}), undefined);
    expect(looked.result).toBe(large);
  });

  it("is withheld, by throwing, where it cannot be inspected", async () => {
    const port = { inspections: [email()] };
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    await expect(inspectResult(call, circular, port, by({}), undefined)).rejects.toThrow(TypeError);
    await expect(inspectResult(call, undefined, port, by({}), undefined)).rejects.toThrow("a result that is not JSON cannot be inspected");
    await expect(inspectResult(call, { n: 1n }, port, by({}), undefined)).rejects.toThrow(TypeError);
    const { redactResult: _, ...blind } = email();
    await expect(inspectResult(call, result, { inspections: [blind] }, by({ email: "redact" }), undefined)).rejects.toThrow(new TypeError("the inspection email cannot redact results"));
    const broken: Inspection = { name: "broken", inspectResult: () => Promise.reject(new Error("scanner down")) };
    await expect(inspectResult(call, result, { inspections: [broken] }, by({}), undefined)).rejects.toThrow("scanner down");
    const wrong: Inspection = { name: "wrong", inspectResult: () => [finding("email")] };
    await expect(inspectResult(call, result, { inspections: [wrong] }, by({}), undefined)).rejects.toThrow("other direction");
  });
});

import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../call/canonical-json.ts";
import type { JsonValue } from "../call/json.ts";
import { fakeApproval, fakeDecision, fakeIntent, fakeOutcome } from "./fixture/fake-entries.ts";
import type { DecisionEntry, OutcomeEntry } from "./entry.ts";
import { EMPTY_HEAD, hashRow, rowBody, rowLine } from "./row.ts";
import type { RecordEntry } from "./entry.ts";

// Lone surrogates included: a tool name that the strict parse refused is recorded too.
const text = fc.string({ unit: "binary", maxLength: 12 }).chain((plain) => fc.constantFrom(plain, `${plain}\ud800`, `\\ud800${plain}`));
const time = fc.integer({ min: 0, max: 4e12 });
const finding = fc.record({ where: text, type: text, group: text, direction: fc.constantFrom("input", "output"), count: fc.nat(), value: fc.constant("CANARY") });
const findings = fc.array(finding, { maxLength: 3 });

const outcome = fc.record(
  {
    type: fc.constant("outcome" as const),
    callId: text,
    at: time,
    elapsedMs: fc.double({ noNaN: false }),
    outcome: fc.constantFrom("completed", "failed", "withheld", "outcome_unknown"),
    isError: fc.boolean(),
    findings,
  },
  { requiredKeys: ["type", "callId", "at", "elapsedMs", "outcome"] },
) as fc.Arbitrary<OutcomeEntry>; // the literals above are of its types

const names = fc.array(text, { maxLength: 3 });
const entry = fc.oneof(
  fc.record(
    {
      type: fc.constant("decision" as const),
      callId: text,
      at: time,
      server: fc.option(text),
      tool: text,
      agent: text,
      reason: text,
      digest: fc.option(text),
      policies: names,
      decisive: names,
      findings,
      faults: fc.array(fc.record({ policy: text, source: text, message: text, field: text, line: fc.nat(), column: fc.nat(), value: fc.constant("CANARY") }, { requiredKeys: ["policy", "source", "message"] }), { maxLength: 2 }),
      wouldAction: fc.constantFrom("block", "warn"),
      wouldPolicies: names,
      retryAfterMs: fc.nat(),
      code: fc.constant("policy_block"),
      policyId: text,
      argumentsText: fc.constant("CANARY"),
    },
    { requiredKeys: ["type", "callId", "at", "server", "tool", "agent", "reason", "digest", "policies", "decisive", "findings", "policyId"] },
  ),
  outcome,
  fc.record({ type: fc.constant("approval" as const), callId: text, at: time, status: text, error: text, human: fc.boolean() }, { requiredKeys: ["type", "callId", "at"] }),
  fc.record({ type: fc.constant("intent" as const), callId: text, at: time, requestId: text }, { requiredKeys: ["type", "callId", "at"] }),
  fc.record({
    type: fc.constant("event" as const),
    event: fc.constant("gap"),
    at: time,
    detail: fc.dictionary(fc.oneof(text, fc.nat().map(String)), fc.oneof(text, fc.double(), fc.boolean(), names), { maxKeys: 4 }),
  }),
) as unknown as fc.Arbitrary<RecordEntry>; // fields are missing on purpose: absent ones must not appear

function hasOnlyWellFormedText(value: JsonValue): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, member]) => key.isWellFormed() && hasOnlyWellFormedText(member));
}

describe("rowBody", () => {
  it("is RFC 8785 text for every entry, with well-formed strings, and never holds arguments or found values", () => {
    fc.assert(
      fc.property(entry, fc.option(outcome, { nil: undefined }), fc.option(fc.nat(), { nil: undefined }), (row, result, argumentsRow) => {
        const body = rowBody(row, 7, EMPTY_HEAD.hash, argumentsRow, result);
        // JSON.parse yields JSON.
        const parsed = JSON.parse(body) as JsonValue;
        expect(canonicalJson(parsed)).toBe(body);
        expect(hasOnlyWellFormedText(parsed)).toBe(true);
        expect(body).not.toContain("CANARY");
      }),
      { numRuns: 3_000 },
    );
  });

  it("keeps every field of a full entry", () => {
    const full: DecisionEntry = fakeDecision(1, {
      code: "policy_throttle",
      retryAfterMs: 5,
      wouldAction: "block",
      wouldPolicies: ["p"],
      faults: [{ policy: "big", source: "rules.yaml", line: 7, column: 11, field: "args.amount", message: "No such key: amount" }],
      findings: [{ type: "email", group: "pii", direction: "input", where: "/to", count: 1 }],
    });
    const { argumentsText, ...kept } = full;
    const { type, callId, ...result } = fakeOutcome(1, { findings: [] });
    const body: unknown = JSON.parse(rowBody(full, 3, "00", 2, fakeOutcome(1, { findings: [] })));
    expect(body).toEqual({ ...kept, arguments: 2, outcome: result, prev: "00", seq: 3, v: 1 });
    expect([argumentsText !== undefined, type, callId]).toEqual([true, "outcome", "call-1"]);
    for (const part of [fakeApproval(2, { channel: "terminal", human: true, reason: "ok", error: "none" }), fakeIntent(3), fakeOutcome(4), fakeOutcome(5, { requestId: "request-5" })]) {
      expect(JSON.parse(rowBody(part, 3, "00"))).toEqual({ ...part, prev: "00", seq: 3, v: 1 });
    }
  });
});

describe("the hash of a row", () => {
  it("is SHA-256 over the domain, a zero byte and the text without the hash, which the line ends in", () => {
    const body = rowBody(fakeIntent(1), 2, EMPTY_HEAD.hash);
    expect(body).toBe(
      '{"approver":"jane@company.com","at":1769860800001,"callId":"call-1","digest":"0000000000000000000000000000000000000000000000000000000000000001","prev":"0000000000000000000000000000000000000000000000000000000000000000","requestId":"request-1","seq":2,"type":"intent","v":1}',
    );
    const independent = createHash("sha256").update("countersign/record/v1").update(Buffer.of(0)).update(body, "utf8").digest("hex");
    expect(hashRow(body)).toBe(independent);
    expect(hashRow(body)).toBe("5046301b2b92b80abd1672acd2f146a50814ff1151b8bda6643019e412406914");
    expect(rowLine(body, independent)).toBe(`${body.slice(0, -1)},"hash":"${independent}"}`);
  });

  it("is the same for an outcome without a request as before outcomes could name one", () => {
    expect(rowBody(fakeOutcome(1), 2, "00")).not.toContain("requestId");
    expect(hashRow(rowBody(fakeOutcome(1), 2, EMPTY_HEAD.hash))).toBe("0e24674505bb9592a74fcdd53588bbcb7356956c702687e9bc1673d691316afb");
  });
});

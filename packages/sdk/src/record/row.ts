/**
 * A row of the record, and the chain.
 * A row is one line: the RFC 8785 text of its fields with `,"hash":"…"` put before the last brace. The hash is SHA-256 over
 * "countersign/record/v1", 0x00 and that text without the hash; `prev` is in it. The verifier hashes the bytes it finds, so it
 * trusts no parser and no key order. Rows never hold arguments in the clear. Called by chain.ts (to write) and row-check.ts.
 */
import { hash } from "node:crypto";
import { canonicalJson } from "../call/canonical-json.ts";
import type { JsonObject } from "../call/json.ts";
import { parseJson } from "../call/parse-json.ts";
import type { SealedArguments } from "./cipher.ts";
import type { EventEntry, OutcomeEntry, RecordedFinding, RecordEntry } from "./entry.ts";

export const ROW_VERSION = 1;
const DOMAIN = "countersign/record/v1\0";

/** The last row of a record, or of the part of it one speaks of. `seq` 0: nothing has been written. */
export interface RecordHead {
  readonly seq: number;
  /** Hex SHA-256. */
  readonly hash: string;
}

export const EMPTY_HEAD: RecordHead = Object.freeze({ seq: 0, hash: "0".repeat(64) });

/** The text that is hashed: all fields but the hash. */
export type RowBody = string;

/** Hex SHA-256 of a row. */
export function hashRow(body: RowBody): string {
  return hash("sha256", DOMAIN + body, "hex");
}

/** The line as it is stored, without its line feed. */
export function rowLine(body: RowBody, rowHash: string): string {
  return `${body.slice(0, -1)},"hash":"${rowHash}"}`;
}

const EMPTY_DATA = '"data":""';

/** Length of `,"hash":"<64 hex digits>"}`. */
export const HASH_SUFFIX_LENGTH = 75;

/**
 * The body of one row. `argumentsRow` is the seq of the row that holds its sealed arguments; `outcome` joins a decision's row.
 * Literals below have their keys in sorted order, so that `JSON.stringify` is RFC 8785 text (4 times faster than sorting).
 */
export function rowBody(entry: RecordEntry, seq: number, prev: string, argumentsRow?: number, outcome?: OutcomeEntry): RowBody {
  if (entry.type === "event") return eventBody(entry, seq, prev);
  const text = JSON.stringify(fields(entry, seq, prev, argumentsRow, outcome));
  // JSON.stringify escapes lone surrogates, which RFC 8785 forbids and a verifier in another language would refuse.
  return text.includes("\\ud") ? JSON.stringify(fields(entry, seq, prev, argumentsRow, outcome), wellFormed) : text;
}

/** The body of the row that holds the arguments of the rows after it. */
export function argumentsBody(sealed: SealedArguments, at: number, seq: number, prev: string): RowBody {
  const { alg, data, iv, key, tag } = sealed;
  const text = JSON.stringify({ at, prev, sealed: { alg, data: "", iv, key, tag }, seq, type: "arguments", v: ROW_VERSION });
  // Base64 has nothing to escape; searching it for that takes as long as hashing it.
  const place = text.indexOf(EMPTY_DATA) + EMPTY_DATA.length - 1;
  return `${text.slice(0, place)}${data}${text.slice(place)}`;
}

function fields(
  entry: Exclude<RecordEntry, { type: "event" }>,
  seq: number,
  prev: string,
  argumentsRow: number | undefined,
  outcome: OutcomeEntry | undefined,
): object {
  switch (entry.type) {
    case "decision":
      return {
        action: entry.action,
        agent: entry.agent,
        arguments: argumentsRow,
        at: entry.at,
        callId: entry.callId,
        code: entry.code,
        decisive: entry.decisive,
        definition: entry.definition,
        digest: entry.digest,
        faults: entry.faults?.map(({ column, field, line, message, policy, source }) => ({ column, field, line, message, policy, source })),
        findings: findingFields(entry.findings),
        outcome: outcome === undefined ? undefined : outcomeFields(outcome),
        policies: entry.policies,
        policyId: entry.policyId,
        prev,
        principal: entry.principal,
        reason: entry.reason,
        reportedBy: entry.reportedBy,
        retryAfterMs: entry.retryAfterMs,
        seq,
        server: entry.server,
        session: entry.session,
        tool: entry.tool,
        type: "decision",
        user: entry.user,
        v: ROW_VERSION,
        wouldAction: entry.wouldAction,
        wouldPolicies: entry.wouldPolicies,
      };
    case "approval":
      return {
        approver: entry.approver,
        at: entry.at,
        callId: entry.callId,
        channel: entry.channel,
        digest: entry.digest,
        elapsedMs: entry.elapsedMs,
        error: entry.error,
        human: entry.human,
        prev,
        reason: entry.reason,
        reportedBy: entry.reportedBy,
        requestDigest: entry.requestDigest,
        requestId: entry.requestId,
        seq,
        status: entry.status,
        type: "approval",
        v: ROW_VERSION,
      };
    case "intent":
      return {
        approver: entry.approver,
        at: entry.at,
        callId: entry.callId,
        digest: entry.digest,
        prev,
        reportedBy: entry.reportedBy,
        requestId: entry.requestId,
        seq,
        type: "intent",
        v: ROW_VERSION,
      };
    case "outcome": {
      const { at, elapsedMs, findings, isError, outcome: result } = outcomeFields(entry);
      return { at, callId: entry.callId, elapsedMs, findings, isError, outcome: result, prev, reportedBy: entry.reportedBy, requestId: entry.requestId, seq, type: "outcome", v: ROW_VERSION };
    }
  }
}

function outcomeFields(entry: OutcomeEntry) {
  return {
    at: entry.at,
    elapsedMs: entry.elapsedMs,
    findings: entry.findings === undefined ? undefined : findingFields(entry.findings),
    isError: entry.isError,
    outcome: entry.outcome,
  };
}

/** Only these five, whatever else a finding carries: the value that was found must never get here. */
function findingFields(findings: readonly RecordedFinding[]) {
  return findings.length === 0 ? findings : findings.map(({ count, direction, group, type, where }) => ({ count, direction, group, type, where }));
}

/** Details are free, and flat: their keys are sorted here. Those that begin with a digit come in an order of their own in any object. */
function eventBody(entry: EventEntry, seq: number, prev: string): RowBody {
  const { at, event, type } = entry;
  const members = Object.entries(entry.detail);
  if (members.every(([key, value]) => !BEGINS_WITH_DIGIT.test(key) && isFlat(value))) {
    const detail = Object.fromEntries(members.toSorted(([one], [other]) => (one < other ? -1 : 1)));
    const text = JSON.stringify({ at, detail, event, prev, seq, type, v: ROW_VERSION });
    if (!text.includes("\\ud")) return text;
  }
  const detail = Object.fromEntries(members.map(([key, value]) => [key.toWellFormed(), value]));
  // A round trip through JSON yields JSON: no undefined, no NaN, no lone surrogates.
  const plain = parseJson(JSON.stringify({ at, detail, event, prev, seq, type, v: ROW_VERSION }, wellFormed)) as JsonObject;
  return canonicalJson(plain);
}

const BEGINS_WITH_DIGIT = /^[0-9]/;

/** As the type says. What a caller in JavaScript puts there besides is sorted all the way down. */
function isFlat(value: unknown): boolean {
  return value === null || typeof value !== "object" || (Array.isArray(value) && value.every((item) => typeof item === "string"));
}

function wellFormed(_key: string, value: unknown): unknown {
  return typeof value === "string" ? value.toWellFormed() : value;
}

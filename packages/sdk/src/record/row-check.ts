/**
 * Checks one row after another, trusting nothing but SHA-256: form, hash, place in the chain. It says what is wrong with the
 * first row that does not belong; everything before it is intact. Called by verify-record.ts, and by look-back.ts.
 */
import { canonicalJson } from "../call/canonical-json.ts";
import { decodeUtf8 } from "../call/decode-utf8.ts";
import type { JsonObject } from "../call/json.ts";
import { parseJson } from "../call/parse-json.ts";
import { EMPTY_HEAD, hashRow, HASH_SUFFIX_LENGTH, ROW_VERSION } from "./row.ts";
import type { RecordHead } from "./row.ts";

export const ROW_PROBLEMS = [
  "not_a_row", // the line is no JSON object that ends in a hash, or not UTF-8
  "wrong_hash", // the line was changed after it was written
  "not_canonical", // its hash fits and its text is not what a recorder writes: keys twice, out of order, other spellings
  "unknown_version", // a row of a format this verifier does not know
  "wrong_sequence", // rows are missing, twice, or out of order
  "broken_chain", // it does not follow from the row before
  "not_opened", // the first row is not the event `record_opened`
  "after_closing_row", // something follows the closing row
  "trailing_garbage", // what follows the last line is no beginning of a row
] as const;
export type RowProblemCode = (typeof ROW_PROBLEMS)[number];

export interface RowProblem {
  readonly code: RowProblemCode;
  readonly message: string;
}

/** A row whose hash and place are right. */
export interface CheckedRow {
  readonly seq: number;
  readonly hash: string;
  readonly body: JsonObject;
}

export class RowChecker {
  #head: RecordHead;
  #closed = false;

  /** `after`: the row before the first, where not the whole record is checked. */
  constructor(after: RecordHead = EMPTY_HEAD) {
    this.#head = after;
  }

  /** The last row that was right. */
  get head(): RecordHead {
    return this.#head;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Checks the next line. After a problem the checker stays where it is. */
  check(line: Buffer): CheckedRow | RowProblem {
    if (this.#closed) return problem("after_closing_row", "The record was closed in the row before, and nothing may follow it.");
    const text = decodeUtf8(line);
    const parts = text === undefined ? undefined : splitHash(text);
    if (parts === undefined) return problem("not_a_row", "This line is not a row of a record.");
    const body = parseObject(parts.body);
    if (body === undefined) return problem("not_a_row", "This line is not a row of a record.");
    if (hashRow(parts.body) !== parts.hash) return problem("wrong_hash", "This row was changed after it was written: its hash does not fit it.");
    if (!isCanonical(body, parts.body)) return problem("not_canonical", "This row was not written by a recorder: its text is not canonical (RFC 8785).");
    return this.#place(body, parts.hash);
  }

  /** What follows the last line feed: a torn row (undefined), which a crash leaves behind, or a problem. */
  checkRest(rest: Buffer): RowProblem | undefined {
    if (this.#closed) return problem("after_closing_row", "The record was closed in the row before, and nothing may follow it.");
    // A power cut may leave zeros where data was to come.
    if (rest.every((byte) => byte === 0) || looksLikeRowStart(rest)) return undefined;
    return problem("trailing_garbage", "What follows the last row is not the beginning of a row.");
  }

  #place(body: JsonObject, hash: string): CheckedRow | RowProblem {
    const { seq, prev, v } = body;
    const wanted = this.#head.seq + 1;
    if (v !== ROW_VERSION) return problem("unknown_version", `This row has version ${JSON.stringify(v)}; this verifier knows version ${ROW_VERSION}.`);
    if (seq !== wanted) return problem("wrong_sequence", `Row ${wanted} is expected here and row ${JSON.stringify(seq)} found: rows are missing, repeated or out of order.`);
    if (prev !== this.#head.hash) return problem("broken_chain", "This row does not follow from the row before it: one of them was replaced.");
    if (wanted === 1 && body["event"] !== "record_opened") return problem("not_opened", "The first row does not open a record.");
    this.#head = { seq: wanted, hash };
    this.#closed = body["event"] === "record_closed" && body["type"] === "event";
    return { seq: wanted, hash, body };
  }
}

function problem(code: RowProblemCode, message: string): RowProblem {
  return { code, message };
}

export function isRowProblem(result: CheckedRow | RowProblem): result is RowProblem {
  return "code" in result;
}

/** The detail of an event row; empty for other rows. */
export function detailOf(body: JsonObject): JsonObject {
  const { detail } = body;
  // An array has no named members and does no harm here.
  return typeof detail === "object" && detail !== null ? (detail as JsonObject) : {};
}


const HASH_SUFFIX = /^,"hash":"[0-9a-f]{64}"\}$/;

function splitHash(line: string): { readonly body: string; readonly hash: string } | undefined {
  const suffix = line.slice(-HASH_SUFFIX_LENGTH);
  if (!HASH_SUFFIX.test(suffix)) return undefined;
  return { body: `${line.slice(0, -HASH_SUFFIX_LENGTH)}}`, hash: suffix.slice(9, 73) };
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value = parseJson(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** Also refuses a second "hash": another parser might take the other one. */
function isCanonical(body: JsonObject, text: string): boolean {
  if (Object.hasOwn(body, "hash")) return false;
  try {
    return canonicalJson(body) === text;
  } catch {
    return false; // nested too deep to be one of ours
  }
}

/** A row begins with a brace and a quoted key, and holds no line feed and no control character. */
function looksLikeRowStart(rest: Buffer): boolean {
  const zeros = rest.indexOf(0);
  const written = zeros >= 0 && rest.subarray(zeros).every((byte) => byte === 0) ? rest.subarray(0, zeros) : rest;
  const start = written.toString("latin1");
  return /^\{(?:$|"[a-zA-Z]*(?:$|"(?:$|:(?:$|[^ ]))))/.test(start) && written.every((byte) => byte >= 0x20);
}

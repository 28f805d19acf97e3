/**
 * Text as it stands in a column that is looked up by. Columns are compared, never shown, and both databases must say the same
 * of any text: so what PostgreSQL cannot hold (NUL), what UTF-8 cannot (lone surrogates) and what an index cannot (long text)
 * is replaced by a stand-in, one for each text.
 */
import { hash } from "node:crypto";
import type { ColumnValue } from "./tables.ts";

/** A third of what fits into an index page of PostgreSQL (2,704 bytes), at up to three bytes each. */
const LONGEST = 256;
const MARK = "\u0001";

export function columnText(value: string): string {
  if (value.length > LONGEST) return `${MARK}sha256:${hash("sha256", JSON.stringify(value), "hex")}`;
  return isPlain(value) ? value : `${MARK}json:${JSON.stringify(value)}`;
}

/** A stand-in says nothing by itself: what was meant is kept elsewhere. */
export function isStandIn(value: string): boolean {
  return value.startsWith(MARK);
}

export function columnValue(value: ColumnValue): ColumnValue {
  if (typeof value === "string") return columnText(value);
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new TypeError(`a column cannot hold ${value}: whole numbers up to 2^53 only`);
  return value;
}

/** Ids and tenants are shown as they are stored, so they must be what both databases hold. */
export function assertName(value: string, what: "id" | "tenant"): void {
  if (!isName(value)) throw new TypeError(`${what} must be 1 to ${LONGEST} characters of well-formed text without control marks`);
}

/** Nothing is stored under what is none. */
export function isName(value: string): boolean {
  return value !== "" && value.length <= LONGEST && isPlain(value);
}

function isPlain(value: string): boolean {
  return value.isWellFormed() && !value.includes("\0") && !isStandIn(value);
}

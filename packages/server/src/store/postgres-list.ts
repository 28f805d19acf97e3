/** Lists as PostgreSQL takes them in its binary form: as text, each quotation mark of a row of JSON would be escaped here and unescaped there. */
import type { ColumnValue } from "./tables.ts";

const OID = { bigint: 20, text: 25 } as const;
const HEADER_BYTES = 20;

/** One dimension that is counted from 1. A Buffer is what pg sends as it is. */
export function listParameter(type: keyof typeof OID, values: readonly ColumnValue[]): Buffer {
  const lengths = values.map((value) => (value === null ? -1 : type === "bigint" ? 8 : Buffer.byteLength(String(value))));
  const list = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + 4 + Math.max(0, length), HEADER_BYTES));
  list.writeInt32BE(1, 0);
  list.writeInt32BE(lengths.includes(-1) ? 1 : 0, 4);
  list.writeInt32BE(OID[type], 8);
  list.writeInt32BE(values.length, 12);
  list.writeInt32BE(1, 16);
  let at = HEADER_BYTES;
  for (const [index, value] of values.entries()) {
    at = list.writeInt32BE(lengths[index] ?? -1, at);
    if (value === null) continue;
    if (type === "bigint") at = list.writeBigInt64BE(BigInt(value), at);
    else at += list.write(String(value), at, "utf8");
  }
  return list;
}

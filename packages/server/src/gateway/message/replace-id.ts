/** A response under another id, all its other bytes as they came: results are never written anew on the way back. */
import { replaceValues } from "./member-place.ts";

const ID = ["id"];

/**
 * `line` is a JSON object whose own `id` is the string `from`; `to` is the JSON text that takes its place. Undefined where the id cannot be
 * found in the bytes, as in a text that is no UTF-8.
 */
export function replaceId(line: Buffer, from: string, to: string): Buffer | undefined {
  const token = Buffer.from(JSON.stringify(from));
  const first = line.indexOf(token);
  // Where it is in there once, as our own spelling, no other place could be it.
  if (first < 0 || line.indexOf(token, first + 1) >= 0) return replaceValues(line, [{ path: ID, to }]);
  return Buffer.concat([line.subarray(0, first), Buffer.from(to), line.subarray(first + token.length)]);
}

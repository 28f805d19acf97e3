/**
 * What may not even be parsed (R34): a message so deep or of so many parts that reading it would keep everybody else waiting. One pass over
 * the bytes, strings skipped at the speed of a search, before any other work. Whether the text is JSON is found out later.
 */
import { INVALID_REQUEST } from "./read-client-message.ts";

const MAX_DEPTH = 1_000;
/** Members of objects and items of lists, all together. */
const MAX_PARTS = 200_000;
/** Shorter ones cannot be expensive. */
const SMALL = 64 * 1024;

const TOO_MANY = Object.freeze({ code: INVALID_REQUEST, reason: `the message has more than ${MAX_PARTS} parts` });

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Undefined where it may be read. */
export function whyTooComplex(bytes: Buffer): { readonly code: number; readonly reason: string } | undefined {
  if (bytes.length <= SMALL) return undefined;
  let [depth, parts, strings] = [0, 0, 0];
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfString(bytes, at);
        if (++strings > 2 * MAX_PARTS + 2) return TOO_MANY;
        break;
      case 0x7b: // {
      case 0x5b: // [
        if (++depth > MAX_DEPTH) return { code: INVALID_REQUEST, reason: `the message is deeper than ${MAX_DEPTH}` };
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        break;
      case 0x2c: // ,
        if (++parts > MAX_PARTS) return TOO_MANY;
        break;
      default: // what stands between them
    }
  }
  return undefined;
}

/** The place of the quote that ends the string which begins here. */
function endOfString(bytes: Buffer, start: number): number {
  for (let from = start + 1; ; ) {
    const quote = bytes.indexOf(QUOTE, from);
    if (quote < 0) return bytes.length;
    let before = quote;
    while (bytes[before - 1] === BACKSLASH) before--;
    if ((quote - before) % 2 === 0) return quote;
    from = quote + 1;
  }
}

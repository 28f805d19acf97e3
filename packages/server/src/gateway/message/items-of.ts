/** Where the items of a list stand in the bytes of a JSON text. */
import { endOfValue, skipSpace, type Place } from "./member-place.ts";

const LIST = 0x5b;
const COMMA = 0x2c;
const LIST_END = 0x5d;

/** `list`: the place of the list, in a text that was parsed before. Nothing where it is none. */
export function itemsOf(text: Buffer, list: Place): readonly Place[] {
  const items: Place[] = [];
  if (text[list.start] !== LIST) return items;
  let at = skipSpace(text, list.start + 1);
  while (at < list.end && text[at] !== LIST_END) {
    const end = endOfValue(text, at);
    items.push({ start: at, end });
    at = skipSpace(text, end);
    if (text[at] !== COMMA) break;
    at = skipSpace(text, at + 1);
  }
  return items;
}

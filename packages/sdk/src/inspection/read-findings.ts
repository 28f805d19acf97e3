/** What an inspection answered, as findings that may be judged and recorded. Whatever else it answered throws, and so blocks. */
import type { Finding } from "./inspection.ts";

/**
 * Copies the known members of each finding and nothing else: a stray member could hold what was found, and findings are recorded.
 * Throws TypeError for anything that is no list of findings of this direction; nothing at all is an empty list.
 */
export function readFindings(answer: unknown, inspection: string, direction: Finding["direction"]): readonly Finding[] {
  if (answer === undefined || answer === null) return [];
  if (!Array.isArray(answer)) throw new TypeError(`the inspection ${inspection} answered with something that is no list of findings`);
  return answer.map((one: unknown) => {
    if (!isFinding(one)) throw new TypeError(`the inspection ${inspection} answered with a finding that lacks type, group or where`);
    if (one.direction !== direction) throw new TypeError(`the inspection ${inspection} answered with a finding of the other direction: it was looking at ${direction}`);
    const { type, group, where, start, end, count } = one;
    return {
      type,
      group,
      direction,
      where,
      ...(start === undefined ? {} : { start }),
      ...(end === undefined ? {} : { end }),
      ...(count === undefined ? {} : { count }),
    };
  });
}

function isFinding(one: unknown): one is Finding {
  if (one === null || typeof one !== "object") return false;
  const text = (key: string): boolean => typeof Reflect.get(one, key) === "string";
  const numeral = (key: string): boolean => ["number", "undefined"].includes(typeof Reflect.get(one, key));
  return ["type", "group", "direction", "where"].every(text) && ["start", "end", "count"].every(numeral);
}

/** One evaluation: its variables, the item its macro is at, and what it may still spend. */
import { Fault } from "./fault.ts";
import type { Value, ValueMap } from "./value.ts";

/** What one evaluation may cost: an element looked at is 1, and so are 256 characters. */
const MAX_VISITS = 100_000;
/** Elements of a list that a macro or `in` may look at. */
const MAX_ITEMS = 10_000;
/** Characters that all `matches` of one evaluation may read, times the weight of their patterns. */
const MAX_PATTERN_INPUT = 65_536;
/** Of a text put together by `+`. */
export const MAX_TEXT = 8_388_608;

/** What a step returns once the budget is gone. The evaluation is over budget then, whatever comes of it. */
export const OVER = new Fault("over budget");

export class Run {
  readonly variables: ValueMap;
  item: Value = null;
  /** What the budget ended on; undefined while it lasts. */
  over: string | undefined;
  #visits = MAX_VISITS;
  #patternInput = MAX_PATTERN_INPUT;

  constructor(variables: ValueMap) {
    this.variables = variables;
  }

  /** False once the budget is gone: return OVER. */
  spend(visits: number): boolean {
    this.#visits -= visits;
    if (this.#visits < 0) this.over ??= `it looks at more than ${MAX_VISITS.toLocaleString("en-US")} elements`;
    return this.over === undefined;
  }

  spendText(length: number): boolean {
    return this.spend(1 + (length >> 8));
  }

  /** `weight` is 1 for small patterns and patterns without repeats. */
  spendPattern(length: number, weight: number): boolean {
    this.#patternInput -= length * weight;
    if (this.#patternInput < 0) this.over ??= `\`matches\` reads more than ${Math.floor(MAX_PATTERN_INPUT / weight).toLocaleString("en-US")} characters`;
    return this.spendText(length);
  }

  /** False where a list is too long to be looked through. */
  enter(items: number): boolean {
    if (items > MAX_ITEMS) this.over ??= `a list is longer than ${MAX_ITEMS.toLocaleString("en-US")}`;
    return this.over === undefined;
  }
}

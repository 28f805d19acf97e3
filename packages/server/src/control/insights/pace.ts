/**
 * How quickly people decide, and what that can tell. Nobody records when somebody began to read; but before a call was asked about nobody
 * can have read it. So the time from the question to the yes is the most that anybody had, and a yes that came sooner than the
 * call can be read was not read. The other way round nothing follows: a slow yes may be as blind. Pure. Called by summarise.ts.
 */
import { VIEW_FREE_LENGTH } from "@countersign/sdk/wire";

/** To see what is there at all, and to press the button. */
const LOOK_MS = 2_000;
/** Faster than anybody reads: four times the rate of a quick reader. */
const CHARACTERS_PER_SECOND = 200;
/** Fewer say nothing about a person. */
const FEWEST = 5;

export interface Weighed {
  readonly guarded: boolean;
  readonly length: number | null;
}

export function isLong({ length }: Weighed): boolean {
  return (length ?? 0) > VIEW_FREE_LENGTH;
}

/** The policies ask for more than one yes, or there is more to read than fits a screen. */
export function isHeavy(call: Weighed): boolean {
  return call.guarded || isLong(call);
}

/** No call of this length was read in less, in milliseconds. */
export function leastReadingMs(length: number | null): number {
  return LOOK_MS + ((length ?? 0) / CHARACTERS_PER_SECOND) * 1000;
}

/** The warning: of at least five approvals of heavy calls, more than half came sooner than the call can be read. */
export function isRubberStamp({ approvals, quick }: { readonly approvals: number; readonly quick: number }): boolean {
  return approvals >= FEWEST && quick * 2 > approvals;
}

export interface Pace {
  /** The middle, or half way between the two in the middle. Null where there is none. */
  readonly medianMs: number | null;
  /** The shortest time that 95 of 100 do not exceed (nearest rank). */
  readonly p95Ms: number | null;
}

export function paceOf(times: readonly number[]): Pace {
  // A typed array is sorted as numbers, and many times faster.
  const sorted = Float64Array.from(times).toSorted();
  const middle = sorted.length / 2;
  const [one, other] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  const medianMs = one === undefined || other === undefined ? null : (one + other) / 2;
  return { medianMs, p95Ms: sorted[Math.ceil(0.95 * sorted.length) - 1] ?? null };
}

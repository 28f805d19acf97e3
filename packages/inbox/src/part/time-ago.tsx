/** A moment, relative; absolute for whoever points at it. */
import { absoluteTime, agoWords } from "./time-words.ts";

export function TimeAgo({ at, now }: { readonly at: number; readonly now: number }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={absoluteTime(at)}>
      {agoWords(at, now)}
    </time>
  );
}

/** Watching a call from outside the flow: the port that otel/ implements. Whatever it does, no verdict changes. */
import type { CallStory } from "./story.ts";

export interface Observation {
  /** Trace context to send along in `_meta`. */
  readonly carrier: { readonly [key: string]: string };
  /** Runs `fn` with this call as the active context. */
  run<T>(fn: () => T): T;
  /** The story has ended. */
  end(story: CallStory): void;
}

export interface ObservePort {
  /** The story has begun; only its reading is known. */
  begin(story: CallStory): Observation;
}

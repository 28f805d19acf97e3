/**
 * Whether a yes comes from somebody who was shown the whole call. A place that shows less than everything has no digest to name, and a
 * call that does not fit a screen is approved by digest only. It is the places that show; this can but compare. Pure.
 */
import { hash } from "node:crypto";
import { VIEW_FREE_LENGTH, viewText } from "@countersign/sdk/wire";
import type { BoundText } from "./bound-text.ts";
import { refusal } from "./move.ts";
import type { RequestRefusal, VoteBody } from "./requests.ts";

/** Undefined where nothing speaks against the vote. `bound` undefined: the arguments were erased. */
export function checkViewed({ choice, viewedDigest, requestDigest }: VoteBody, bound: BoundText | undefined): RequestRefusal | undefined {
  if (choice === "deny") return undefined;
  if (bound === undefined) return refusal("not_viewed", "The arguments were erased: nobody can see what would run.");
  const { argumentsText, contextText } = bound;
  if (viewedDigest === null) {
    const isShort = argumentsText.length + contextText.length <= VIEW_FREE_LENGTH;
    return isShort ? undefined : refusal("not_viewed", "The whole call must be shown before it can be approved.");
  }
  const shown = hash("sha256", viewText({ requestDigest, argumentsText, contextText }), "hex");
  return shown === viewedDigest ? undefined : refusal("not_viewed", "What was shown is not this call.");
}

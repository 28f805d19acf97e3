/** What a verdict means for a call, in a word and a colour. */
import type { trial } from "@countersign/sdk/contract";

type VerdictKind = trial.VerdictKind;

export const KIND_WORDS: Readonly<Record<VerdictKind, { readonly word: string; readonly means: string; readonly tone: string }>> = {
  allow: { word: "allow", means: "it runs", tone: "yes" },
  warn: { word: "warn", means: "it runs, and is recorded as a warning", tone: "doubt" },
  throttle: { word: "throttle", means: "it runs, while under its rate", tone: "doubt" },
  throttled: { word: "throttle: refused", means: "over its rate; it does not run", tone: "no" },
  block: { word: "block", means: "it runs only after a yes", tone: "wait" },
  never: { word: "block: refused", means: "nobody can let it run", tone: "no" },
};

export function KindMark({ kind }: { readonly kind: VerdictKind }) {
  const { word, means, tone } = KIND_WORDS[kind];
  return (
    <span className={`badge badge-${tone}`} title={means}>
      {word}
    </span>
  );
}

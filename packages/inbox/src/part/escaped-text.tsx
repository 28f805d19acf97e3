/**
 * Text from an agent, a server or a policy, through the SDK's encoder: the same characters as in the terminal. What was escaped is marked.
 * It is always one text node after another, never markup, and isolated so that it cannot reorder what stands beside it.
 */
import { describeScripts, escapeText } from "@countersign/sdk/display";
import { memo } from "react";
import "./escaped-text.css";

export interface EscapedTextProps {
  readonly text: string;
  /** Between double quotes, so that white space at the ends is seen. */
  readonly quoted?: boolean;
  readonly className?: string;
}

const ESCAPES = /(\\(?:u\{[0-9A-F]+\}|[nrt\\"]))/;

export const EscapedText = memo(function EscapedText({ text, quoted = false, className }: EscapedTextProps) {
  const shown = escapeText(text, { quoted });
  return (
    <bdi dir="ltr" className={className === undefined ? "escaped" : `escaped ${className}`}>
      {quoted ? '"' : null}
      <MarkedText shown={shown} />
      {quoted ? '"' : null}
    </bdi>
  );
});

/** What the encoder made, with its escapes marked; the characters stay the same. */
export function MarkedText({ shown }: { readonly shown: string }) {
  if (!shown.includes("\\")) return shown;
  return shown.split(ESCAPES).map((part, index) => (index % 2 === 0 ? part : <span key={index} className={part.startsWith("\\u") ? "hidden-char" : "escape"}>{part}</span>));
}

/** What eyes cannot tell about a text: letters of several scripts, look-alikes. Made of code point numbers, never of the text. */
export const ScriptNote = memo(function ScriptNote({ text }: { readonly text: string }) {
  const note = describeScripts(text);
  return note === undefined ? null : <span className="script-note">Look closely: {note}.</span>;
});

/** How the editor looks: the colours of the page, which reach into its shadow tree. */
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView, highlightSpecialChars } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const theme = EditorView.theme({
  "&": { height: "100%", color: "var(--text)", backgroundColor: "var(--surface)", fontSize: "0.8125rem" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6", fontVariantLigatures: "none", overscrollBehavior: "contain" },
  ".cm-content": { caretColor: "var(--text)", paddingBlock: "8px" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--text-muted)", borderInlineEnd: "1px solid var(--line)" },
  ".cm-activeLine": { backgroundColor: "color-mix(in oklab, var(--text), transparent 96%)" },
  ".cm-activeLineGutter": { backgroundColor: "color-mix(in oklab, var(--text), transparent 92%)", color: "var(--text)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-soft)", outline: "1px solid var(--accent)" },
  "&.cm-focused .cm-nonmatchingBracket": { backgroundColor: "var(--no-soft)" },
  ".cm-specialChar": { color: "var(--hidden)", backgroundColor: "var(--hidden-soft)", borderRadius: "3px" },
  ".cm-placeholder": { color: "var(--text-muted)" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line)", borderRadius: "8px", boxShadow: "var(--shadow-high)", fontFamily: "var(--font)", maxInlineSize: "min(420px, 90vw)", zIndex: "20" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxBlockSize: "240px", padding: "4px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "4px 8px", borderRadius: "5px", lineHeight: "1.4" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--accent-text)" },
  ".cm-completionDetail": { marginInlineStart: "12px", fontStyle: "normal", fontFamily: "var(--font)", opacity: "0.85" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-about": { display: "grid", gap: "4px", padding: "8px 12px", fontSize: "0.8125rem", lineHeight: "1.45" },
  ".cm-about code": { fontFamily: "var(--mono)", fontSize: "0.75rem", color: "var(--code-key)" },
  ".cm-diagnostic": { padding: "7px 12px", borderInlineStart: "3px solid var(--line-strong)", fontSize: "0.8125rem", whiteSpace: "pre-wrap" },
  ".cm-diagnostic-error": { borderInlineStartColor: "var(--no)" },
  ".cm-diagnostic-warning": { borderInlineStartColor: "var(--doubt)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--no) 1.5px", textUnderlineOffset: "3px" },
  ".cm-lintRange-warning": { backgroundImage: "none", textDecoration: "underline wavy var(--doubt) 1.5px", textUnderlineOffset: "3px" },
  ".cm-lintPoint::after": { borderBottomColor: "var(--no)" },
  ".cm-gutter-lint": { inlineSize: "14px" },
  ".cm-gutter-lint .cm-gutterElement": { padding: "0" },
  ".cm-lint-marker": { inlineSize: "8px", blockSize: "8px", margin: "6px 3px", borderRadius: "50%" },
  ".cm-lint-marker-error": { content: "none", backgroundColor: "var(--no)" },
  ".cm-lint-marker-warning": { content: "none", backgroundColor: "var(--doubt)", borderRadius: "1px", transform: "rotate(45deg)" },
  ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--text)", borderColor: "var(--line)" },
  ".cm-panel.cm-search": { padding: "8px", fontFamily: "var(--font)", fontSize: "0.8125rem" },
  ".cm-panel.cm-search label": { fontSize: "0.75rem" },
  ".cm-panel.cm-search [name=close]": { color: "var(--text)", fontSize: "1.1rem" },
  ".cm-textfield": { border: "1px solid var(--line-strong)", borderRadius: "5px", backgroundColor: "var(--surface)", color: "var(--text)", fontSize: "0.8125rem" },
  ".cm-button": { border: "1px solid var(--line-strong)", borderRadius: "5px", backgroundImage: "none", backgroundColor: "var(--surface)", color: "var(--text)", fontSize: "0.75rem" },
  ".cm-searchMatch": { backgroundColor: "var(--doubt-soft)", outline: "1px solid var(--doubt-line)" },
  ".cm-searchMatch-selected": { backgroundColor: "var(--accent-soft)", outline: "1px solid var(--accent)" },
  ".cm-snippetField": { backgroundColor: "var(--accent-soft)" },
});

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code-key)" },
  { tag: [tags.string, tags.content], color: "var(--text)" },
  { tag: [tags.special(tags.string), tags.attributeValue], color: "var(--code-text)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--code-number)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--text-muted)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: "var(--text-muted)" },
]);

/** What eyes cannot see or tell from a space, beside what the editor itself marks: first and last code points. */
const HIDDEN_RANGES = [
  [0xa0, 0xa0], [0x34f, 0x34f], [0x61c, 0x61c], [0x115f, 0x1160], [0x17b4, 0x17b5], [0x180b, 0x180f], [0x2000, 0x200f], [0x2028, 0x202f], [0x205f, 0x206f], [0x3000, 0x3000], [0x3164, 0x3164],
  [0xfe00, 0xfe0f], [0xfeff, 0xfeff], [0xffa0, 0xffa0], [0xfff0, 0xfffc], [0x1d173, 0x1d17a], [0xe0000, 0xe0fff],
] as const;
const HIDDEN = new RegExp(`[${HIDDEN_RANGES.map((range) => range.map((code) => `\\u{${code.toString(16)}}`).join("-")).join("")}]`, "gu");

/** As the SDK's encoder writes them everywhere else. */
function drawHidden(code: number, description: string | null): HTMLElement {
  const mark = document.createElement("span");
  mark.className = "cm-specialChar";
  mark.textContent = `\\u{${code.toString(16).toUpperCase()}}`;
  mark.title = description ?? "a character that does not show";
  return mark;
}

export const LOOK: readonly Extension[] = [theme, syntaxHighlighting(colours), highlightSpecialChars({ addSpecialChars: HIDDEN, render: drawHidden })];

/**
 * The editor of policy documents: CodeMirror in a shadow tree. There its styles are constructed style sheets, which the page's policy allows
 * without a nonce or `unsafe-inline`. Loaded on demand, with everything that only it needs. It asks for nothing: what is known is
 * given to it. Called by policy-editor.tsx.
 */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, snippet, startCompletion } from "@codemirror/autocomplete";
import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldGutter, foldKeymap, indentOnInput } from "@codemirror/language";
import { lintGutter, nextDiagnostic, previousDiagnostic, setDiagnostics } from "@codemirror/lint";
import type { Diagnostic } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import type { Text } from "@codemirror/state";
import { EditorView, highlightActiveLine, highlightActiveLineGutter, hoverTooltip, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { LOOK } from "./editor-look.ts";
import { POLICY_SCHEMA } from "./policy-schema.ts";
import { describe } from "./schema.ts";
import { suggestAt } from "./suggest.ts";
import type { Known, Suggestion } from "./suggest.ts";
import { yamlPlaceAt } from "./yaml-place.ts";

/** Line and column from 1. */
export interface Problem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly mend?: string | undefined;
  readonly severity: "error" | "warning";
}

export interface EditorOptions {
  /** An empty element; what is in it is the editor's. */
  readonly parent: HTMLElement;
  readonly text: string;
  readonly label: string;
  readonly readOnly: boolean;
  readonly known: () => Known;
  readonly onChange: (text: string) => void;
  readonly onSave: () => void;
}

export interface Editor {
  setText(text: string): void;
  showProblems(problems: readonly Problem[]): void;
  goTo(line: number, column: number): void;
  close(): void;
}

export function openEditor(options: EditorOptions): Editor {
  const { parent, text, label, readOnly, onChange, onSave } = options;
  const root = parent.shadowRoot ?? parent.attachShadow({ mode: "open" });
  const changes = EditorView.updateListener.of((update) => {
    if (update.docChanged && !update.transactions.some((one) => one.isUserEvent("set"))) onChange(update.state.doc.toString());
  });
  const save = { key: "Mod-s", preventDefault: true, run: () => (onSave(), true) };
  const writing = [
    history(),
    autocompletion({ override: [(context) => completionsAt(context, options.known())], icons: false, activateOnTypingDelay: 60 }),
    closeBrackets(),
    indentOnInput(),
    lintGutter(),
    placeholder("version: 1"),
    keymap.of([save, { key: "F8", run: nextDiagnostic, shift: previousDiagnostic }, ...closeBracketsKeymap, ...completionKeymap, ...historyKeymap]),
  ];
  const state = EditorState.create({
    doc: text,
    extensions: [
      lineNumbers(),
      foldGutter(),
      bracketMatching(),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      highlightSelectionMatches(),
      search({ top: true }),
      yaml(),
      hoverTooltip(aboutKey, { hoverTime: 350 }),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": label, ...(readOnly ? { "aria-readonly": "true" } : {}) }),
      EditorState.readOnly.of(readOnly),
      EditorState.tabSize.of(2),
      ...(readOnly ? [] : writing),
      keymap.of([...searchKeymap, ...foldKeymap, ...defaultKeymap]),
      changes,
      ...LOOK,
    ],
  });
  const view = new EditorView({ state, parent: root, root });
  return {
    setText(next) {
      if (next !== view.state.doc.toString()) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next }, userEvent: "set" });
    },
    showProblems(problems) {
      view.dispatch(setDiagnostics(view.state, problems.map((problem) => diagnosticOf(view.state.doc, problem))));
    },
    goTo(line, column) {
      const at = offsetOf(view.state.doc, line, column);
      view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
      view.focus();
    },
    close: () => view.destroy(),
  };
}

function offsetOf(doc: Text, line: number, column: number): number {
  const found = doc.line(Math.min(Math.max(line, 1), doc.lines));
  return Math.min(found.from + Math.max(column, 1) - 1, found.to);
}

function diagnosticOf(doc: Text, { line, column, message, mend, severity }: Problem): Diagnostic {
  const from = offsetOf(doc, line, column);
  const rest = doc.sliceString(from, doc.lineAt(from).to);
  // The word there, or what is left of the line.
  const word = /^(?:"[^"]*"|'[^']*'|[^\s,\]}]+)/.exec(rest)?.[0] ?? rest;
  return { from, to: from + word.length, severity, message: mend === undefined ? message : `${message}\n${mend}` };
}

function completionsAt(context: CompletionContext, known: Known): CompletionResult | null {
  const found = suggestAt(context.state.doc.toString(), context.pos, POLICY_SCHEMA, known);
  // Nothing opens by itself on an empty line.
  if (found === undefined || (!context.explicit && found.from === context.pos)) return null;
  // What is written in full needs no suggestion: Enter begins a new line there.
  const whole = new Set(found.options.filter(({ kind }) => kind !== "key").map(({ insert }) => insert));
  if (!context.explicit && whole.has(context.state.sliceDoc(found.from, context.pos))) return null;
  return { from: found.from, options: found.options.map(completionOf), validFor: (text) => /^[\w.:*@/-]*$/.test(text) && !whole.has(text) };
}

function completionOf(suggestion: Suggestion): Completion {
  const { label, detail, boost, kind, about: words } = suggestion;
  return { label, detail, boost, type: kind, apply: kind === "key" || kind === "policy" ? applyTemplate(suggestion) : suggestion.insert, ...(words === "" ? {} : { info: () => about(label, { description: words, values: [] }) }) };
}

/** Templates bring their indentation; the editor adds that of the line. */
function applyTemplate({ insert, kind }: Suggestion): Exclude<Completion["apply"], string | undefined> {
  return (view, completion, from, to) => {
    const line = view.state.doc.lineAt(from).text;
    const indent = line.length - line.trimStart().length;
    const relative = insert.split("\n").map((text, index) => (index === 0 ? text : text.slice(indent)));
    snippet(relative.join("\n"))(view, completion, from, to);
    if (kind === "key") setTimeout(() => startCompletion(view), 0);
  };
}

function aboutKey(view: EditorView, position: number) {
  const text = view.state.doc.toString();
  const line = view.state.doc.lineAt(position);
  const before = /[\w]*$/.exec(text.slice(line.from, position))?.[0].length ?? 0;
  const after = /^[\w]*/.exec(text.slice(position, line.to))?.[0].length ?? 0;
  const [from, to] = [position - before, position + after];
  const colon = /^["']?\s*:/.exec(text.slice(to, line.to));
  if (from === to || colon === null) return null;
  const place = yamlPlaceAt(text, to + colon[0].length);
  const found = place === undefined ? undefined : describe(POLICY_SCHEMA, place.path);
  const key = text.slice(from, to);
  return place === undefined || found === undefined || place.path.at(-1) !== key ? null : { pos: from, end: to, create: () => ({ dom: about(key, found) }) };
}

function about(key: string, { description, values }: { readonly description: string; readonly values: readonly string[] }): HTMLElement {
  const box = document.createElement("div");
  box.className = "cm-about";
  const name = document.createElement("code");
  name.textContent = key;
  const words = document.createElement("span");
  words.textContent = description;
  box.append(name, words);
  if (values.length > 0) {
    const list = document.createElement("code");
    list.textContent = values.join(" | ");
    box.append(list);
  }
  return box;
}

/**
 * The door `@countersign/sdk/display`: the encoder and the notes by which every place shows text from agents and servers, so that the
 * terminal, the inbox and your own channel show the same. Nothing here may need Node: the inbox runs it in a browser.
 */
export { renderCall, viewLines } from "./call-view.ts";
export type { CallView, CallViewOptions } from "./call-view.ts";
export { describeScripts } from "./describe-scripts.ts";
export { escapeText, quoteText } from "./escape.ts";
export type { EscapeOptions } from "./escape.ts";
export { canonicalJson } from "../call/canonical-json.ts";
export { changedPointers } from "../call/changed-pointers.ts";
export { checkArguments } from "../call/check-arguments.ts";
export type { ArgumentFault } from "../call/check-arguments.ts";
export { parseJson } from "../call/parse-json.ts";

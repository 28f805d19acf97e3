/** Reads the bytes of a raw terminal as lines that someone typed; pastes and escape sequences are not typing. */

export type LineEvent =
  /** What stands on the line now, for the echo. */
  | { readonly type: "edited"; readonly text: string }
  /** Enter was pressed. */
  | { readonly type: "line"; readonly text: string }
  /** Something came that nobody typed key by key. All of it is dropped, what stood on the line included. */
  | { readonly type: "pasted" }
  /** Ctrl-C or Ctrl-D. */
  | { readonly type: "interrupted" };

export interface LineInput {
  /** Reads one chunk as it came from the terminal; at most one event. */
  feed(chunk: string): LineEvent | undefined;
  /** Forgets the line, but not a paste or a sequence that is still under way. */
  clear(): void;
}

type Mode = "plain" | "escape" | "csi" | "ss3" | "string" | "string-escape" | "paste";

/** What may follow Escape in a sequence of several characters: CSI, SS3, OSC, DCS, SOS, PM, APC. */
const SEQUENCE_STARTS = "[O]PX^_";
const PASTE_BEGIN = "200~";
const PASTE_END = "\u001B[201~";
/** People send single keys; a slow line may gather a few. More at once is a paste by a terminal that does not mark it. */
const TYPED_AT_ONCE = 32;

/** A line of at most `maxLength` UTF-16 units; what is typed beyond is dropped. */
export function createLineInput(maxLength: number): LineInput {
  let text = "";
  let mode: Mode = "plain";
  let parameters = "";
  let pasteTail = "";
  let pasted = false;

  /** Returns the character where it was typed, "" where it belongs to a sequence or a paste. */
  function sift(char: string): string {
    if (mode === "paste") {
      pasteTail = (pasteTail + char).slice(-PASTE_END.length);
      if (pasteTail === PASTE_END) mode = "plain";
      return "";
    }
    const before = mode;
    mode = nextMode(before, char);
    if (mode === "csi") parameters = before === "csi" ? (parameters + char).slice(0, 8) : "";
    if (before === "csi" && mode === "plain" && parameters + char === PASTE_BEGIN) {
      mode = "paste";
      pasteTail = "";
      pasted = true;
    }
    return before === "plain" && mode === "plain" ? char : "";
  }

  return {
    feed(chunk) {
      // Also inside a paste or a sequence: whatever sends these bytes, no harm comes from a no.
      if (chunk.includes("\u0003") || chunk.includes("\u0004")) return { type: "interrupted" };
      // The Escape key on its own; a sequence that was torn apart goes on like one.
      if (mode === "escape" && !SEQUENCE_STARTS.includes(chunk.charAt(0))) mode = "plain";
      pasted = mode === "paste";
      let typed = "";
      for (const char of chunk) typed += sift(char);
      const lineEnd = typed.search(/[\r\n]/);
      if (pasted || typed.length > TYPED_AT_ONCE || (lineEnd !== -1 && lineEnd < typed.length - 1)) {
        text = "";
        return { type: "pasted" };
      }
      const before = text;
      for (const char of typed) text = edit(text, char, maxLength);
      if (lineEnd === -1) return text === before ? undefined : { type: "edited", text };
      const line = text;
      text = "";
      return { type: "line", text: line };
    },
    clear() {
      text = "";
    },
  };
}

function nextMode(mode: Exclude<Mode, "paste">, char: string): Mode {
  if (mode === "string") return char === "\u0007" ? "plain" : char === "\u001B" ? "string-escape" : "string";
  if (mode === "string-escape") return char === "\\" ? "plain" : "string";
  if (char === "\u001B") return "escape";
  if (mode === "csi") return char >= " " && char <= "?" ? "csi" : "plain";
  if (mode !== "escape") return "plain";
  if (char === "[") return "csi";
  if (char === "O") return "ss3";
  return SEQUENCE_STARTS.includes(char) ? "string" : "plain";
}

function edit(text: string, char: string, maxLength: number): string {
  if (char === "\u007F" || char === "\b") return Array.from(text).slice(0, -1).join("");
  if (char === "\u0015") return "";
  const drops = /\p{Cc}/u.test(char) || text.length + char.length > maxLength;
  return drops ? text : text + char;
}

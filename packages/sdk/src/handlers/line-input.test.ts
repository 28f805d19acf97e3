import { describe, expect, it } from "vitest";
import { createLineInput, type LineEvent } from "./line-input.ts";

function feedAll(...chunks: readonly string[]): readonly (LineEvent | undefined)[] {
  const input = createLineInput(20);
  return chunks.map((chunk) => input.feed(chunk));
}

const line = (text: string): LineEvent => ({ type: "line", text });
const edited = (text: string): LineEvent => ({ type: "edited", text });
const PASTED: LineEvent = { type: "pasted" };
const INTERRUPTED: LineEvent = { type: "interrupted" };

describe("createLineInput", () => {
  it("reads keys one by one and in small groups", () => {
    expect(feedAll("y", "\r")).toEqual([edited("y"), line("y")]);
    expect(feedAll("y\r", "\r", "no\n")).toEqual([line("y"), line(""), line("no")]);
  });

  it("edits with backspace and Ctrl-U, and drops what is too long", () => {
    expect(feedAll("ab👍", "\u007F", "\b", "\u0015", "x\r")).toEqual([edited("ab👍"), edited("ab"), edited("a"), edited(""), line("x")]);
    expect(feedAll("a".repeat(19), "bc", "\r")).toEqual([edited("a".repeat(19)), edited(`${"a".repeat(19)}b`), line(`${"a".repeat(19)}b`)]);
  });

  it("takes text behind a line end, and more than anyone types at once, for a paste", () => {
    expect(feedAll("y\rx", "\r")).toEqual([PASTED, line("")]);
    expect(feedAll("y\r\n")).toEqual([PASTED]);
    expect(feedAll("y", "\ry\r", "\r")).toEqual([edited("y"), PASTED, line("")]);
    expect(feedAll("y".repeat(33))).toEqual([PASTED]);
  });

  it("drops a marked paste, however it is torn, and what stood on the line before it", () => {
    expect(feedAll("\u001B[200~y\r\u001B[201~", "\r")).toEqual([PASTED, line("")]);
    expect(feedAll("y", "\u001B[200~x\u001B[201~", "\r")).toEqual([edited("y"), PASTED, line("")]);
    expect(feedAll("\u001B", "[20", "0~", "y\r", "\u001B[2", "01~", "n\r")).toEqual([undefined, undefined, PASTED, PASTED, PASTED, PASTED, line("n")]);
    expect(feedAll("\u001B[200~a\u001B[201~y\r", "\r")).toEqual([PASTED, line("")]);
  });

  it("ignores escape sequences, whole or torn, and control characters", () => {
    expect(feedAll("\u001B[A", "\u001BOP", "\u001B[1;5Dy\r")).toEqual([undefined, undefined, line("y")]);
    expect(feedAll("\u001B[", "A", "\r")).toEqual([undefined, undefined, line("")]);
    expect(feedAll("\u001B]11;rgb:y\r\u0007", "\u001BPy\r\u001B\\", "\r")).toEqual([undefined, undefined, line("")]);
    expect(feedAll("\u001Ay\t\u0000\u009B\r")).toEqual([line("y")]);
  });

  it("takes Escape alone for a key, and Alt with a letter for none", () => {
    expect(feedAll("\u001B", "n\r")).toEqual([undefined, line("n")]);
    expect(feedAll("\u001By", "\r")).toEqual([undefined, line("")]);
  });

  it("hears Ctrl-C and Ctrl-D everywhere", () => {
    expect(feedAll("\u0003")).toEqual([INTERRUPTED]);
    expect(feedAll("y\u0004\r")).toEqual([INTERRUPTED]);
    expect(feedAll("\u001B[200~", "abc\u0003")).toEqual([PASTED, INTERRUPTED]);
    expect(feedAll("\u001B]", "\u0003")).toEqual([undefined, INTERRUPTED]);
  });
});

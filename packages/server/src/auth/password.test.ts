import { scryptSync } from "node:crypto";
import { expect, it } from "vitest";
import { checkPassword, faultOfPassword, hashPassword } from "./password.ts";

it("keeps a password as scrypt in the PHC string form, with a salt of its own", async () => {
  const stored = await hashPassword("a horse on the roof");
  expect(stored).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  const [salt = "", hash = ""] = stored.split("$").slice(3);
  const same = scryptSync("a horse on the roof", Buffer.from(salt, "base64"), 32, { N: 32768, r: 8, p: 3, maxmem: 2 ** 27 });
  expect(same.toString("base64").replace("=", "")).toBe(hash);
  expect(await hashPassword("a horse on the roof")).not.toBe(stored);
  expect([await checkPassword("a horse on the roof", stored), await checkPassword("a horse on the root", stored)]).toEqual([true, false]);
});

it("reads the parameters from the hash, takes one spelling for another, and refuses what is no hash", async () => {
  const salt = Buffer.alloc(16, 7);
  const cheap = `$scrypt$ln=10,r=8,p=1$${salt.toString("base64").replaceAll("=", "")}$${scryptSync("pässword of ünicode", salt, 32, { N: 1024, r: 8, p: 1 }).toString("base64").replaceAll("=", "")}`;
  expect(await checkPassword("pässword of ünicode".normalize("NFD"), cheap)).toBe(true);
  for (const broken of ["", "$scrypt$", cheap.replace("scrypt", "scrypt2"), cheap.slice(0, -1), "pässword of ünicode"]) expect(await checkPassword("pässword of ünicode", broken)).toBe(false);
});

it("takes as long for an address that nobody has", async () => {
  const stored = await hashPassword("a horse on the roof");
  const time = async (hash: string | null) => {
    const started = performance.now();
    await checkPassword("wrong but long enough", hash);
    return performance.now() - started;
  };
  const best = { known: Infinity, unknown: Infinity };
  for (let round = 0; round < 4; round += 1) {
    best.known = Math.min(best.known, await time(stored));
    best.unknown = Math.min(best.unknown, await time(null));
  }
  expect(best.unknown / best.known).toBeGreaterThan(0.5);
  expect(best.unknown / best.known).toBeLessThan(2);
});

it("computes two at a time and turns people away rather than to wait without end", async () => {
  const answers = await Promise.all(Array.from({ length: 80 }, () => checkPassword("x", "$scrypt$ln=10,r=8,p=1$BwcHBwcHBwcHBwcHBwcHBw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")));
  expect(answers.filter((one) => one === "busy")).toHaveLength(14);
  expect(answers.filter((one) => one === false)).toHaveLength(66);
});

it.each([
  ["short", "at least 10"],
  ["aaaaaaaaaaaa", "repeats itself"],
  ["Password123!", "tried first"],
  ["countersign2026", "tried first"],
  ["1q2w3e4r5t", "tried first"],
  ["QWERTYUIOP", "tried first"],
  ["ann.miller99", "little more than"],
  ["x".repeat(1001), "at most 1000"],
])("refuses %s", (password, why) => {
  expect(faultOfPassword(password, ["Ann Miller", "ann.miller@example.org", "ann.miller"])).toContain(why);
});

it("accepts a sentence", () => {
  expect(faultOfPassword("ann miller likes her coffee black", ["Ann Miller"])).toBeUndefined();
});

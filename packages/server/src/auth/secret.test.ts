import { expect, it } from "vitest";
import { hashSecret, isSecret, keyIdOfSecret, matchesHash, newAgentSecret, newId, newSecret } from "./secret.ts";

it("makes 130-bit ids in lower case, and secrets of 256 bits, none of them twice", () => {
  const ids = new Set(Array.from({ length: 10_000 }, newId));
  expect(ids.size).toBe(10_000);
  for (const id of ids) expect(id).toMatch(/^[0-9a-v]{26}$/);
  const secrets = new Set(Array.from({ length: 10_000 }, () => newSecret("link")));
  expect(secrets.size).toBe(10_000);
  const seen = new Map<string, number>();
  for (const secret of secrets) for (const [index, letter] of Array.from(secret.slice(4)).entries()) if (index < 42) seen.set(letter, (seen.get(letter) ?? 0) + 1);
  expect(seen.size).toBe(64);
  // 6,562 of each letter are expected; 12 standard deviations to either side.
  for (const count of seen.values()) expect(Math.abs(count - 6562)).toBeLessThan(970);
});

it("tells the kinds of secrets apart by their prefix, and reads the key's id out of its secret alone", () => {
  const id = newId();
  const secret = newAgentSecret(id);
  expect(keyIdOfSecret(secret)).toBe(id);
  for (const wrong of [`${secret}=`, secret.slice(1), secret.replace("csk_", "css_"), secret.replace("_", "-"), `csk_${id.toUpperCase()}_${secret.slice(31)}`]) expect(keyIdOfSecret(wrong)).toBeUndefined();
  expect([isSecret("link", newSecret("link")), isSecret("link", newSecret("sign_in")), isSecret("sign_in", secret), isSecret("link", `${newSecret("link")}\n`)]).toEqual([true, false, false, false]);
});

it("compares with the stored hash, and takes nothing that is no hash for one", () => {
  const secret = newSecret("sign_in");
  expect(matchesHash(secret, hashSecret(secret))).toBe(true);
  for (const stored of [hashSecret(`${secret}x`), "", secret, hashSecret(secret).slice(2), "zz".repeat(32)]) expect(matchesHash(secret, stored)).toBe(false);
});

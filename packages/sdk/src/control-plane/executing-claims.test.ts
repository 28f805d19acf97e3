import { expect, it, vi } from "vitest";
import { ExecutingClaims } from "./executing-claims.ts";

it("all claims of the process are told in one heartbeat, until their outcome is told; a lost one is reported once", async () => {
  const beats: string[][] = [];
  let lost: string[] = [];
  const leases = vi.fn(async (body: { claims: { id: string }[] }) => {
    beats.push(body.claims.map(({ id }) => id));
    return { ok: true as const, status: 200, value: { leaseMs: 30_000, lost } };
  });
  const warnings: string[] = [];
  const claims = new ExecutingClaims({ leases }, (message) => warnings.push(message));
  claims.begin("r1", "a".repeat(64), 300);
  claims.begin("r2", "b".repeat(64), 300);
  await expect.poll(() => beats.length).toBeGreaterThan(0);
  expect(beats[0]).toEqual(["r1", "r2"]);
  lost = ["r1"];
  await expect.poll(() => warnings).toHaveLength(1);
  expect(warnings[0]).toContain("r1");
  lost = [];
  await expect.poll(() => beats.at(-1)).toEqual(["r2"]);
  claims.end("r2");
  const before = beats.length;
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(beats.length).toBeLessThanOrEqual(before + 1);
  expect(warnings).toHaveLength(1);
});

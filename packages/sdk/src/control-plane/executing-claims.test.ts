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
  claims.end("r2", "b".repeat(64));
  const before = beats.length;
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(beats.length).toBeLessThanOrEqual(before + 1);
  expect(warnings).toHaveLength(1);
  // What became of it can be told still.
  expect(claims.claimIdOf("r1")).toBe("a".repeat(64));
  claims.end("r1", "a".repeat(64));
  expect(claims.size).toBe(0);
});

it("the end of an earlier claim of a request, and that it is lost, are nothing to the one that holds it now", async () => {
  const beats: string[] = [];
  const answer = Promise.withResolvers<void>();
  const leases = vi.fn(async (body: { claims: { id: string; claimId: string }[] }) => {
    beats.push(...body.claims.map(({ claimId }) => claimId));
    if (beats.length === 1) await answer.promise;
    return { ok: true as const, status: 200, value: { leaseMs: 30_000, lost: beats.length === 1 ? ["r1"] : [] } };
  });
  const warnings: string[] = [];
  const claims = new ExecutingClaims({ leases }, (message) => warnings.push(message));
  claims.begin("r1", "a".repeat(64), 300);
  await vi.waitFor(() => expect(beats).toEqual(["a".repeat(64)]));
  claims.begin("r1", "b".repeat(64), 300);
  answer.resolve();
  claims.end("r1", "a".repeat(64));
  await vi.waitFor(() => expect(beats).toContain("b".repeat(64)));
  expect(claims.claimIdOf("r1")).toBe("b".repeat(64));
  expect(warnings).toEqual([]);
  claims.end("r1", "b".repeat(64));
});

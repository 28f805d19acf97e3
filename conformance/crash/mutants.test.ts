/** Agents that break one rule each: the kill matrix must see every one of them, and nothing where the rule is kept. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { findDiscrepancies } from "./fixture/check-record.ts";
import { makeInstallation, type Installation } from "./fixture/installation.ts";
import type { Mutation } from "./fixture/mutant-agent.ts";
import { runCell } from "./fixture/run-cell.ts";
import { openWorld, type World } from "./fixture/world.ts";
import type { Victim } from "./kill-table.ts";

let installation: Installation;
let world: World | undefined;
beforeAll(async () => {
  installation = await makeInstallation();
});
afterEach(async () => {
  await world?.close();
  world = undefined;
});
afterAll(() => installation.close());

/** What the harness has to say about an agent in one cell. */
async function verdictOn(mutation: Mutation, victim: Victim, point: number): Promise<string> {
  world = await openWorld({ installation, mutation, leaseMs: 3_000 });
  try {
    return (await runCell({ world, kind: "sqlite", postgres: undefined }, victim, point)).differences.join("; ");
  } catch (error) {
    return String(error);
  }
}

describe("the harness sees an agent that", () => {
  it.each<[Mutation, Victim, number, string]>([
    ["none", "agent", 9, ""],
    ["none", "upstream", 12, ""],
    ["sends before it claims", "agent", 9, "1 sends, 0 were expected; 2 sends in the end; 2 effects and 1 intents; 2 effects, and requests that are completed"],
    ["sends again where no answer came", "upstream", 12, "the request is completed, outcome_unknown was expected"],
    ["says completed where no answer came", "upstream", 11, "the request is completed, outcome_unknown was expected"],
  ])("%s (the %s killed at K%i)", async (mutation, victim, point, expected) => {
    const verdict = await verdictOn(mutation, victim, point);
    if (expected === "") expect(verdict).toBe("");
    else expect(verdict).toContain(expected);
  });

  it("never claims: an effect without an intent (R26)", async () => {
    world = await openWorld({ installation, mutation: "never claims" });
    const { answer } = await world.call({ content: "x", path: "/unclaimed" });
    await world.person.vote(await world.person.sees("pending"));
    expect(await answer).toBe("result");
    expect(await findDiscrepancies(world.person, await world.person.requests(), world.sightings())).toEqual(["1 effects and 0 intents", "1 effects, and requests that are approved"]);
  });
});

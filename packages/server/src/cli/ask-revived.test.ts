import { setTimeout as pause } from "node:timers/promises";
import type { AskPort } from "@countersign/sdk/enforcement";
import { expect, it } from "vitest";
import { inTime } from "../gateway/fixture/in-time.ts";
import { scriptedAsk } from "../gateway/fixture/scripted-ask.ts";
import { askRevived } from "./ask-revived.ts";

type Question = Parameters<AskPort["join"]>[0];
// Nothing of the question is read but the call's digest.
const QUESTION = { call: { digest: "d" } } as Question;
const AWAY_MS = 400;

/** A control plane that answers this for so long. */
function awayFor(ms: number, status: number | undefined): { readonly ask: AskPort; readonly tries: () => number } {
  const [people, until] = [scriptedAsk(), performance.now() + ms];
  let tries = 0;
  const join: AskPort["join"] = async (question) => {
    tries += 1;
    await pause(50);
    if (performance.now() < until) throw Object.assign(new Error("nobody was asked"), { code: "control_plane_unavailable", cause: { status } });
    return people.join(question);
  };
  return { ask: { ...people, join }, tries: () => tries };
}

it.each([undefined, 503])("a control plane that is away (status %s) for less than its time is asked until it is back, however often it is looked after", async (status) => {
  const { ask } = awayFor(250, status);
  let looked = 0;
  const request = await askRevived(ask, async () => void (looked += 1), AWAY_MS).join(QUESTION);
  expect(request.id).toBe("r1");
  expect(looked).toBeGreaterThan(1);
});

it("once its time is over the call is refused, and not before", async () => {
  const { ask } = awayFor(60_000, undefined);
  const begun = performance.now();
  await expect(inTime(askRevived(ask, () => Promise.resolve(), AWAY_MS).join(QUESTION), AWAY_MS + 300)).rejects.toMatchObject({ code: "control_plane_unavailable" });
  expect(performance.now() - begun).toBeGreaterThan(AWAY_MS - 1);
});

it("one that is there and does not take the key is asked once more, and no longer", async () => {
  const { ask, tries } = awayFor(60_000, 401);
  await expect(askRevived(ask, () => Promise.resolve(), AWAY_MS).join(QUESTION)).rejects.toMatchObject({ code: "control_plane_unavailable" });
  expect(tries()).toBe(2);
});

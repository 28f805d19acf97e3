import { afterEach, beforeEach, expect, it } from "vitest";
import type { Identity } from "../../auth/identity.ts";
import { codeOf, must, openInstallation } from "./fixture/installation.ts";
import type { Installation } from "./fixture/installation.ts";
import { isOnePersonMode } from "./rights.ts";

let at: Installation;
let owner: Identity;
beforeEach(async () => {
  at = await openInstallation();
  owner = await at.owner();
});
afterEach(() => at.close());

const isOn = () => isOnePersonMode(at.ledger.resident);
const rows = async () => (await at.events()).filter((one) => one.event === "mode_changed").map((one) => [one.detail["on"], one.detail["why"]]);

it("is on in a fresh installation of one machine, and off in one for teams", async () => {
  expect(isOn()).toBe(true);
  const team = await openInstallation({ embedded: false });
  await team.owner();
  expect(isOnePersonMode(team.ledger.resident)).toBe(false);
  await team.close();
});

it("ends in the very commit that makes a second person able to approve, with a row that says so", async () => {
  await at.join(owner, "Una", ["auditor"]);
  expect(isOn()).toBe(true);
  const before = at.ledger.head.seq;
  const joined = at.join(owner, "Ann", ["approver"]);
  let wasOnWithTwo = false;
  const stop = at.ledger.onRows((lines) => {
    // Rows come with their commit: when the person's row is there, the mode's row is in the same batch.
    const events = lines.map((one) => one.event);
    if (events.includes("person_added") && !events.includes("mode_changed")) wasOnWithTwo = true;
  });
  await joined;
  stop();
  expect([isOn(), wasOnWithTwo]).toEqual([false, false]);
  expect((await at.events()).slice(before, before + 3).map((one) => one.event)).toEqual(["person_added", "mode_changed", "link_made"]);
});

it("ends also by a role, and by the return of somebody disabled", async () => {
  const una = await at.join(owner, "Una", ["auditor"]);
  must(await at.people.change(owner, una.personId, { status: "disabled" }));
  must(await at.people.change(owner, una.personId, { roles: ["approver"] }));
  expect(isOn()).toBe(true);
  must(await at.people.change(owner, una.personId, { status: "active" }));
  expect(isOn()).toBe(false);
});

it("stays off when the second person goes, until an owner chooses it again, and says who chose", async () => {
  const ann = await at.join(owner, "Ann", ["approver"]);
  must(await at.people.change(owner, ann.personId, { status: "disabled" }));
  expect(isOn()).toBe(false);
  expect(codeOf(await at.people.setOnePersonMode(ann, true))).toBe("unauthenticated");
  must(await at.people.setOnePersonMode(owner, true));
  expect(isOn()).toBe(true);
  expect(await rows()).toEqual([
    [true, "a fresh installation of one machine"],
    [false, "a second person can approve"],
    [true, "an owner chose it"],
  ]);
});

import type { people } from "@countersign/sdk/wire";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openEmbedded, askBodyOf, type Embedded } from "../control/fixture/open-embedded.ts";
import { questionOf } from "./request-question.ts";

let plane: Embedded;
let owner: Awaited<ReturnType<Embedded["owner"]>>;
let agent: { readonly headers: Readonly<Record<string, string>> };
beforeAll(async () => {
  plane = await openEmbedded();
  owner = await plane.owner();
  const { body } = await plane.as<{ secret: string }>(owner, "POST", "/v1/keys", { name: "bot", ownerId: owner.personId, expiresAt: null });
  agent = { headers: { authorization: `Bearer ${body.secret}` } };
});
afterAll(() => plane.close());

/** As people get it. */
async function requestAbout(args: Parameters<typeof askBodyOf>[0]): Promise<people.RequestDetail> {
  const { body } = await plane.as<{ request: { id: string } }>(agent, "POST", "/v1/approvals", askBodyOf(args));
  return (await plane.as<people.RequestDetail>(owner, "GET", `/v1/approvals/${body.request.id}`)).body;
}

it("shows the call's own keys, also where one that is written with an escape looks like another call's", async () => {
  for (const [key, shown] of [["\\", String.raw`"\\"`], ['"', String.raw`"\""`], ["\n", String.raw`"\n"`], ["\t", String.raw`"\t"`]] as const) {
    const question = questionOf(await requestAbout({ "": "a", [key]: 2 }), owner.personId);
    expect(question?.lines.filter((line) => line.startsWith("| ") && line.includes(": 2"))).toEqual([expect.stringContaining(`${shown}: 2`)]);
  }
});

it("shows nothing where the arguments are not those that the digest names", async () => {
  const request = await requestAbout({ path: "/a" });
  expect(questionOf(request, owner.personId)).toBeDefined();
  expect(questionOf({ ...request, argumentsText: '{"path":"/b"}' }, owner.personId)).toBeUndefined();
  expect(questionOf({ ...request, argumentsText: null }, owner.personId)).toBeUndefined();
});

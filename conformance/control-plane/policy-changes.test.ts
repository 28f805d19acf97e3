import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startControlPlane } from "./running-control-plane.ts";
import type { RunningControlPlane } from "./running-control-plane.ts";
import { ask, askBody, claimBody, hireStaff, voteBody } from "./staff.ts";
import type { Asked, Key, SignedIn, Staff } from "./staff.ts";

const HELD = "version: 1\ndefault: allow\npolicies:\n  - name: file-writes\n    match: mcp:filesystem:write_file\n    action: block\n    reason: Writes need approval\n";
const OPEN = "version: 1\ndefault: allow\npolicies: []\n";
const TWO = `${HELD}    approval: { quorum: 2 }\n`;
const NEVER = `${HELD}    approval: never\n`;

let plane: RunningControlPlane;
let staff: Staff;
let editor: SignedIn;
let [ann, ben]: (SignedIn | undefined)[] = [];
let key: Key;
beforeAll(async () => {
  plane = await startControlPlane({ policy: HELD });
  staff = await hireStaff(plane);
  editor = await staff.join("Ella", ["policy_editor"]);
  [ann, ben] = [await staff.join("Ann", ["approver"]), await staff.join("Ben", ["approver"])];
  key = await staff.addKey("agent", null);
}, 60_000);
afterAll(() => plane.remove());

const inForce = async (): Promise<number | null> => (await staff.must<{ versions: readonly { version: number; active: boolean }[] }>(editor, "GET", "/v1/policies")).versions.find(({ active }) => active)?.version ?? null;

async function activate(text: string): Promise<number> {
  const { version } = await staff.must<{ version: number }>(editor, "POST", "/v1/policies", { text, comment: "" });
  await staff.must(editor, "POST", `/v1/policies/${version}/activate`, { expect: await inForce(), comment: "" });
  return version;
}

/** Without requirements of its own, so that the document's alone count. */
let calls = 0;
async function asked(): Promise<Asked> {
  calls += 1;
  return (await staff.must<{ request: Asked }>(key, "POST", "/v1/approvals", askBody({ path: `/policy/${calls}` }, {}, { requirements: [] }))).request;
}
const vote = async (who: SignedIn | undefined, request: Asked) => (await staff.must<{ state: string }>(who, "POST", `/v1/approvals/${request.id}/vote`, voteBody(request))).state;
const claim = async (request: Asked) => (await staff.as<{ code?: string }>(key, "POST", `/v1/approvals/${request.id}/claim`, claimBody(request))).body.code ?? "claimed";
const state = async ({ id }: Asked) => (await staff.must<{ state: string }>(key, "GET", `/v1/approvals/${id}/asked`)).state;

describe("R18: the gate guards itself", () => {
  it("a looser document releases nothing that waits", async () => {
    await activate(HELD);
    const request = await asked();
    await activate(OPEN);
    expect([await claim(request), ["pending", "superseded"].includes(await state(request))]).toEqual([expect.stringMatching(/not_approved|ended/), true]);
  });

  it("a stricter document holds what was approved under a looser one, and what waits is asked anew", async () => {
    await activate(HELD);
    const [approved, waiting] = [await asked(), await asked()];
    expect(await vote(ann, approved)).toBe("approved");
    await activate(TWO);
    expect(await state(waiting)).toBe("superseded");
    expect([await claim(approved), await state(approved)]).toEqual(["superseded", "superseded"]);
    const again = await asked();
    expect([await vote(ann, again), await vote(ben, again), await claim(again)]).toEqual(["pending", "approved", "claimed"]);
  });

  it("what nobody may allow any more is not run with a yes of before", async () => {
    await activate(HELD);
    const request = await asked();
    expect(await vote(ann, request)).toBe("approved");
    await activate(NEVER);
    expect([await claim(request), await state(request)]).toEqual(["superseded", "superseded"]);
    expect((await staff.as<{ code: string }>(key, "POST", "/v1/approvals", askBody({ path: "/never" }, {}, { requirements: [] }))).body.code).toBe("policy_block");
    // An agent's own, weaker requirement does not stand in for the document's.
    expect((await staff.as<{ code: string }>(key, "POST", "/v1/approvals", askBody({ path: "/never" }))).body.code).toBe("policy_block");
  });

  it("an agent's requirement of the document's name does not replace the document's", async () => {
    await activate(TWO);
    const request = await ask(staff, key, { policy: "file-writes", quorum: 1 });
    expect([await vote(ann, request), await claim(request)]).toEqual(["pending", "not_approved"]);
  });

  it("two editors do not overwrite each other, a document with a mistake is not saved, and each step is a row with its author", async () => {
    await activate(HELD);
    const expectNow = await inForce();
    const { version } = await staff.must<{ version: number }>(editor, "POST", "/v1/policies", { text: TWO, comment: "" });
    const both = await Promise.all([1, 2].map(() => staff.as(editor, "POST", `/v1/policies/${version}/activate`, { expect: expectNow, comment: "" })));
    expect(both.map(({ status }) => status)).toEqual([200, 200]);
    expect((await staff.as(editor, "POST", "/v1/policies/1/activate", { expect: expectNow, comment: "" })).status).toBe(409);
    expect((await staff.as<{ code: string }>(editor, "POST", "/v1/policies", { text: `${HELD}    colour: red\n`, comment: "" })).body.code).toBe("invalid_document");
    const { rows } = await staff.must<{ rows: readonly string[] }>(staff.owner, "GET", "/v1/record?event=policy_activated&order=newest&limit=1");
    expect(JSON.parse(rows[0] ?? "{}")).toMatchObject({ detail: { version, by: editor.personId } });
  });

  it("an editor who lost the role between click and commit puts nothing in force, 20 races of 20", async () => {
    for (let race = 0; race < 20; race += 1) {
      const { version } = await staff.must<{ version: number }>(editor, "POST", "/v1/policies", { text: race % 2 === 0 ? OPEN : HELD, comment: "" });
      const before = await inForce();
      const demote = () => staff.as(staff.owner, "PATCH", `/v1/people/${editor.personId}`, { roles: ["auditor"] });
      const put = () => staff.as(editor, "POST", `/v1/policies/${version}/activate`, { expect: before, comment: "" });
      const { status } = race % 2 === 0 ? (await Promise.all([put(), demote()]))[0] : (await Promise.all([demote(), put()]))[1];
      const now = await inForce();
      expect([status, now]).toEqual(status === 200 ? [200, version] : [403, before]);
      await staff.must(staff.owner, "PATCH", `/v1/people/${editor.personId}`, { roles: ["policy_editor"] });
    }
  });
});

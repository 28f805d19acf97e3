import { describe, expect, it } from "vitest";
import type { RecordLine } from "../../store/store.ts";
import type { Ledger } from "../ledger.ts";
import type { Requests } from "../request/requests.ts";
import { createNewsOf } from "./news.ts";

const row = (seq: number, event: string | null, requestId: string | null): RecordLine => ({ seq, at: 0, type: event === null ? "approval" : "event", event, callId: null, requestId, policyId: null, principal: null, line: "{}" });
const asked: number[] = [];
const requests = {
  async eventOf({ seq, requestId }: RecordLine) {
    asked.push(seq);
    return { seq, requestId: requestId ?? "", principal: "key:k1", request: { id: requestId, rev: seq, state: "approved" } };
  },
} as unknown as Pick<Requests, "eventOf">; // of a request only what is told to people is looked at
const ledger = { resident: { policy: { version: 4, digest: "d4" } } } as unknown as Pick<Ledger, "resident">; // only the policy is looked at
const newsOf = createNewsOf(requests, ledger);

describe("what a row tells", () => {
  it("its asker hears the whole answer, people that it moved; of rows of one commit the last one says it", async () => {
    asked.length = 0;
    const news = await newsOf([row(1, "vote_cast", "r1"), row(2, "vote_cast", "r2"), row(3, null, "r1")]);
    expect(news.map(({ seq, name }) => [seq, name])).toEqual([[2, "request"], [3, "request"]]);
    expect(asked).toEqual([2, 3]);
    expect(news[1]).toEqual({
      seq: 3,
      name: "request",
      forAgents: { principal: "key:k1", data: { request: { id: "r1", rev: 3, state: "approved" } } },
      forPeople: { roles: ["approver", "auditor"], data: { requestId: "r1", rev: 3, state: "approved" } },
    });
  });

  it("an activated policy is told to all, with what to fetch", async () => {
    const data = { version: 4, digest: "d4" };
    expect(await newsOf([row(5, "policy_activated", null)])).toEqual([{ seq: 5, name: "policy", forAgents: { principal: null, data }, forPeople: { roles: null, data } }]);
  });

  it("a saved version is told to the people who read policies, and to no agent", async () => {
    const saved = { ...row(5, "policy_saved", null), line: JSON.stringify({ type: "event", event: "policy_saved", detail: { version: 7, by: "x" } }) };
    expect(await newsOf([saved])).toEqual([{ seq: 5, name: "policy_saved", forAgents: null, forPeople: { roles: ["policy_editor", "auditor", "approver"], data: { version: 7 } } }]);
  });

  it("people and grants are no news for agents, and sign-ins are for nobody", async () => {
    const news = await newsOf([row(6, "person_added", null), row(7, "grant_made", null), row(8, "signed_in", null), row(9, "sign_in_refused", null), row(10, "data_key_made", null)]);
    expect(news).toEqual([
      { seq: 6, name: "directory", forAgents: null, forPeople: { roles: null, data: { event: "person_added" } } },
      { seq: 7, name: "grant", forAgents: null, forPeople: { roles: ["approver", "auditor"], data: { event: "grant_made" } } },
    ]);
  });
});

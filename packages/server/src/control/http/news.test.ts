import type { AskedRequest } from "@countersign/sdk/wire";
import { expect, it } from "vitest";
import type { RecordLine } from "../../store/store.ts";
import { createNewsOf } from "./news.ts";

const row = (seq: number, requestId: string | null, event: string): RecordLine => ({ seq, at: 0, type: "event", event, callId: null, requestId, policyId: null, principal: "key:k1", line: "{}" });

it("of several rows about one request the last is told, once, and every other row still means what it means", async () => {
  const asked: number[] = [];
  const eventOf = ({ seq, requestId }: RecordLine) => {
    asked.push(seq);
    return Promise.resolve({ seq, requestId: requestId ?? "", principal: "key:k1", request: { id: requestId, rev: 2, state: "approved" } as AskedRequest }); // what is read of it
  };
  const newsOf = createNewsOf({ eventOf }, { resident: { get: () => undefined, all: () => [], policy: undefined, now: 0 } });
  const news = await newsOf([row(1, "a", "vote_cast"), row(2, "b", "vote_cast"), row(3, "a", "grant_made"), row(4, "a", "vote_cast"), row(5, null, "person_added")]);
  expect(news.map(({ seq, name }) => [seq, name])).toEqual([[2, "request"], [3, "grant"], [4, "request"], [5, "directory"]]);
  expect(asked).toEqual([2, 4]);
});

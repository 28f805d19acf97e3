import { expect, it } from "vitest";
import { fakeRequest } from "../store/fixture/stored-rows.ts";
import { RecentRequests } from "./recent-requests.ts";

it("remembers the requests that were used last, within a bound of bytes", () => {
  const recent = new RecentRequests(20_000);
  const row = (id: string, bytes = 0) => ({ id, rev: 1, data: fakeRequest(id, { sealed: { alg: "A256GCM", key: "k", iv: "", tag: "", data: "x".repeat(bytes) } }) });
  for (const id of ["a", "b", "c", "d"]) recent.put(row(id));
  expect(recent.get("a")?.id).toBe("a");
  recent.put(row("e"));
  expect(["a", "b", "c", "d", "e"].filter((id) => recent.get(id) !== undefined)).toEqual(["a", "c", "d", "e"]);
  recent.put(row("large", 30_000));
  expect(["a", "large"].filter((id) => recent.get(id) !== undefined)).toEqual([]);
  for (const fields of [{ policies: ["x".repeat(30_000)] }, { narration: { description: "", definition: { of: "x".repeat(30_000) } } }]) {
    recent.put({ id: "named", rev: 1, data: fakeRequest("named", fields) });
    expect(recent.get("named")).toBeUndefined();
  }
});

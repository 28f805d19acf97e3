import { describe, expect, it } from "vitest";
import { pathTo, placeOf } from "./location.ts";

describe("addresses of the inbox", () => {
  it("lead to the pages of the contract and nowhere else", () => {
    expect(["/", "/history", "/requests/a_b-1", "/requests/", "/requests/a/b", "/admin"].map((path) => placeOf(path))).toEqual([
      { page: "waiting", id: "" },
      { page: "history", id: "" },
      { page: "request", id: "a_b-1" },
      { page: "nowhere", id: "" },
      { page: "nowhere", id: "" },
      { page: "nowhere", id: "" },
    ]);
  });

  it("an id is never more than one part of a path", () => {
    expect(pathTo("request", "a/../b?c#d")).toBe("/requests/a%2F..%2Fb%3Fc%23d");
    expect(placeOf(pathTo("request", "a/b"))).toEqual({ page: "request", id: "a/b" });
    expect(placeOf("/requests/%E0%A4%A")).toEqual({ page: "request", id: "" });
  });
});

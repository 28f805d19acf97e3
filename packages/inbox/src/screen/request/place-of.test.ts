import { describe, expect, it } from "vitest";
import { isSamePlace, placeOf } from "./place-of.ts";

describe("what a call is about", () => {
  it("is told by the likeliest name among its arguments, where that is a text", () => {
    expect(placeOf('{"content":"x","path":"/a"}')).toEqual({ name: "path", value: "/a" });
    expect(placeOf('{"path":5,"url":"https://a"}')).toEqual({ name: "url", value: "https://a" });
    for (const nothing of [null, "{}", '{"sql":"select 1"}', '{"path":""}']) expect(placeOf(nothing)).toBeUndefined();
  });

  it("is the same only by name and by every character", () => {
    expect(isSamePlace(placeOf('{"path":"/a"}'), placeOf('{"path":"/a","more":1}'))).toBe(true);
    expect(isSamePlace(placeOf('{"path":"/a"}'), placeOf('{"path":"/a "}'))).toBe(false);
    expect(isSamePlace(placeOf('{"path":"/a"}'), placeOf('{"file":"/a"}'))).toBe(false);
    expect(isSamePlace(undefined, undefined)).toBe(false);
  });
});

import { describe, expect, it } from "vitest";
import { isInHours, localTime, readHours, readZone } from "./zone-hours.ts";

// What businessHours() promises as a whole is tested beside the handler of that name.
describe("localTime", () => {
  it.each([
    ["Europe/Berlin", "2026-03-29T00:59:59Z", "2026-03-29T01:59:59.000Z"],
    ["Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00.000Z"],
    ["Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T02:30:00.000Z"],
    ["Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00.000Z"],
    ["UTC", "2028-02-29T23:00:00Z", "2028-02-29T23:00:00.000Z"],
    ["UTC", "0050-02-28T00:00:00Z", "0050-02-28T00:00:00.000Z"],
    ["Pacific/Auckland", "2025-12-31T11:00:00Z", "2026-01-01T00:00:00.000Z"],
    ["Asia/Kathmandu", "2026-01-01T00:00:00Z", "2026-01-01T05:45:00.000Z"],
  ])("in %s at %s is %s", (zone, at, local) => {
    expect(localTime(readZone(zone, "test"), new Date(at)).toISOString()).toBe(local);
  });

  it("throws where there is no time", () => {
    expect(() => localTime(readZone("UTC", "test"), Number.NaN)).toThrow(RangeError);
  });
});

describe("readHours", () => {
  it("tells people the hours it read", () => {
    const hours = readHours({ zone: "UTC", days: "Fri-Sun", from: "22:00", to: "06:00" });
    expect(hours.told).toBe("Fri,Sat,Sun 22:00-06:00 UTC");
    expect(isInHours(hours, Date.parse("2026-01-19T05:59:00Z"))).toBe(true); // Monday morning, Sunday's window
    expect(isInHours(hours, Date.parse("2026-01-19T22:00:00Z"))).toBe(false);
  });

  it.each([["+02:00"], ["Mars/Olympus"], [""]])("refuses the zone %j", (zone) => {
    expect(() => readHours({ zone, days: "Mon", from: "09:00", to: "17:00" })).toThrow("businessHours: zone must be an IANA time zone");
  });
});

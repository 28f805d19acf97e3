import { describe, expect, it } from "vitest";
import { ApprovalDecision } from "../approval/decision.ts";
import { handlerTimeoutMs } from "../approval/handler-timeout.ts";
import { fakeContext, fakeViolation } from "../testing/fake-call.ts";
import { businessHours } from "./business-hours.ts";
import type { BusinessHoursOptions } from "./business-hours.ts";
import { withTimeout } from "./with-timeout.ts";

const OFFICE: BusinessHoursOptions = { zone: "Europe/Berlin", days: "Mon-Fri", from: "09:00", to: "17:00" };

async function isOpen(options: Partial<BusinessHoursOptions>, at: string): Promise<boolean> {
  const handler = businessHours({ ...OFFICE, ...options, now: () => new Date(at) });
  const answer = await handler(fakeViolation(), fakeContext());
  return answer instanceof ApprovalDecision && answer.approved;
}

describe("businessHours", () => {
  it.each([
    ["the first minute", "2026-01-14T08:00:00Z", true], // Wednesday, 09:00 in Berlin
    ["the minute before", "2026-01-14T07:59:59Z", false],
    ["the last minute", "2026-01-14T15:59:59Z", true],
    ["the minute after", "2026-01-14T16:00:00Z", false],
    ["a Saturday", "2026-01-17T10:00:00Z", false],
    ["a Friday", "2026-01-16T10:00:00Z", true],
  ])("is exact to the minute and the day: %s", async (_name, at, open) => {
    expect(await isOpen({}, at)).toBe(open);
  });

  it.each([
    // Berlin goes to +02:00 on Sunday 2026-03-29 at 01:00Z, and back on Sunday 2026-10-25 at 01:00Z.
    ["the Friday before spring", "2026-03-27T07:30:00Z", false], // 08:30
    ["the Monday after", "2026-03-30T07:30:00Z", true], // 09:30
    ["the Friday before autumn", "2026-10-23T07:30:00Z", true], // 09:30
    ["the Monday after autumn", "2026-10-26T07:30:00Z", false], // 08:30
  ])("follows daylight saving time: %s", async (_name, at, open) => {
    expect(await isOpen({}, at)).toBe(open);
  });

  it.each([
    ["before the gap", "2026-03-29T00:59:00Z", true], // 01:59 +01:00
    ["after the gap", "2026-03-29T01:00:00Z", false], // 03:00 +02:00
    ["the hour that is skipped is no hour", "2026-03-29T01:30:00Z", false], // 03:30 +02:00
    ["the repeated hour, first time", "2026-10-25T00:30:00Z", true], // 02:30 +02:00
    ["the repeated hour, second time", "2026-10-25T01:30:00Z", true], // 02:30 +01:00
  ])("goes by the wall clock through the change itself: %s", async (_name, at, open) => {
    expect(await isOpen({ days: "Sun", from: "01:00", to: "03:00" }, at)).toBe(open);
  });

  it.each([
    ["Friday evening", "2026-01-16T22:00:00Z", true],
    ["the night to Saturday", "2026-01-17T05:59:00Z", true],
    ["Saturday at six", "2026-01-17T06:00:00Z", false],
    ["Saturday evening", "2026-01-17T23:00:00Z", false],
    ["the night to Monday", "2026-01-19T02:00:00Z", false],
    ["the night to Tuesday", "2026-01-20T02:00:00Z", true],
    ["noon", "2026-01-16T12:00:00Z", false],
    ["midnight", "2026-01-17T00:00:00Z", true],
  ])("counts a window over midnight to the day it began on: %s", async (_name, at, open) => {
    expect(await isOpen({ zone: "UTC", from: "22:00", to: "06:00" }, at)).toBe(open);
  });

  it("takes the day of the zone, not of UTC", async () => {
    // Sunday 20:00Z is Monday 09:00 in Auckland (+13:00).
    expect(await isOpen({ zone: "Pacific/Auckland" }, "2026-01-18T20:00:00Z")).toBe(true);
    expect(await isOpen({ zone: "UTC", from: "00:00", to: "24:00" }, "2026-01-18T20:00:00Z")).toBe(false);
  });

  it("takes zones that are half an hour off, and the whole day", async () => {
    expect(await isOpen({ zone: "Asia/Kolkata" }, "2026-01-14T03:30:00Z")).toBe(true);
    expect(await isOpen({ zone: "Asia/Kolkata" }, "2026-01-14T03:29:00Z")).toBe(false);
    expect(await isOpen({ zone: "UTC", from: "00:00", to: "24:00" }, "2026-01-14T23:59:59Z")).toBe(true);
  });

  it.each([
    ["Fri-Mon", "2026-01-18T10:00:00Z", true],
    ["Fri-Mon", "2026-01-14T10:00:00Z", false],
    ["Sat,Mon-Wed", "2026-01-17T10:00:00Z", true],
    ["Sat,Mon-Wed", "2026-01-15T10:00:00Z", false],
    [["Wed", "Sun"], "2026-01-14T10:00:00Z", true],
    [["Wed", "Sun"], "2026-01-15T10:00:00Z", false],
  ])("reads the days %j", async (days, at, open) => {
    expect(await isOpen({ days }, at)).toBe(open);
  });

  it("approves inside the hours as a rule", async () => {
    const handler = businessHours({ ...OFFICE, now: () => Date.parse("2026-01-14T10:00:00Z") });
    expect(await handler(fakeViolation(), fakeContext())).toMatchObject({ approved: true, approver: "business_hours_auto", human: false });
  });

  it("denies outside them where nobody else is named, and says when they are", async () => {
    const handler = businessHours({ ...OFFICE, now: () => new Date("2026-01-17T10:00:00Z") });
    expect(await handler(fakeViolation(), fakeContext())).toMatchObject({
      approved: false,
      reason: "outside business hours (Mon,Tue,Wed,Thu,Fri 09:00-17:00 Europe/Berlin)",
    });
  });

  it("asks the other handler outside them, with the same question, and only then", async () => {
    const error = fakeViolation();
    const context = fakeContext();
    const asked: unknown[] = [];
    const otherwise = (...question: unknown[]) => {
      asked.push(question);
      return new ApprovalDecision({ approved: true, approver: "manual_after_hours" });
    };
    await businessHours({ ...OFFICE, otherwise, now: () => new Date("2026-01-14T10:00:00Z") })(error, context);
    expect(asked).toEqual([]);
    const answer = await businessHours({ ...OFFICE, otherwise, now: () => new Date("2026-01-17T10:00:00Z") })(error, context);
    expect(asked).toEqual([[error, context]]);
    expect(answer).toMatchObject({ approver: "manual_after_hours" });
  });

  it("has the window of the handler it hands the question to", () => {
    expect(handlerTimeoutMs(businessHours({ ...OFFICE, otherwise: withTimeout(() => true, { minutes: 2 }) }))).toBe(120_000);
    expect(handlerTimeoutMs(businessHours(OFFICE))).toBeUndefined();
  });

  it("does not approve where its clock gives no time", () => {
    const handler = businessHours({ ...OFFICE, days: "Mon-Sun", from: "00:00", to: "24:00", now: () => new Date(Number.NaN) });
    expect(() => handler(fakeViolation(), fakeContext())).toThrow(RangeError);
  });

  it.each([
    ["zone", undefined],
    ["zone", "Europe/Atlantis"],
    ["zone", "+02:00"],
    ["zone", ""],
    ["days", undefined],
    ["days", ""],
    ["days", "Monday"],
    ["days", "Mon-Tue-Wed"],
    ["days", []],
    ["days", [1]],
    ["days", "mon-fri"],
    ["from", "9:00"],
    ["from", "24:00"],
    ["from", "17:00"],
    ["to", "25:00"],
    ["to", "17:60"],
    ["to", 17],
    ["otherwise", "ask"],
    ["now", 0],
  ])("refuses %s = %j when it is made", (key, value) => {
    expect(() => businessHours({ ...OFFICE, [key]: value })).toThrow(TypeError);
  });
});

import { existsSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runStory } from "../testing/run-story.ts";
import { pick } from "../testing/story-sandbox.ts";
import { startOnTerminal, terminal } from "../testing/terminal-story.ts";

// The function reads the machine's zone, which is UTC here; businessHours reads Berlin, two hours ahead in July.
const WEDNESDAY_NOON = "2026-07-01T12:00:00Z";
const WEDNESDAY_LATE = "2026-07-01T22:30:00Z";

describe("the time-based handlers", () => {
  it("approve in business hours, and nobody is asked", async () => {
    const { code, output, errors, folder, rows, record } = await runStory("time-based", { env: { EXAMPLE_NOW: WEDNESDAY_NOON } });
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    expect(output).toBe("businessHoursHandler: written\nbusinessHours: written\n");
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(["businessHoursHandler.txt", "businessHours.txt"]));
    const approved = { status: "approved", approver: "business_hours_auto", human: false };
    expect(pick(rows, "approval", "status", "approver", "human")).toEqual([approved, approved]);
    expect(record.ok).toBe(true);
  });

  it("read their own zones: at 16:00 UTC the function approves, and it is 18:00 in Berlin", async () => {
    const { output } = await runStory("time-based", { env: { EXAMPLE_NOW: "2026-07-01T16:00:00Z" } });
    expect(output).toBe("businessHoursHandler: written\nbusinessHours: approval_denied\n");
  });

  it("deny outside of business hours where there is no terminal to ask at", async () => {
    const { code, output, errors, folder, record } = await runStory("time-based", { env: { EXAMPLE_NOW: WEDNESDAY_LATE } });
    expect(code).toBe(0);
    expect(output).toContain("Outside business hours. Manual approval needed.");
    expect(output).toMatch(/businessHoursHandler: approval_denied\nbusinessHours: approval_denied\n$/);
    expect(errors).toContain("nobody could be asked");
    expect(readdirSync(folder)).toEqual(["readme.txt"]);
    expect(record.ok).toBe(true);
  });

  it("ask at the terminal outside of business hours, on a weekend too", async ({ skip }) => {
    skip(terminal.path === undefined, terminal.missing);
    const story = startOnTerminal("time-based", { EXAMPLE_NOW: "2026-07-04T12:00:00Z" });
    await story.see("  Approve? (y/n): ");
    await story.answer("y");
    await story.see("Approve this operation? (y/n): ");
    await story.answer("n");
    const { code, output, folder, rows, record } = await story.end();
    expect(code).toBe(0);
    expect(output).toContain("Outside business hours. Manual approval needed.\n  Reason: File writes require approval\n  Operation: write_file\n");
    expect(output).toMatch(/businessHoursHandler: written\n[^]*businessHours: approval_denied\n/);
    expect(existsSync(`${folder}/businessHoursHandler.txt`)).toBe(true);
    expect(existsSync(`${folder}/businessHours.txt`)).toBe(false);
    expect(pick(rows, "approval", "status", "human")).toEqual([
      { status: "approved", human: true },
      { status: "denied", human: true },
    ]);
    expect(rows.find(({ type }) => type === "approval")).toMatchObject({ approver: "manual_after_hours" });
    expect(record.ok).toBe(true);
  });
});

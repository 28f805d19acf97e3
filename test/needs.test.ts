import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { findChromium, findProgram } from "./needs.ts";

const folder = mkdtempSync(join(tmpdir(), "countersign-needs-"));
const program = join(folder, "chromium");
writeFileSync(program, "#!/bin/sh\n", { mode: 0o755 });
writeFileSync(join(folder, "notes"), "", { mode: 0o644 });
afterAll(() => rmSync(folder, { recursive: true }));

describe("what a suite needs", () => {
  it("is found on PATH when it can be run", () => {
    expect(findProgram("chromium", { PATH: folder }).path).toBe(program);
    expect(findProgram("notes", { PATH: folder }).path).toBeUndefined();
    expect(findProgram("tmux", { PATH: "" })).toEqual({ path: undefined, missing: "no tmux on PATH" });
  });

  it("COUNTERSIGN_TEST_CHROMIUM wins over PATH, and a wrong one is said to be wrong", () => {
    expect(findChromium({ PATH: folder }).path).toBe(program);
    expect(findChromium({ PATH: "", COUNTERSIGN_TEST_CHROMIUM: program }).path).toBe(program);
    const wrong = findChromium({ PATH: folder, COUNTERSIGN_TEST_CHROMIUM: join(folder, "gone") });
    expect(wrong).toEqual({ path: undefined, missing: "COUNTERSIGN_TEST_CHROMIUM names no program" });
  });

  it("says what to do where there is none", () => {
    expect(findChromium({ PATH: "" }).missing).toBe("no Chromium on PATH; install one or name it in COUNTERSIGN_TEST_CHROMIUM");
  });
});

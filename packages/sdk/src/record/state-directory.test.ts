import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ensurePrivateDirectory } from "./state-directory.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "countersign-state-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("a directory of one's own", () => {
  it("is made with all that is missing above it, for its user alone, and made once", () => {
    const path = join(folder, "a", "b", "c");
    ensurePrivateDirectory(path);
    ensurePrivateDirectory(path);
    if (process.platform !== "win32") expect([join(folder, "a"), path].map((one) => statSync(one).mode & 0o777)).toEqual([0o700, 0o700]);
    expect(statSync(path).isDirectory()).toBe(true);
  });

  it("is refused where a file stands in its place or above it", () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    expect(() => ensurePrivateDirectory(file)).toThrow("EEXIST");
    expect(() => ensurePrivateDirectory(join(file, "below"))).toThrow("ENOTDIR");
  });

  it("is refused where others may write", ({ skip }) => {
    skip(process.platform === "win32", "there are no mode bits");
    const open = join(folder, "open");
    mkdirSync(open);
    expect(spawnSync("chmod", ["o+w", open]).status).toBe(0);
    expect(() => ensurePrivateDirectory(open)).toThrow("writable by other users");
  });

  // In a process of its own, which can be ended where it tries for ever.
  it("is refused where nothing can be made, as in /proc", ({ skip }) => {
    skip(process.platform !== "linux", "there is no /proc");
    const program = `import { ensurePrivateDirectory } from ${JSON.stringify(new URL("./state-directory.ts", import.meta.url).href)};\ntry { ensurePrivateDirectory("/proc/countersign/below"); } catch (error) { console.log(error.code); }`;
    const { stdout, signal } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8", timeout: 8_000, killSignal: "SIGKILL" });
    expect([signal, stdout]).toEqual([null, "ENOENT\n"]);
  });
});

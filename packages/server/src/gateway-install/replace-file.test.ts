import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, linkSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { copiesOf, replaceFile, takeSnapshot, type Snapshot } from "./replace-file.ts";

const DIES = fileURLToPath(new URL("fixture/replace-and-die.ts", import.meta.url));
const NOW = Date.UTC(2026, 10, 25, 19, 0, 0);
const isRoot = process.getuid?.() === 0;

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "countersign-replace-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function snapshot(path: string): Snapshot {
  const taken = takeSnapshot(path);
  if (taken.kind !== "taken") throw new Error(taken.kind === "refused" ? taken.why : "absent");
  return taken.snapshot;
}

const replace = (path: string, text: string): ReturnType<typeof replaceFile> => replaceFile(snapshot(path), Buffer.from(text), "install", NOW);
const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe("a file that is replaced", () => {
  it("keeps its mode, has a copy of before beside it that only its owner reads, and nothing else", () => {
    const within = folder();
    const path = join(within, "mcp.json");
    writeFileSync(path, "old");
    chmodSync(path, 0o644);
    const copy = join(within, "mcp.json.countersign-install-20261125T190000000Z.bak");
    expect(replace(path, "new")).toEqual({ ok: true, copy });
    expect([readFileSync(path, "utf8"), modeOf(path)]).toEqual(["new", 0o644]);
    expect([readFileSync(copy, "utf8"), modeOf(copy)]).toEqual(["old", 0o600]);
    expect(readdirSync(within).toSorted()).toEqual(["mcp.json", "mcp.json.countersign-install-20261125T190000000Z.bak"]);
  });

  it("has a second copy where there are two changes at one moment, the newest last", () => {
    const path = join(folder(), "mcp.json");
    writeFileSync(path, "one");
    replace(path, "two");
    replace(path, "three");
    expect(copiesOf(path, "install").map((copy) => readFileSync(copy, "utf8"))).toEqual(["one", "two"]);
    expect(copiesOf(path, "uninstall")).toEqual([]);
  });

  it("behind symbolic links: the file itself changes, the links stay", () => {
    const within = folder();
    mkdirSync(join(within, "dotfiles"));
    writeFileSync(join(within, "dotfiles/mcp.json"), "old");
    symlinkSync("dotfiles/mcp.json", join(within, "middle"));
    symlinkSync("middle", join(within, "mcp.json"));
    const replaced = replace(join(within, "mcp.json"), "new");
    expect(replaced).toMatchObject({ ok: true, copy: expect.stringContaining("dotfiles/mcp.json.countersign-install-") });
    expect(lstatSync(join(within, "mcp.json")).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(within, "dotfiles/mcp.json"), "utf8")).toBe("new");
  });

  it("keeps its owner", ({ skip }) => {
    skip(!isRoot, "only root gives files away");
    const path = join(folder(), "mcp.json");
    writeFileSync(path, "old");
    chownSync(path, 12_345, 23_456);
    replace(path, "new");
    expect(statSync(path)).toMatchObject({ uid: 12_345, gid: 23_456 });
  });
});

describe("a file is left as it is, with nothing beside it,", () => {
  it.each<[string, (path: string) => void, string]>([
    ["where somebody writes it meanwhile", (path) => writeFileSync(path, "theirs"), "theirs"],
    ["where somebody replaces it by a longer one meanwhile", (path) => writeFileSync(path, "old and more"), "old and more"],
  ])("%s", (_, meanwhile, stays) => {
    const within = folder();
    const path = join(within, "mcp.json");
    writeFileSync(path, "old");
    const seen = snapshot(path);
    meanwhile(path);
    expect(replaceFile(seen, Buffer.from("new"), "install", NOW)).toMatchObject({ ok: false, changed: true, why: expect.stringContaining("changed by somebody else") });
    expect([readFileSync(path, "utf8"), readdirSync(within)]).toEqual([stays, ["mcp.json"]]);
  });

  it("where it is written between the new file and the rename", () => {
    const path = join(folder(), "mcp.json");
    writeFileSync(path, "old");
    expect(replaceFile(snapshot(path), Buffer.from("new"), "install", NOW, () => writeFileSync(path, "theirs"))).toMatchObject({ ok: false, changed: true });
    expect(readFileSync(path, "utf8")).toBe("theirs");
  });

  it("where its link leads elsewhere meanwhile, or it is gone", () => {
    const within = folder();
    for (const name of ["a", "b"]) writeFileSync(join(within, name), "old");
    symlinkSync("a", join(within, "mcp.json"));
    const seen = snapshot(join(within, "mcp.json"));
    rmSync(join(within, "mcp.json"));
    expect(replaceFile(seen, Buffer.from("new"), "install", NOW)).toMatchObject({ ok: false });
    symlinkSync("b", join(within, "mcp.json"));
    expect(replaceFile(seen, Buffer.from("new"), "install", NOW)).toMatchObject({ ok: false, changed: true });
    expect(readdirSync(within).toSorted()).toEqual(["a", "b", "mcp.json"]);
  });

  it("where it has a second name", () => {
    const within = folder();
    const path = join(within, "mcp.json");
    writeFileSync(path, "old");
    linkSync(path, join(within, "other"));
    expect(replace(path, "new")).toMatchObject({ ok: false, why: expect.stringContaining("hard link") });
    expect(readFileSync(path, "utf8")).toBe("old");
  });

  it("where its folder cannot be written", ({ skip }) => {
    skip(isRoot, "root may write everywhere");
    const within = folder();
    const path = join(within, "mcp.json");
    writeFileSync(path, "old");
    chmodSync(within, 0o500);
    onTestFinished(() => chmodSync(within, 0o700));
    expect(replace(path, "new")).toMatchObject({ ok: false, why: expect.stringContaining("you may not write in") });
    expect(readFileSync(path, "utf8")).toBe("old");
  });

  it("where the process is killed between the new file and the rename; the next change clears up", () => {
    const within = folder();
    const path = join(within, "mcp.json");
    writeFileSync(path, "old");
    const { signal } = spawnSync(process.execPath, [DIES, path], { encoding: "utf8" });
    expect(signal).toBe("SIGKILL");
    expect(readFileSync(path, "utf8")).toBe("old");
    const left = readdirSync(within).filter((name) => name.endsWith(".tmp"));
    expect(left).toHaveLength(1);
    expect(modeOf(join(within, left[0] ?? ""))).toBe(modeOf(path));
    const running = join(within, `.mcp.json.countersign-${process.pid}-00000000.tmp`);
    writeFileSync(running, "of a process that runs");
    expect(replace(path, "new").ok).toBe(true);
    expect(readFileSync(path, "utf8")).toBe("new");
    expect(readdirSync(within).filter((name) => name.endsWith(".tmp"))).toEqual([`.mcp.json.countersign-${process.pid}-00000000.tmp`]);
  });
});

it("a folder, nothing, and what may not be read are not taken for files", ({ skip }) => {
  const within = folder();
  expect(takeSnapshot(within)).toEqual({ kind: "refused", why: "it is no file" });
  expect(takeSnapshot(join(within, "none"))).toEqual({ kind: "absent" });
  symlinkSync("none", join(within, "dangling"));
  expect(takeSnapshot(join(within, "dangling"))).toEqual({ kind: "absent" });
  skip(isRoot, "root may read everything");
  writeFileSync(join(within, "secret"), "");
  chmodSync(join(within, "secret"), 0);
  expect(takeSnapshot(join(within, "secret"))).toEqual({ kind: "refused", why: "you may not read it" });
});

import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "countersign-spawn-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What a gateway on Windows would start, seen by a cmd.exe of ours: the platform's name is all that is not real. */
function startedOnWindows(command: string, args: readonly string[]): unknown {
  const shell = join(folder, "cmd.exe");
  writeFileSync(shell, `#!${process.execPath}\nprocess.stdout.write(JSON.stringify(process.argv.slice(2)));\n`);
  chmodSync(shell, 0o755);
  writeFileSync(join(folder, "npx.CMD"), "@node npx-cli.js %*\r\n", { mode: 0o755 });
  const script = `
    Object.defineProperty(process, "platform", { value: "win32" });
    const { spawnProgram } = await import(${JSON.stringify(new URL("spawn-program.ts", import.meta.url).href)});
    const child = spawnProgram(${JSON.stringify(command)}, ${JSON.stringify(args)}, { stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", (error) => console.log(JSON.stringify(error.code)));
  `;
  const env = { PATH: folder, Path: folder, PATHEXT: ".EXE;.CMD", comspec: shell };
  const ended = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { env, encoding: "utf8", cwd: folder });
  return JSON.parse(ended.stdout);
}

it("npx, which is npx.cmd on Windows, is started by cmd.exe, and none of its arguments means anything to that", () => {
  const [d, s, c, line] = startedOnWindows("npx", ["-y", "a b", "& calc", '"%PATH%"']) as readonly string[]; // the words of a command line
  expect([d, s, c]).toEqual(["/d", "/s", "/c"]);
  expect(line).toMatch(/^"npx /);
  // Each character that cmd.exe would read is escaped.
  expect(line?.slice(1, -1).replaceAll(/\^./g, "")).not.toMatch(/[&%"<>|]/);
  expect(line).toContain("^&^ calc");
});

it("a program that is not there is not found, as elsewhere", () => {
  const script = `const { spawnProgram } = await import(${JSON.stringify(new URL("spawn-program.ts", import.meta.url).href)}); spawnProgram("none-such", []).on("error", ({ code }) => console.log(code));`;
  expect(spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" }).stdout.trim()).toBe("ENOENT");
});

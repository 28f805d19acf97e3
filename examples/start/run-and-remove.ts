// Runs the program it is given, and afterwards removes a directory: `run-and-remove.ts DIRECTORY PROGRAM [ARGUMENTS]`. Between `npm start` and
// its control plane, which ends when its input does: so nothing stays on disk even where `npm start` is killed. Both are in one process
// group, and what they print and read is theirs.
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";

const [directory = "", program = "", ...args] = process.argv.slice(2);
const child = spawn(process.execPath, [program, ...args], { stdio: "inherit" });
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
child.once("error", (error) => {
  console.error(error.message);
  remove(1);
});
child.once("close", (code) => remove(code ?? 1));

function remove(code: number): void {
  rmSync(directory, { recursive: true, force: true });
  process.exitCode = code;
}

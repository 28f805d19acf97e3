import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

const CHILD = fileURLToPath(new URL("record-process-child.ts", import.meta.url));

/** A real process that keeps a file record in `directory` and works until it is killed, or ends as `how` says. */
export function startRecordProcess(directory: string, how: "until killed" | "return" | "process.exit" | "throw"): ChildProcess {
  return spawn(process.execPath, ["--experimental-strip-types", "--no-warnings", CHILD, directory, how], { stdio: ["ignore", "pipe", "pipe"] });
}

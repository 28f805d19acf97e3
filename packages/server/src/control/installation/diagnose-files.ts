/** What other users of this machine can reach in the state directory. Called by `countersign doctor` on its machine, and by the control plane on its own. */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Diagnosis } from "./diagnose.ts";

const PRIVATE_FILES = ["countersign.db", "countersign.db-wal", "master.key", "operator.secret", "control.json", "installation.key"] as const;

export function diagnoseFiles(directory: string): readonly Diagnosis[] {
  if (process.platform === "win32") return []; // no mode bits; the profile directory is the user's own
  const found: Diagnosis[] = [];
  if ((modeOf(directory) ?? 0) & 0o077) found.push({ code: "open_directory", severity: "danger", message: `Other users of this machine can look into ${directory}.`, mend: `Run: chmod 700 ${directory}` });
  for (const name of PRIVATE_FILES) {
    const path = join(directory, name);
    if ((modeOf(path) ?? 0) & 0o077) found.push({ code: "open_file", severity: "danger", message: `Other users of this machine can read ${path}.`, mend: `Run: chmod 600 ${path}, and if anyone may have read it, make new keys.` });
  }
  return found;
}

function modeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mode;
}

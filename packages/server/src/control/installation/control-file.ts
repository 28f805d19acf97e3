/**
 * `control.json` of the state directory: where the control plane that owns it listens. Written (0600) once it listens, removed
 * when it ends in good order. A crash leaves it behind: whoever reads it looks whether the lock is held, and checks the instance id.
 */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const controlFile = z.object({ url: z.url(), pid: z.int().min(1), instance: z.string().min(1), version: z.string() });
export type ControlFile = z.infer<typeof controlFile>;

const NAME = "control.json";
const SECRET_NAME = "operator.secret";

export function writeControlFile(directory: string, facts: ControlFile): void {
  writePrivate(directory, NAME, `${JSON.stringify(facts, null, 2)}\n`);
}

/** Undefined where there is none, or it cannot be read. */
export function readControlFile(directory: string): ControlFile | undefined {
  try {
    return controlFile.parse(JSON.parse(readFileSync(join(directory, NAME), "utf8")));
  } catch {
    return undefined;
  }
}

/** By whoever holds the lock: at the end, and at the start, where a crash left one behind. */
export function removeControlFile(directory: string): void {
  rmSync(join(directory, NAME), { force: true });
}

/** A new secret for the local operator (`countersign open`, `status`, `down`), good as long as this control plane runs. */
export function makeOperatorSecret(directory: string): string {
  const secret = `cso_${randomBytes(32).toString("base64url")}`;
  writePrivate(directory, SECRET_NAME, `${secret}\n`);
  return secret;
}

/** Undefined where there is none, or it may not be read by this user. */
export function readOperatorSecret(directory: string): string | undefined {
  try {
    return readFileSync(join(directory, SECRET_NAME), "utf8").trim();
  } catch {
    return undefined;
  }
}

/** Whole or not at all: written beside its place and renamed. */
function writePrivate(directory: string, name: string, text: string): void {
  const beside = join(directory, `.${name}.${process.pid}.${randomBytes(4).toString("hex")}`);
  const file = openSync(beside, "wx", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(beside, join(directory, name));
}

/** Which gateways run on a state directory: a file for each, so that `status` and `doctor` find them. A crash leaves one behind; whoever reads it looks whether the process lives. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensurePrivateDirectory } from "@countersign/sdk/record";
import { z } from "zod";

const registered = z.object({ url: z.url(), pid: z.int().min(1), config: z.string().optional() });
export type RegisteredGateway = z.infer<typeof registered>;

const FOLDER = "gateways";

export function registerGateway(directory: string, { url, config }: { readonly url: string; readonly config: string | undefined }): { remove(): void } {
  ensurePrivateDirectory(directory);
  mkdirSync(join(directory, FOLDER), { recursive: true, mode: 0o700 });
  const path = join(directory, FOLDER, `${process.pid}.json`);
  writeFileSync(path, `${JSON.stringify({ url, pid: process.pid, ...(config === undefined ? {} : { config }) })}\n`, { mode: 0o600 });
  return { remove: () => rmSync(path, { force: true }) };
}

/** Those whose process lives. */
export function registeredGateways(directory: string): readonly RegisteredGateway[] {
  const folder = join(directory, FOLDER);
  return namesIn(folder).flatMap((name) => {
    const found = read(join(folder, name));
    return found !== undefined && isAlive(found.pid) ? [found] : [];
  });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".json"));
  } catch {
    return [];
  }
}

function read(path: string): RegisteredGateway | undefined {
  try {
    return registered.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && Reflect.get(error, "code") === "EPERM";
  }
}

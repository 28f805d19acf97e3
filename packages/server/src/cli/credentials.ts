/**
 * Where `countersign login` keeps a person's tokens: `credentials.json` (0600) in the user's configuration directory, never in the
 * state directory. A token is that person: it must not be where an agent can read it.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { ensurePrivateDirectory } from "@countersign/sdk/record";
import { z } from "zod";
import { UsageError } from "./ports.ts";

const credential = z.object({ url: z.string(), installation: z.string(), person: z.string(), token: z.string(), expiresAt: z.number() });
const file = z.object({ credentials: z.array(credential) });
export type Credential = z.infer<typeof credential>;

const OTHERS = 0o077;

function directoryOf(env: NodeJS.ProcessEnv): string {
  const config = env["XDG_CONFIG_HOME"];
  const base = config !== undefined && isAbsolute(config) ? config : join(env["HOME"] ?? homedir(), ".config");
  return join(base, "countersign");
}

function credentialsPath(env: NodeJS.ProcessEnv): string {
  return join(directoryOf(env), "credentials.json");
}

/** By the address, or by the installation where its address has changed since. */
export function findCredential(env: NodeJS.ProcessEnv, url: string, installation: string | undefined): Credential | undefined {
  const all = readAll(env);
  return all.find((one) => one.url === placeOf(url)) ?? all.find((one) => one.installation === installation);
}

/** In the place of what was kept for this control plane. Answers the path. */
export function keepCredential(env: NodeJS.ProcessEnv, kept: Credential): string {
  const others = readAll(env).filter(({ url, installation }) => url !== placeOf(kept.url) && installation !== kept.installation);
  return writeAll(env, [...others, { ...kept, url: placeOf(kept.url) }]);
}

export function dropCredential(env: NodeJS.ProcessEnv, token: string): void {
  const all = readAll(env);
  const left = all.filter((one) => one.token !== token);
  if (left.length < all.length) writeAll(env, left);
}

/** The names of this machine are one place. */
function placeOf(url: string): string {
  const parsed = new URL(url);
  if (parsed.hostname === "localhost" || parsed.hostname === "[::1]") parsed.hostname = "127.0.0.1";
  return parsed.origin;
}

function readAll(env: NodeJS.ProcessEnv): readonly Credential[] {
  const path = credentialsPath(env);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return [];
  if (process.platform !== "win32" && (stat.mode & OTHERS) !== 0) throw new UsageError(`${path}: other users of this machine can read your tokens in it. End them (countersign logout), and run: chmod 600 ${path}`);
  try {
    return file.parse(JSON.parse(readFileSync(path, "utf8"))).credentials;
  } catch {
    throw new UsageError(`${path}: this is not what countersign login wrote. Remove it and sign in again.`);
  }
}

function writeAll(env: NodeJS.ProcessEnv, credentials: readonly Credential[]): string {
  const path = credentialsPath(env);
  ensurePrivateDirectory(directoryOf(env));
  const beside = `${path}.${randomBytes(4).toString("hex")}`;
  writeFileSync(beside, `${JSON.stringify({ credentials }, null, 2)}\n`, { flag: "wx", mode: 0o600 });
  renameSync(beside, path);
  return path;
}

/**
 * Sign-ins at servers, as they are kept: a file for each server's address in `upstreams/` of the state directory, for its user alone. Each
 * names the address and the issuer that it is good for, and is used for no other.
 */
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensurePrivateDirectory } from "@countersign/sdk/record";
import { z } from "zod";

const text = z.string().min(1);
const kept = z.object({
  version: z.literal(1),
  /** As `addressOf` writes it. */
  server: text,
  issuer: text,
  /** What the tokens are for (RFC 8707). */
  resource: text,
  /** Of the authorization server (RFC 8414), as it was when somebody signed in. */
  metadata: z.looseObject({ issuer: text, authorization_endpoint: text, token_endpoint: text, revocation_endpoint: z.string().optional(), response_types_supported: z.array(z.string()), token_endpoint_auth_methods_supported: z.array(z.string()).optional() }),
  client: z.looseObject({ client_id: text, client_secret: z.string().optional(), token_endpoint_auth_method: z.string().optional() }),
  tokens: z.object({ accessToken: text, refreshToken: z.string().optional(), scope: z.string().optional(), /** Milliseconds since the epoch. */ expiresAt: z.number().optional() }),
});
export type KeptSignIn = z.infer<typeof kept>;

const OTHERS = 0o077;

/** What a sign-in is good for: the address without its query, which may change and may be a secret. */
export function addressOf({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

export function directoryOf(stateDirectory: string): string {
  return join(stateDirectory, "upstreams");
}

export function fileOf(stateDirectory: string, server: URL): string {
  return join(directoryOf(stateDirectory), `${createHash("sha256").update(addressOf(server)).digest("hex").slice(0, 32)}.json`);
}

/** Undefined where there is none. Throws where others could read it, or it is none of ours: what to do is in the message. */
export function readSignIn(stateDirectory: string, server: URL): KeptSignIn | undefined {
  const path = fileOf(stateDirectory, server);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (process.platform !== "win32" && (stat.mode & OTHERS) !== 0) throw new Error(`${path}: other users of this machine can read the sign-in in it. Sign in anew: countersign gateway login ${addressOf(server)}`);
  let found: KeptSignIn;
  try {
    found = kept.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    throw new Error(`${path}: this is not what countersign gateway login wrote. Sign in anew: countersign gateway login ${addressOf(server)}`);
  }
  return found.server === addressOf(server) && found.metadata.issuer === found.issuer ? found : undefined;
}

/** Whole or not at all. */
export function writeSignIn(stateDirectory: string, server: URL, signIn: KeptSignIn): void {
  ensurePrivateDirectory(stateDirectory);
  ensurePrivateDirectory(directoryOf(stateDirectory));
  const path = fileOf(stateDirectory, server);
  const beside = `${path}.${randomBytes(4).toString("hex")}`;
  writeFileSync(beside, `${JSON.stringify(signIn, null, 2)}\n`, { flag: "wx", mode: 0o600 });
  renameSync(beside, path);
}

export function removeSignIn(stateDirectory: string, server: URL): void {
  rmSync(fileOf(stateDirectory, server), { force: true });
}

/** Addresses that somebody has signed in at. */
export function signedInAddresses(stateDirectory: string): readonly URL[] {
  let names: readonly string[];
  try {
    names = readdirSync(directoryOf(stateDirectory));
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith(".json"))
    .flatMap((name) => {
      try {
        return [new URL(kept.parse(JSON.parse(readFileSync(join(directoryOf(stateDirectory), name), "utf8"))).server)];
      } catch {
        return []; // none of ours
      }
    });
}

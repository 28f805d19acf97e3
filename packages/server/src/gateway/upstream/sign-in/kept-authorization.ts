/**
 * The sign-in that `countersign gateway login` kept for a server, as its connection uses it: sent along, renewed before it ends or where the
 * server does not take it any more. Gateways share it: one at a time renews, and the others take what it got, since a refresh token that is
 * used twice counts as stolen. What renews is loaded when it is needed.
 */
import { statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Authorization } from "../remote/remote-server.ts";
import { addressOf, fileOf, readSignIn, type KeptSignIn } from "./kept-file.ts";

export interface KeptAuthorizationOptions {
  readonly stateDirectory: string;
  /** Held by one process at a time, and by none that has ended. Undefined where another one holds it. */
  readonly lock: () => Promise<{ release(): void } | undefined>;
  readonly onWarning: (message: string) => void;
  /** How to sign in: the command without the address, as somebody would type it. */
  readonly command: string;
}

/** An access token that ends so soon is renewed before it is used. */
const EARLY_MS = 30_000;
const LOCK_MS = 15_000;
const LOOK_MS = 50;
/** After a renewal failed for no reason of the sign-in's own. */
const PAUSE_MS = 5_000;

export function keptAuthorization(server: URL, options: KeptAuthorizationOptions): Authorization {
  const path = fileOf(options.stateDirectory, server);
  let renewing: Promise<boolean> | undefined;
  let failedAt = -Infinity;

  let known: { readonly state: string; readonly kept: KeptSignIn | undefined } | undefined;

  /** A file is read when it is another one than before. */
  function read(): KeptSignIn | undefined {
    const found = statSync(path, { throwIfNoEntry: false });
    const state = found === undefined ? "" : [found.ino, found.ctimeMs, found.size].join();
    if (known?.state === state) return known.kept;
    known = { state, kept: undefined };
    try {
      known = { state, kept: readSignIn(options.stateDirectory, server) };
    } catch (error) {
      options.onWarning(error instanceof Error ? error.message : String(error));
    }
    return known.kept;
  }

  /** True where there is another access token than `old` afterwards. */
  function renewOnce(old: string): Promise<boolean> {
    return (renewing ??= renewLocked(old).finally(() => (renewing = undefined)));
  }

  async function renewLocked(old: string): Promise<boolean> {
    if (performance.now() - failedAt < PAUSE_MS) return false;
    const lock = await locked(options.lock);
    if (lock === undefined) return false;
    try {
      const now = read();
      if (now === undefined || now.tokens.accessToken !== old) return now !== undefined;
      const { renewSignIn } = await import("./renew-sign-in.ts");
      const renewed = await renewSignIn(server, now, options.stateDirectory);
      if (renewed.kind === "renewed") return true;
      if (renewed.kind === "failed") failedAt = performance.now();
      options.onWarning(`the sign-in at ${server.origin} was not renewed: ${renewed.why}`);
      return false;
    } finally {
      lock.release();
    }
  }

  return {
    async current() {
      const kept = read();
      if (kept === undefined) return undefined;
      const { expiresAt, refreshToken, accessToken } = kept.tokens;
      if (expiresAt === undefined || refreshToken === undefined || expiresAt - EARLY_MS > Date.now()) return `Bearer ${accessToken}`;
      await renewOnce(accessToken);
      return `Bearer ${read()?.tokens.accessToken ?? accessToken}`;
    },
    async renew(refused) {
      const kept = read();
      if (kept === undefined) return false;
      if (`Bearer ${kept.tokens.accessToken}` !== refused) return true;
      return kept.tokens.refreshToken !== undefined && (await renewOnce(kept.tokens.accessToken));
    },
    advice: (scope) => `Sign in with: ${options.command} ${addressOf(server)}${scope === undefined ? "" : ` --scope "${scope}"`}`,
  };
}

/** Undefined where another process holds it for too long. */
async function locked(lock: KeptAuthorizationOptions["lock"]): Promise<{ release(): void } | undefined> {
  const until = performance.now() + LOCK_MS;
  for (;;) {
    const held = await lock();
    if (held !== undefined || performance.now() > until) return held;
    await sleep(LOOK_MS);
  }
}

/**
 * Guard around the official MCP clients: `init` governs the client classes of this process, `configureSession` says who one
 * client's server is and whom to ask. This file only sets things up; the way of a call is client/governed-request.ts and
 * guard.ts. A client that was never configured is governed too, as one with an unknown server.
 */
import { governClass, governClient, ungovernAll } from "./client/govern.ts";
import { findClientClasses, versionAt, type GovernedClass } from "./client/find-classes.ts";
import { governance, setGovernance } from "./client/governance.ts";
import type { ClientClass, ClientLike } from "./client/client-like.ts";
import { assertSessionOptions, setSession, type SessionOptions } from "./client/session.ts";
import { watchLoads } from "./client/watch-loads.ts";
import { openGovernance, type GovernanceSettings, type GovernanceStatus } from "./enforcement/open-governance.ts";

export interface InitOptions extends GovernanceSettings {
  /** Classes to govern beside those that are found: bundled copies, subclasses of your own. */
  readonly clients?: readonly ClientClass[];
}

export interface Initialized {
  /** Every client class that is governed now; grows with copies that are loaded later. */
  readonly governed: readonly GovernedClass[];
  /** The policies in force; the record's file, if it is one, and the end of its chain: worth keeping elsewhere. */
  readonly status: () => GovernanceStatus;
}

const REMEDY = "Pass its class to init({ clients: [Client] }).";

let close: (() => Promise<void>) | undefined;

/**
 * Governs this process's MCP clients. Throws TypeError where there is nothing to decide by (neither `policies` nor
 * `controlPlane` nor their environment variables), and PolicyDocumentError where the document cannot be read. A second call replaces the first.
 */
export function init(options: InitOptions = {}): Initialized {
  const opened = openGovernance(options, "client");
  // What comes next does not depend on it, and a disk that is full must not end the process.
  close?.().catch((error: unknown) => opened.governance.onWarning(`what was set up before could not be closed in order: ${String(error)}`));
  setGovernance(opened.governance);
  const governed: GovernedClass[] = [];
  const unwatch = governClasses(options.clients ?? [], governed, opened.governance.onWarning);
  close = async () => {
    unwatch?.();
    await opened.close();
  };
  opened.start();
  return { governed, status: opened.status };
}

/** Takes every hook away, writes what the record still holds, and ends all watching. Harmless when nothing was set up. */
export async function shutdown(): Promise<void> {
  const ending = close;
  close = undefined;
  ungovernAll();
  setGovernance(undefined);
  await ending?.();
}

/** Names a client's server and says whom to ask. Throws Error before `init`, and TypeError on options that are not right. */
export function configureSession(client: ClientLike | object, options: SessionOptions = {}): void {
  const governed = governance();
  if (governed === undefined) throw new Error("configureSession: call init() first; without it nothing is governed");
  const settings = { ...options };
  assertSessionOptions(settings);
  // governClient checks that it is one.
  const known = client as ClientLike;
  governClient(known);
  governed.askWith(settings.onPolicyBlock); // what cannot be asked is told now
  setSession(known, settings, governed.principal);
}

/** Governs what can be found, what is given and what is loaded later. Returns what ends the watching. */
function governClasses(given: readonly ClientClass[], governed: GovernedClass[], onWarning: (message: string) => void): (() => void) | undefined {
  for (const clientClass of given) governClass(clientClass);
  const unwatch = watchLoads((clientClass, file) => {
    governClass(clientClass);
    if (!governed.some((known) => known.path === file)) governed.push(factsOfFile(file));
  });
  if (unwatch === undefined) onWarning(`copies of the MCP clients that are loaded from now on cannot be seen on this runtime. ${REMEDY}`);
  for (const { facts, clientClass, problem } of findClientClasses(unwatch !== undefined)) {
    if (problem !== undefined) {
      onWarning(`${facts.package} ${facts.version} at ${facts.path} cannot be governed: ${problem}. ${REMEDY}`);
      continue;
    }
    if (clientClass !== undefined) governClass(clientClass);
    if (!governed.some((known) => known.path === facts.path)) governed.push(facts);
  }
  return unwatch;
}

function factsOfFile(file: string): GovernedClass {
  const build = /\/cjs\/|\.cjs$/.test(file) ? "cjs" : "esm";
  const name = file.includes("/@modelcontextprotocol/sdk/") ? "@modelcontextprotocol/sdk" : "@modelcontextprotocol/client";
  return { package: name, version: versionAt(file), build, path: file };
}

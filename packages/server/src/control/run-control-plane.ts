/**
 * A control plane from its settings: takes the lock of the state directory, opens store, ledger and resources in order, listens,
 * and writes `control.json`. What it opened it closes in the other order, also where a step in between fails. Called by
 * `countersign up`; everything it puts together works without it.
 */
import type { KeyObject } from "node:crypto";
import { join } from "node:path";
import { ensurePrivateDirectory } from "@countersign/sdk/record";
import { createOidc, type OidcOptions } from "../auth/oidc.ts";
import { hashSecret } from "../auth/secret.ts";
import { openPostgresStore } from "../store/postgres-store.ts";
import { openSqliteStore } from "../store/sqlite-store.ts";
import type { Role } from "../store/entity/directory.ts";
import type { Store } from "../store/store.ts";
import { CannotStartError } from "./installation/cannot-start-error.ts";
import { makeOperatorSecret, removeControlFile, writeControlFile } from "./installation/control-file.ts";
import { assertSameKey, readInstallationKey } from "./installation/installation-key.ts";
import { diagnoseFiles } from "./installation/diagnose-files.ts";
import { diagnose } from "./installation/diagnose.ts";
import { createInstallation } from "./installation/installation.ts";
import { lockStateDirectory, type StateLock } from "./installation/state-lock.ts";
import { openControlPlane, type Core, type OtherResources } from "./open-control-plane.ts";
import { createPolicies, type Policies } from "./policy/policies.ts";
import type { People } from "./people/people.ts";
import { openCheckpointer, type Checkpointer, type CheckpointPlace } from "./record/checkpointer.ts";
import { createRecords } from "./record/records.ts";
import { createThrottle, type Throttle } from "./throttle/throttle.ts";

export interface ControlPlaneSettings {
  readonly directory: string;
  readonly host: string;
  /** Tried in order; the first that is free. 0: any. */
  readonly ports: readonly number[];
  /** How people and agents reach it, where that is not the address it listens on. */
  readonly publicUrl?: string | undefined;
  /** Without it the store is a file of the directory. */
  readonly postgresUrl?: string | undefined;
  readonly trustedProxies?: readonly string[];
  readonly oidc?: (OidcOptions & { readonly domains: readonly string[]; readonly roles: readonly Role[] }) | undefined;
  readonly checkpointPlaces: readonly CheckpointPlace[];
  /** How long a claim is believed to be executed without news from its holder. Default 30,000. */
  readonly leaseMs?: number | undefined;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  readonly onWarning: (message: string) => void;
  readonly onStop: () => void;
}

export interface RunningControlPlane {
  /** How people reach it. */
  readonly url: string;
  readonly installationId: string;
  readonly people: People;
  readonly policies: Policies;
  readonly checkpointer: Checkpointer;
  /** Open requests now. */
  countOpen(): Promise<number>;
  /** When a row last came into the record, in monotonic milliseconds. */
  lastActivity(): number;
  /** Idempotent. */
  close(): Promise<void>;
}

/** The directory belongs to another process; `url` where that one listens. */
export class StateDirectoryTakenError extends Error {
  override readonly name: string = "StateDirectoryTakenError";
}

export async function runControlPlane(settings: ControlPlaneSettings): Promise<RunningControlPlane> {
  const { directory } = settings;
  const lock = takeDirectory(directory);
  if (lock === undefined) throw new StateDirectoryTakenError(`another control plane runs on ${directory}`);
  const opened: (() => unknown)[] = [() => lock.release()];
  const closeAll = async (): Promise<void> => {
    for (const close of opened.toReversed()) await close();
  };
  try {
    return await openAll(settings, opened, once(closeAll));
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function takeDirectory(directory: string): StateLock | undefined {
  try {
    ensurePrivateDirectory(directory);
    return lockStateDirectory(directory);
  } catch (cause) {
    throw new CannotStartError(whyNoDirectory(directory, cause), { cause });
  }
}

export function whyNoDirectory(directory: string, cause: unknown): string {
  return `${directory}: the state directory cannot be made or used (${textOf(cause)}). Name one that this user may write, with --dir or in COUNTERSIGN_DIR.`;
}

async function openAll(settings: ControlPlaneSettings, opened: (() => unknown)[], close: () => Promise<void>): Promise<RunningControlPlane> {
  const { directory, version, host, ports, publicUrl, trustedProxies = [], onWarning } = settings;
  // Before there is a new secret: whoever reads the secret first and the file then never takes a new one to an old address.
  removeControlFile(directory);
  const installation = readInstallationKey(directory, settings.env);
  const installationKey = installation.key;
  const operatorSecret = makeOperatorSecret(directory);
  const store = await openStore(settings);
  let parts: OwnParts | undefined;
  const plane = await openControlPlane({
    store,
    installationKey,
    others: async (core) => {
      await assertSameKey(core.ledger, installation);
      parts = await openParts(core, settings, installationKey);
      return parts.resources;
    },
    operatorHash: hashSecret(operatorSecret),
    oidc: settings.oidc === undefined ? null : { provider: createOidc(settings.oidc), domains: settings.oidc.domains, roles: settings.oidc.roles },
    host,
    ports,
    publicUrls: publicUrl === undefined ? [] : [publicUrl],
    trustedProxies,
    embedded: store.kind === "sqlite",
    version,
    leaseMs: settings.leaseMs,
    onError: (error, where) => onWarning(`${where}: ${textOf(error)}`),
  });
  opened.push(() => plane.close());
  if (parts === undefined) throw new TypeError("the resources were not opened");
  const { policies, checkpointer, throttle, countOpen } = parts;
  opened.push(() => checkpointer.close());
  opened.push(() => throttle.close());
  const { url } = await plane.listen().catch((error: unknown) => {
    throw new CannotStartError(whyNotListening(error, host, ports), { cause: error });
  });
  writeControlFile(directory, { url, pid: process.pid, instance: store.installationId, version });
  opened.push(() => removeControlFile(directory));
  let activeAt = performance.now();
  opened.push(plane.ledger.onRows(() => (activeAt = performance.now())));
  return { url: plane.origin(), installationId: store.installationId, people: plane.people, policies, checkpointer, countOpen, lastActivity: () => activeAt, close };
}

interface OwnParts {
  readonly resources: OtherResources;
  readonly policies: Policies;
  readonly checkpointer: Checkpointer;
  readonly throttle: Throttle;
  readonly countOpen: () => Promise<number>;
}

/** The resources that settings have a say in. */
async function openParts({ store, ledger, sealer, requests, origin }: Core, settings: ControlPlaneSettings, installationKey: KeyObject): Promise<OwnParts> {
  const { host, checkpointPlaces, version, onWarning, onStop } = settings;
  const policies = createPolicies({ ledger, store, reviewPending: () => requests.review() });
  const checkpointer = await openCheckpointer({ ledger, store, installationKey, places: checkpointPlaces, onWarning });
  const countOpen = (): Promise<number> => store.count(ledger.tenant, "approval", { state: ["pending", "approved", "executing"] });
  // An embedded store has one instance.
  const shared = store.kind === "sqlite" ? {} : { shared: { store, tenant: ledger.tenant, onProblem: (error: unknown) => onWarning(`throttle counters: ${textOf(error)}`) } };
  const throttle = createThrottle({ now: () => performance.now(), ...shared });
  const checkpoints = { places: checkpointPlaces.length, failing: () => checkpointer.failing() };
  const resources: OtherResources = {
    policies,
    record: createRecords({ ledger, store, sealer, checkpointKeys: () => checkpointer.keys() }),
    throttle,
    bundle: { read: (identity) => policies.readBundle(identity) },
    installation: createInstallation({ ledger, store, version, onStop, countOpen, diagnose: () => diagnose({ ledger, store, origin, host, checkpoints }), diagnoseFiles: () => diagnoseFiles(settings.directory) }),
  };
  return { resources, policies, checkpointer, throttle, countOpen };
}

function openStore({ directory, postgresUrl }: ControlPlaneSettings): Promise<Store> {
  return postgresUrl === undefined ? openSqliteStore({ path: join(directory, "countersign.db") }) : openPostgresStore({ url: postgresUrl });
}

function whyNotListening(error: unknown, host: string, ports: readonly number[]): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const [first] = ports;
  const which = ports.length === 1 ? `port ${first} of ${host} is` : `ports ${first} to ${ports.at(-1)} of ${host} are`;
  if (code === "EADDRINUSE") return `${which} taken. Give another with --port, or end what listens there.`;
  if (code === "EADDRNOTAVAIL") return `${host} is no address of this machine. Give another with --host.`;
  if (code === "EACCES") return `${which} not for this user. Give a port above 1023 with --port.`;
  return `it cannot listen on ${host}: ${textOf(error)}. Give another address with --host.`;
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}

function textOf(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem);
}

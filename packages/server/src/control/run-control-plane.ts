/**
 * A control plane from its settings: takes the lock of the state directory, opens store, ledger and resources in order, listens,
 * and writes `control.json`. What it opened it closes in the other order, also where a step in between fails. Called by
 * `countersign up`; everything it puts together works without it.
 */
import { join } from "node:path";
import { ensurePrivateDirectory } from "@countersign/sdk/record";
import { createOidc, type OidcOptions } from "../auth/oidc.ts";
import { hashSecret } from "../auth/secret.ts";
import { openPostgresStore } from "../store/postgres-store.ts";
import { openSqliteStore } from "../store/sqlite-store.ts";
import type { Role } from "../store/entity/directory.ts";
import type { Store } from "../store/store.ts";
import { createGrants } from "./grant/create-grants.ts";
import { createMetrics } from "./http/metrics.ts";
import { measureStore } from "./http/measure-store.ts";
import { makeOperatorSecret, removeControlFile, writeControlFile } from "./installation/control-file.ts";
import { assertSameKey, readInstallationKey } from "./installation/installation-key.ts";
import { diagnose } from "./installation/diagnose.ts";
import { createInstallation } from "./installation/installation.ts";
import { lockStateDirectory } from "./installation/state-lock.ts";
import { createKeys } from "./key/create-keys.ts";
import { openControlPlane, type ControlPlane, type ControlPlaneParts } from "./open-control-plane.ts";
import { openLedger } from "./open-ledger.ts";
import { createPeople } from "./people/create-people.ts";
import { createPolicies, type Policies } from "./policy/policies.ts";
import type { People } from "./people/people.ts";
import { openCheckpointer, type Checkpointer, type CheckpointPlace } from "./record/checkpointer.ts";
import { createRecords } from "./record/records.ts";
import { createRequests } from "./request/create-requests.ts";
import { createSealer } from "./seal/sealer.ts";
import { createSignIns } from "./sign-in/create-sign-ins.ts";
import { startSweeper } from "./sweeper.ts";
import { createThrottle } from "./throttle/throttle.ts";

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
  ensurePrivateDirectory(directory);
  const lock = lockStateDirectory(directory);
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

async function openAll(settings: ControlPlaneSettings, opened: (() => unknown)[], close: () => Promise<void>): Promise<RunningControlPlane> {
  const { directory, version, onWarning } = settings;
  const installationKey = readInstallationKey(directory, settings.env);
  const metrics = createMetrics();
  const store = measureStore(await openStore(settings), metrics);
  const ledger = await openLedger(store, { onProblem: (problem) => onWarning(textOf(problem)) });
  await assertSameKey(ledger, installationKey);
  const embedded = store.kind === "sqlite";
  let origin = settings.publicUrl ?? "";

  const countOpen = (): Promise<number> => store.count(ledger.tenant, "approval", { state: ["pending", "approved", "executing"] });
  const sealer = createSealer(ledger, installationKey);
  const requests = createRequests({ ledger, store, sealer, urlOf: (id: string) => `${origin}/requests/${id}` });
  const keys = createKeys(ledger);
  const people = createPeople(ledger, { origin: () => origin, embedded });
  const policies = createPolicies({ ledger, store, reviewPending: () => requests.review() });
  const checkpointer = await openCheckpointer({ ledger, store, installationKey, places: settings.checkpointPlaces, onWarning });
  const operatorSecret = makeOperatorSecret(directory);
  const oidc = settings.oidc === undefined ? null : { provider: createOidc(settings.oidc), domains: settings.oidc.domains, roles: settings.oidc.roles };
  const signIns = createSignIns(ledger, store, keys, { origin: () => origin, operatorHash: hashSecret(operatorSecret), oidc });
  const services = {
    requests,
    grants: createGrants({ ledger, store }),
    policies,
    record: createRecords({ ledger, store, seal: (text, about) => sealer.seal(text, about), checkpointKeys: () => checkpointer.keys() }),
    throttle: createThrottle({ now: () => performance.now() }),
    bundle: { read: policies.readBundle },
    people,
    keys,
    signIns,
    installation: createInstallation({ ledger, store, version, onStop: settings.onStop, countOpen, diagnose: () => diagnose({ ledger, store, origin: () => origin, host: settings.host, checkpoints: { places: settings.checkpointPlaces.length, failing: () => checkpointer.failing() } }) }),
  };

  const { plane, url } = await listen(settings, { store, ledger, services, metrics });
  origin = settings.publicUrl ?? url;
  opened.push(() => plane.close());
  opened.push(() => checkpointer.close());
  const sweeper = startSweeper({ ledger, store, signIns, onProblem: (problem) => onWarning(textOf(problem)) });
  opened.push(() => sweeper.close());
  writeControlFile(directory, { url, pid: process.pid, instance: store.installationId, version });
  opened.push(() => removeControlFile(directory, store.installationId));
  let activeAt = performance.now();
  opened.push(ledger.onRows(() => (activeAt = performance.now())));
  return { url: origin, installationId: store.installationId, people, policies, checkpointer, countOpen, lastActivity: () => activeAt, close };
}

function openStore({ directory, postgresUrl }: ControlPlaneSettings): Promise<Store> {
  return postgresUrl === undefined ? openSqliteStore({ path: join(directory, "countersign.db") }) : openPostgresStore({ url: postgresUrl });
}

async function listen(settings: ControlPlaneSettings, parts: ControlPlaneParts): Promise<{ readonly plane: ControlPlane; readonly url: string }> {
  const { host, ports, publicUrl, trustedProxies = [], version, onWarning } = settings;
  const plane = openControlPlane(parts, {
    host,
    ports,
    publicUrls: publicUrl === undefined ? [] : [publicUrl],
    trustedProxies,
    version,
    onError: (error, route) => onWarning(`${route}: ${textOf(error)}`),
  });
  try {
    const { url } = await plane.listen();
    return { plane, url };
  } catch (error) {
    await plane.close();
    throw error;
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}

function textOf(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem);
}

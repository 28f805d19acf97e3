/**
 * Guard around the official MCP clients: `init` governs the client classes of this process, `configureSession` says who one
 * client's server is and whom to ask. This file only sets things up; the way of a call is client/governed-request.ts and
 * guard.ts. A client that was never configured is governed too, as one with an unknown server.
 */
import { governClass, governClient, ungovernAll } from "./client/govern.ts";
import { findClientClasses, versionAt, type GovernedClass } from "./client/find-classes.ts";
import { createGovernance, governance, setGovernance } from "./client/governance.ts";
import type { ClientClass, ClientLike } from "./client/client-like.ts";
import { assertSessionOptions, setSession, type SessionOptions } from "./client/session.ts";
import { watchLoads } from "./client/watch-loads.ts";
import type { Inspection } from "./inspection/inspection.ts";
import { freshPolicies } from "./control-plane/bundle-source.ts";
import { openControlPlane, type ControlPlane, type ControlPlaneStatus } from "./control-plane/control-plane.ts";
import { readControlPlaneOptions, type ControlPlaneOptions } from "./control-plane/control-plane-options.ts";
import { lintWarning } from "./policy/lint-warning.ts";
import { openPolicyStore, type PolicyEvent, type PolicyStore } from "./policy/policy-store.ts";
import { toPolicySource, type PolicyContent, type PolicySource } from "./policy/policy-source.ts";
import type { PolicyDocument } from "./policy/document.ts";
import { randomBytes } from "node:crypto";
import { createKeyedDigest } from "./call/digest.ts";
import { installationKey } from "./record/installation-key.ts";
import { openRecord } from "./record/open-record.ts";
import type { RecordPort } from "./record/entry.ts";
import type { RecordSink } from "./record/record-sink.ts";
import type { RecordHead } from "./record/row.ts";
import { stateDirectory } from "./record/state-directory.ts";

/** Where the record goes, and what it keeps. */
export interface RecordSettings {
  /** "memory", a directory, or a sink of your own. Default: the state directory. */
  readonly to?: RecordDestination;
  /** Whether rows keep the arguments, encrypted. Default "encrypted". */
  readonly arguments?: "encrypted" | "none";
  /** False lets calls that need no approval run while the record is broken. Default true. */
  readonly required?: boolean;
}
export type RecordDestination = "memory" | (string & {}) | RecordSink;

export interface InitOptions {
  /** A path to a YAML or JSON file, a document, a function that returns one, or a PolicySource. Default `COUNTERSIGN_POLICIES`. */
  readonly policies?: string | PolicyDocument | PolicySource | (() => PolicyContent | Promise<PolicyContent>);
  /**
   * The control plane that people answer at. Without `policies`, its policies count; with them, only requests and record are
   * there. Default `COUNTERSIGN_URL` and `COUNTERSIGN_API_KEY`; null: none, whatever the environment says.
   */
  readonly controlPlane?: ControlPlaneOptions | null;
  /** Classes to govern beside those that are found: bundled copies, subclasses of your own. */
  readonly clients?: readonly ClientClass[];
  /** Where the record goes. Default: a file per process in the state directory. */
  readonly record?: RecordDestination | RecordSettings;
  /** The window of an approval where neither a policy nor the handler sets one. Default 5. */
  readonly approvalTimeoutMinutes?: number;
  /** Puts arguments and results on spans. Default false. */
  readonly captureContent?: boolean;
  readonly inspections?: readonly Inspection[];
  /** Limit for the params of one call in bytes of canonical JSON. Default 4 MiB. */
  readonly maxCallBytes?: number;
  /** Told what an operator should know. Default: console.warn, which writes to stderr. */
  readonly onWarning?: (message: string) => void;
}

export interface Initialized {
  /** Every client class that is governed now; grows with copies that are loaded later. */
  readonly governed: readonly GovernedClass[];
  /** The policies in force; the record's file, if it is one, and the end of its chain: worth keeping elsewhere. */
  readonly status: () => {
    readonly policies: ReturnType<PolicyStore["status"]>;
    readonly record: RecordHead & { readonly path: string | undefined };
    /** Undefined where there is none. */
    readonly controlPlane: ControlPlaneStatus | undefined;
  };
}

const REMEDY = "Pass its class to init({ clients: [Client] }).";

let close: (() => Promise<void>) | undefined;

/**
 * Governs this process's MCP clients. Throws TypeError where there is nothing to decide by (neither `policies` nor
 * `controlPlane` nor their environment variables), and PolicyDocumentError where the document cannot be read. A second call replaces the first.
 */
export function init(options: InitOptions = {}): Initialized {
  const settings = { ...options };
  const onWarning = settings.onWarning ?? ((message: string) => console.warn(`countersign: ${message}`));
  const approvalTimeoutMs = minutes(settings.approvalTimeoutMinutes ?? 5);
  const plane = controlPlaneOf(settings, approvalTimeoutMs, onWarning);
  const source = policySource(settings, plane);
  const kept = recordSettings(settings.record);
  const { recorder, path } = openRecord({ record: kept.to, arguments: kept.arguments, required: kept.required, env: process.env, now: Date.now, onWarning });
  const record = plane?.record(recorder, kept.arguments !== "none") ?? recorder;
  let policies: PolicyStore;
  try {
    policies = openPolicies(source, plane, (event) => tell(event, record, settings.inspections ?? [], onWarning));
  } catch (error) {
    void recorder.close();
    throw error;
  }
  void close?.();
  setGovernance(
    createGovernance({
      controlPlane: plane,
      policies,
      record,
      inspections: [...(settings.inspections ?? [])],
      approvalTimeoutMs,
      captureContent: settings.captureContent ?? false,
      maxCallBytes: settings.maxCallBytes,
      onWarning,
      keyedDigest: lazyKeyedDigest(() => (kept.to === "memory" ? randomBytes(32) : installationKey(typeof kept.to === "string" ? kept.to : stateDirectory()))),
    }),
  );
  const governed: GovernedClass[] = [];
  const unwatch = governClasses(settings.clients ?? [], governed, onWarning);
  close = async () => {
    unwatch?.();
    policies.close();
    await plane?.close();
    await recorder.close();
  };
  plane?.start(policies, source === plane.bundles);
  return { governed, status: () => ({ policies: policies.status(), record: { path, ...recorder.head() }, controlPlane: plane?.status() }) };
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

function controlPlaneOf(options: InitOptions, defaultTimeoutMs: number, onWarning: (message: string) => void): ControlPlane | undefined {
  const settings = readControlPlaneOptions(options.controlPlane, process.env);
  if (settings === undefined) return undefined;
  if (settings.insecure) onWarning(`${settings.base.origin} is not on this machine, and its API key travels in the clear (allowInsecure). Use https://.`);
  return openControlPlane(settings, { defaultTimeoutMs, now: Date.now, onWarning });
}

/** A first document that does not come soon leaves calls refused, not waiting. */
const FIRST_BUNDLE_MS = 2_000;

function openPolicies(source: PolicySource, plane: ControlPlane | undefined, onEvent: (event: PolicyEvent) => void): PolicyStore {
  if (plane === undefined || source !== plane.bundles) return openPolicyStore(source, onEvent);
  return freshPolicies(openPolicyStore(source, onEvent, { firstLoadMs: FIRST_BUNDLE_MS }), plane.bundles, plane.settings.maxStalenessMs);
}

function policySource(options: InitOptions, plane: ControlPlane | undefined): PolicySource {
  const given = options.policies ?? process.env["COUNTERSIGN_POLICIES"];
  if (given === undefined || given === "") {
    if (plane !== undefined) return plane.bundles;
    throw new TypeError(
      "init: no policies. Pass init({ policies: \"countersign.policy.yaml\" }) or set COUNTERSIGN_POLICIES, " +
        "or name a control plane: init({ controlPlane: { url, apiKey } }) or COUNTERSIGN_URL and COUNTERSIGN_API_KEY. " +
        'To trace only, say so: init({ policies: { version: 1, default: "allow", policies: [] } })',
    );
  }
  return toPolicySource(given);
}

function recordSettings(given: InitOptions["record"]): RecordSettings {
  if (given === undefined) return {};
  return typeof given === "object" && !("write" in given) ? { ...given } : { to: given };
}

/** The key is read when the first span needs it: programs without tracing touch no file for it. */
function lazyKeyedDigest(key: () => Uint8Array): (digest: string) => string {
  let keyed: ((digest: string) => string) | undefined;
  return (digest) => (keyed ??= createKeyedDigest(key()))(digest);
}

function minutes(given: number): number {
  if (typeof given !== "number" || !Number.isFinite(given) || given <= 0) throw new TypeError("approvalTimeoutMinutes must be a positive number");
  return given * 60_000;
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

/** A refused document is loud, and so are slips in one that is in force; both kinds of news are rows. News that cannot be written is lost with the record itself. */
function tell({ event, source, size, digest, problem, findingGroups = [], document }: PolicyEvent, record: RecordPort, inspections: readonly Inspection[], onWarning: (message: string) => void): void {
  if (event === "policy_refused") onWarning(`the policy document was refused; the last good one stays in force:\n${problem}`);
  if (findingGroups.length > 0 && inspections.length === 0) {
    onWarning(`${source} has inspection actions for ${findingGroups.join(", ")}, and nothing looks for these: pass init({ inspections })`);
  }
  const slips = document === undefined ? undefined : lintWarning(document, source);
  if (slips !== undefined) onWarning(slips);
  const detail = { source, size: size ?? null, digest: digest ?? null, problem: problem ?? null };
  void Promise.resolve(record.append({ type: "event", at: Date.now(), event, detail })).catch((error: unknown) => onWarning(String(error)));
}

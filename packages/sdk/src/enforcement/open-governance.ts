/**
 * The door `@countersign/sdk/governance`. Sets up what calls are governed by: policies, the record, and the control plane where there is one.
 * Shared by every enforcement point: `init` for clients, the gateway. It enforces nothing itself; guard.ts does, with the ports opened here.
 */
import { randomBytes } from "node:crypto";
import { createKeyedDigest } from "../call/digest.ts";
import { freshPolicies } from "../control-plane/bundle-source.ts";
import { readControlPlaneOptions, type ControlPlaneOptions } from "../control-plane/control-plane-options.ts";
import { openControlPlane, type ControlPlane, type ControlPlaneStatus } from "../control-plane/control-plane.ts";
import type { Inspection } from "../inspection/inspection.ts";
import type { PolicyDocument } from "../policy/document.ts";
import { lintWarning } from "../policy/lint-warning.ts";
import { toPolicySource, type PolicyContent, type PolicySource } from "../policy/policy-source.ts";
import { openPolicyStore, type PolicyEvent, type PolicyStore } from "../policy/policy-store.ts";
import type { RecordPort } from "../record/entry.ts";
import { installationKey } from "../record/installation-key.ts";
import { openRecord } from "../record/open-record.ts";
import type { RecordSink } from "../record/record-sink.ts";
import type { RecordHead } from "../record/row.ts";
import { stateDirectory } from "../record/state-directory.ts";
import { createGovernance, type Governance } from "./governance.ts";

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

export interface GovernanceSettings {
  /** A path to a YAML or JSON file, a document, a function that returns one, or a PolicySource. Default `COUNTERSIGN_POLICIES`. */
  readonly policies?: string | PolicyDocument | PolicySource | (() => PolicyContent | Promise<PolicyContent>);
  /**
   * The control plane that people answer at. Without `policies`, its policies count; with them, only requests and record are
   * there. Default `COUNTERSIGN_URL` and `COUNTERSIGN_API_KEY`; null: none, whatever the environment says.
   */
  readonly controlPlane?: ControlPlaneOptions | null;
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

export interface GovernanceStatus {
  readonly policies: ReturnType<PolicyStore["status"]>;
  readonly record: RecordHead & { readonly path: string | undefined };
  /** Undefined where there is none. */
  readonly controlPlane: ControlPlaneStatus | undefined;
}

export interface OpenedGovernance {
  readonly governance: Governance;
  /** The policies in force; the record's file, if it is one, and the end of its chain: worth keeping elsewhere. */
  readonly status: () => GovernanceStatus;
  /** Starts to listen to the control plane, where there is one. */
  readonly start: () => void;
  /** Its control plane is the same one, and listens at this address now. Nothing where there is none. */
  readonly moveControlPlane: (url: string) => void;
  /** Writes what the record still holds, tells the control plane what is left to tell, and ends all watching. */
  readonly close: () => Promise<void>;
}

/**
 * Throws TypeError where there is nothing to decide by (neither `policies` nor `controlPlane` nor their environment variables), and
 * PolicyDocumentError where the document cannot be read.
 */
export function openGovernance(given: GovernanceSettings, spanKind: "client" | "server"): OpenedGovernance {
  const settings = { ...given };
  const onWarning = harmless(settings.onWarning ?? ((message: string) => console.warn(`countersign: ${message}`)));
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
    recorder.close().catch(() => undefined); // what is thrown says more
    throw error;
  }
  const governance = createGovernance({
    controlPlane: plane,
    policies,
    record,
    inspections: [...(settings.inspections ?? [])],
    approvalTimeoutMs,
    captureContent: settings.captureContent ?? false,
    spanKind,
    maxCallBytes: settings.maxCallBytes,
    onWarning,
    keyedDigest: lazyKeyedDigest(() => (kept.to === "memory" ? randomBytes(32) : installationKey(typeof kept.to === "string" ? kept.to : stateDirectory()))),
  });
  return {
    governance,
    status: () => ({ policies: policies.status(), record: { path, ...recorder.head() }, controlPlane: plane?.status() }),
    start: () => plane?.start(policies, source === plane.bundles),
    moveControlPlane: (url) => plane?.moveTo(url),
    async close() {
      policies.close();
      await plane?.close();
      await recorder.close();
    },
  };
}

/** A logger that fails, now or later, ends neither a call nor the process. */
function harmless(told: (message: string) => unknown): (message: string) => void {
  return (message) => {
    try {
      Promise.resolve(told(message)).catch(() => undefined);
    } catch {
      // There is nobody left to tell.
    }
  };
}

function controlPlaneOf(options: GovernanceSettings, defaultTimeoutMs: number, onWarning: (message: string) => void): ControlPlane | undefined {
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

function policySource(options: GovernanceSettings, plane: ControlPlane | undefined): PolicySource {
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

function recordSettings(given: GovernanceSettings["record"]): RecordSettings {
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

/** A refused document is loud, and so are slips in one that is in force; both kinds of news are rows. News that cannot be written is lost with the record itself. */
function tell({ event, source, size, digest, problem, stands, findingGroups = [], document }: PolicyEvent, record: RecordPort, inspections: readonly Inspection[], onWarning: (message: string) => void): void {
  if (event === "policy_refused") onWarning(stands === true ? `the policy document was refused; the last good one stays in force:\n${problem}` : `no policy document is in force, so every call is refused:\n${problem}`);
  if (findingGroups.length > 0 && inspections.length === 0) {
    onWarning(`${source} has inspection actions for ${findingGroups.join(", ")}, and nothing looks for these: pass init({ inspections })`);
  }
  const slips = document === undefined ? undefined : lintWarning(document, source);
  if (slips !== undefined) onWarning(slips);
  const detail = { source, size: size ?? null, digest: digest ?? null, problem: problem ?? null };
  void Promise.resolve(record.append({ type: "event", at: Date.now(), event, detail })).catch((error: unknown) => onWarning(String(error)));
}

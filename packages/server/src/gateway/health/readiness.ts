/**
 * Whether a gateway may serve, and what is not as it should be: made of facts alone, so that health, metrics and the log say the same.
 * Not ready: calls would be refused, or nobody has proved that they would be (GUARANTEES R36). Degraded: they are decided, with less than
 * the operator may believe.
 */
import type { GovernanceStatus } from "@countersign/sdk/enforcement";
import type { CanaryResult } from "./canary.ts";

export const MODES = [
  "draining", // ends, or is about to
  "canary_failed", // the gate was not proved to be on
  "no_policy", // no document is in force: every call is refused
  "stale_policies", // the control plane was not heard for too long: every call is refused
  "policies_unconfirmed", // it was not heard for a while; the last document counts meanwhile
  "policy_refused", // a newer document is broken; the last good one counts
  "zero_policies", // the document has no policy: only its default counts
  "no_control_plane", // by configuration: nobody is asked
  "control_plane_lost", // people cannot be asked at the moment
  "control_plane_insecure", // the key for it travels in the clear
  "clock", // this machine's clock is wrong, so windows and the record are
  "configuration_refused", // a newer configuration is broken; the last good one counts
] as const;
export type Mode = (typeof MODES)[number];

const NOT_READY: ReadonlySet<Mode> = new Set(["draining", "canary_failed", "no_policy", "stale_policies"]);

export interface Condition {
  readonly mode: Mode;
  /** What it is about, where it is not all of the gateway: a policy file. */
  readonly about?: string;
  readonly message: string;
  readonly mend?: string;
}

export interface ReadinessFacts {
  readonly canary: CanaryResult | undefined;
  readonly isDraining: boolean;
  readonly asksPeople: boolean;
  /** For each policy file, or the control plane's document, that servers are judged by; `status` undefined: not opened yet, and `why`. */
  readonly governed: readonly { readonly policies: string | undefined; readonly status: GovernanceStatus | undefined; readonly why: string | undefined }[];
  /** How far this machine's clock is from the control plane's, or from where it was; in milliseconds. */
  readonly clockSkewMs: number;
  /** For how long nothing was heard from the control plane, in milliseconds. */
  readonly unheardMs: number;
  readonly configurationProblem: string | undefined;
}

export interface GatewayReadiness {
  readonly ready: boolean;
  readonly conditions: readonly Condition[];
}

const CLOCK_MS = 5_000;
/** Asked for twice a minute; later than this, something is in the way. */
const UNCONFIRMED_MS = 90_000;
/** As long as held calls wait for it: one that is about to be connected, or connected anew, is not lost. */
const LOST_MS = 5_000;
const PUSH = "Put one in force: countersign policy push FILE, or name a file with --policies FILE.";

export function judgeReadiness(facts: ReadinessFacts): GatewayReadiness {
  const conditions = [...ofGateway(facts), ...facts.governed.flatMap(ofPolicies), ...ofControlPlane(facts)];
  return { ready: conditions.every(({ mode }) => !NOT_READY.has(mode)), conditions };
}

function ofGateway({ canary, isDraining, clockSkewMs, configurationProblem }: ReadinessFacts): Condition[] {
  const found: Condition[] = [];
  if (isDraining) found.push({ mode: "draining", message: "The gateway is ending: calls under way are finished, new ones are refused." });
  if (canary?.ok !== true) found.push({ mode: "canary_failed", message: canary === undefined ? "It was not proved yet that a blocked call is blocked." : `A blocked call may not be blocked: ${canary.why}.`, mend: "Do not use this gateway. Install it anew, and report this." });
  if (Math.abs(clockSkewMs) > CLOCK_MS) found.push({ mode: "clock", message: `This machine's clock is wrong by about ${Math.round(clockSkewMs / 1_000)} s: time conditions and the times in the record are too.`, mend: "Set it, and keep it with NTP." });
  if (configurationProblem !== undefined) found.push({ mode: "configuration_refused", message: `The configuration file changed and is broken; the last good one is in force:\n${configurationProblem}` });
  return found;
}

function ofPolicies({ policies, status, why }: ReadinessFacts["governed"][number]): Condition[] {
  const about = policies ?? "the control plane's document";
  if (status === undefined) return [{ mode: "no_policy", about, message: `No policy is in force from ${about}${why === undefined ? "" : `: ${why}`}. Every call is refused.`, mend: PUSH }];
  const { generation, size, problem } = status.policies;
  const bundle = status.controlPlane?.policies;
  const found: Condition[] = [];
  if (generation === 0) found.push({ mode: "no_policy", about, message: `No policy is in force from ${about}${problem === undefined ? "" : `: ${problem}`}. Every call is refused.`, mend: PUSH });
  else if (bundle?.stale === true) found.push({ mode: "stale_policies", about, message: `The control plane was not heard for more than ${minutes(bundle.maxStalenessMs)}, and its policies do not count any more. Every call is refused.`, mend: "See that it runs and can be reached." });
  else {
    if ((bundle?.staleMs ?? 0) > UNCONFIRMED_MS) found.push({ mode: "policies_unconfirmed", about, message: `The control plane has not confirmed its policies for ${minutes(bundle?.staleMs ?? 0)}; the last ones count until ${minutes(bundle?.maxStalenessMs ?? 0)} are over.`, mend: "See that it runs and can be reached." });
    // What cannot be reached is said of the control plane, not of its document.
    if (problem !== undefined && policies !== undefined) found.push({ mode: "policy_refused", about, message: `A newer document was refused; the last good one is in force:\n${problem}` });
    if (size === 0) found.push({ mode: "zero_policies", about, message: `The document in force (${about}) has no policy: only its default counts.`, mend: "Write policies, or default: block." });
  }
  return found;
}

function ofControlPlane({ asksPeople, governed, unheardMs }: ReadinessFacts): Condition[] {
  if (!asksPeople) return [{ mode: "no_control_plane", message: "Nobody is asked (controlPlane: none): what a policy blocks is refused." }];
  const planes = governed.flatMap(({ status }) => (status?.controlPlane === undefined ? [] : [status.controlPlane]));
  const lost = unheardMs < LOST_MS ? undefined : planes.find(({ connected }) => !connected);
  const unjoined = planes.length === 0 && governed.some(({ why }) => why !== undefined);
  const insecure = planes.find((plane) => plane.insecure);
  return [
    ...(lost === undefined && !unjoined ? [] : [{ mode: "control_plane_lost", message: `The control plane${lost === undefined ? "" : ` at ${lost.url}`} cannot be reached: calls that need people's approval are refused.`, mend: "Start it (countersign up), or see that it can be reached." } as const]),
    ...(insecure === undefined ? [] : [{ mode: "control_plane_insecure", message: `The key for the control plane at ${insecure.url} travels in the clear.`, mend: "Reach it over https://." } as const]),
  ];
}

function minutes(ms: number): string {
  return ms >= 60_000 ? `${Math.round(ms / 6_000) / 10} minutes` : `${Math.round(ms / 1_000)} s`;
}

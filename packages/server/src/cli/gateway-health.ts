/** How a gateway stands: the canary, flown before anything is served, and what is looked at again and again. Told on stderr where it changes. Used by http-gateway.ts. */
import { createWireClient, readWireUrl } from "@countersign/sdk/wire";
import { runCanary, type CanaryResult } from "../gateway/health/canary.ts";
import { judgeReadiness, MODES, type GatewayReadiness, type Mode } from "../gateway/health/readiness.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { ControlLink } from "./control-link.ts";
import type { Governances, GovernancesOptions } from "./governances.ts";

export interface HealthOptions {
  readonly link: ControlLink | undefined;
  readonly governances: Governances;
  readonly around: NonNullable<GovernancesOptions["around"]>;
  readonly metrics: Metrics;
  readonly onWarning: (message: string) => void;
}

export interface GatewayHealth {
  /** Flies the canary, and opens what servers are judged by. Resolves when both are known. */
  prove(): Promise<GatewayReadiness>;
  readiness(): GatewayReadiness;
  /** The policy files that servers are judged by; undefined: the control plane's. */
  judgedBy(policies: readonly (string | undefined)[]): void;
  /** Why the newest configuration is not in force; undefined: it is. */
  configurationProblem: string | undefined;
  isDraining: boolean;
  /** The canary came back. */
  readonly isProved: boolean;
  close(): void;
}

const LOOK_MS = 2_000;
const CLOCK_LOOK_MS = 30_000;
const PATIENCE = { withinMs: 3_000 };

export function watchHealth({ link, governances, around, metrics, onWarning }: HealthOptions): GatewayHealth {
  const started = Date.now() - performance.now();
  const failures = new Map<string | undefined, string>();
  let policies: readonly (string | undefined)[] = [];
  let canary: CanaryResult | undefined;
  let planeSkewMs = 0;
  let told: ReadonlySet<string> = new Set();
  /** Monotonic. */
  let unheardSince: number | undefined;
  const health: GatewayHealth = {
    prove,
    readiness,
    judgedBy: (all) => void (policies = [...new Set(all)]),
    configurationProblem: undefined,
    isDraining: false,
    get isProved() {
      return canary?.ok === true;
    },
    close,
  };

  function readiness(): GatewayReadiness {
    const statuses = governances.status();
    unheardSince = statuses.some(({ status }) => status.controlPlane?.connected === false) ? (unheardSince ?? performance.now()) : undefined;
    const jumpedMs = Date.now() - performance.now() - started;
    return judgeReadiness({
      canary,
      isDraining: health.isDraining,
      asksPeople: link !== undefined,
      governed: policies.map((file) => ({ policies: file, status: statuses.find((one) => one.policies === file)?.status, why: failures.get(file) })),
      clockSkewMs: Math.abs(jumpedMs) > Math.abs(planeSkewMs) ? jumpedMs : planeSkewMs,
      unheardMs: unheardSince === undefined ? 0 : performance.now() - unheardSince,
      configurationProblem: health.configurationProblem,
    });
  }

  /** What calls are governed by is there before the first call, and is tried again where it is not. */
  async function openAll(): Promise<void> {
    await Promise.all(
      policies.map(async (file) => {
        try {
          const { ports } = await governances.of(undefined, file);
          if (ports.policies.loading !== undefined) await ports.policies.loading;
          failures.delete(file);
        } catch (error) {
          failures.set(file, error instanceof Error ? error.message : String(error));
        }
      }),
    );
  }

  async function prove(): Promise<GatewayReadiness> {
    [canary] = await Promise.all([runCanary(around), openAll()]);
    tell();
    return readiness();
  }

  /** News alone: each condition when it comes, and that it is over. */
  function tell(): void {
    const { ready, conditions: all } = readiness();
    const conditions = all.filter(({ mode }) => mode !== "configuration_refused"); // told by whoever reads the file
    const now = new Set(conditions.map(({ mode, about = "" }) => `${mode} ${about}`));
    for (const { mode, about = "", message, mend } of conditions) if (!told.has(`${mode} ${about}`)) onWarning(`${message}${mend === undefined ? "" : ` ${mend}`}`);
    for (const key of told) if (!now.has(key)) onWarning(`over: ${key.trim().replace(" ", " of ")}${ready ? "; ready" : ""}`);
    told = now;
  }

  async function lookAtClock(): Promise<void> {
    try {
      const joined = await link?.current();
      if (joined === undefined) return;
      const client = createWireClient(readWireUrl(joined.url, true).base, joined.apiKey);
      const asked = Date.now();
      const answer = await client.ownKey(PATIENCE);
      client.close();
      if (answer.ok) planeSkewMs = (asked + Date.now()) / 2 - answer.value.now;
    } catch {
      // That it cannot be reached is seen and told elsewhere.
    }
  }

  const timer = setInterval(() => {
    if (policies.some((file) => failures.has(file))) void openAll().then(tell);
    else tell();
  }, LOOK_MS).unref();
  const clock = setInterval(() => void lookAtClock(), CLOCK_LOOK_MS).unref();
  void lookAtClock();

  metrics.gauge("countersign_gateway_ready", "1 where calls may be served", () => [[{}, readiness().ready ? 1 : 0]]);
  metrics.gauge("countersign_gateway_condition", "1 where it holds; see docs/gateway.md", () => {
    const modes = new Set<Mode>(readiness().conditions.map(({ mode }) => mode));
    return MODES.map((mode) => [{ mode }, modes.has(mode) ? 1 : 0] as const);
  });

  function close(): void {
    clearInterval(timer);
    clearInterval(clock);
  }

  return health;
}

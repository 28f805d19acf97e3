/** A control plane in a process of its own, as `countersign up` runs it, with limits that do not hold a bench up. The parent asks for its use of CPU and memory. */
import { createSecretKey } from "node:crypto";
import { DEFAULT_LIMITS, type Limits } from "../../packages/server/src/control/http/limits.ts";
import { createInstallation } from "../../packages/server/src/control/installation/installation.ts";
import { openControlPlane, type Core, type OtherResources } from "../../packages/server/src/control/open-control-plane.ts";
import { createPolicies } from "../../packages/server/src/control/policy/policies.ts";
import { createRecords } from "../../packages/server/src/control/record/records.ts";
import { createThrottle } from "../../packages/server/src/control/throttle/throttle.ts";
import { openStore, storeLocation } from "../../packages/server/src/store/store-location.ts";
import { furnish, type Credentials } from "./furnish.ts";

export interface Opened {
  readonly url: string;
  readonly credentials: Credentials | null;
}

export interface Usage {
  /** Microseconds since the process began. */
  readonly cpu: number;
  /** Bytes, after a collection where the process may ask for one. */
  readonly rss: number;
  readonly heap: number;
}

export interface PlaneOptions {
  /** Address or path of the store. */
  readonly store: string;
  readonly furnish: boolean;
}

/** One person who votes as fast as the machine can would be taken for a robot. */
const FAST = { perSecond: 1_000_000, burst: 1_000_000 };
const LIMITS: Limits = { ...DEFAULT_LIMITS, rates: { ...DEFAULT_LIMITS.rates, key: { ...DEFAULT_LIMITS.rates.key, ...FAST }, person: FAST } };

// Whoever asked is gone.
process.once("disconnect", () => process.exit());
process.once("message", (options) => void serve(options as PlaneOptions)); // plane.ts sends them

async function serve(options: PlaneOptions): Promise<void> {
  const store = await openStore(storeLocation(options.store));
  const plane = await openControlPlane({
    store,
    installationKey: createSecretKey(Buffer.alloc(32, 7)),
    others: othersOf,
    ports: [0],
    embedded: false,
    version: "0.0.0-bench",
    limits: LIMITS,
  });
  const credentials = options.furnish ? await furnish(plane.ledger, plane.store) : null;
  const { url } = await plane.listen();
  process.on("message", (message) => {
    if (message === "end") void plane.close().then(() => process.disconnect());
    else process.send?.(usage());
  });
  process.send?.({ url, credentials } satisfies Opened);
}

function othersOf({ store, ledger, sealer, requests }: Core): OtherResources {
  const policies = createPolicies({ ledger, store, reviewPending: () => requests.review() });
  return {
    policies,
    record: createRecords({ ledger, store, sealer, checkpointKeys: () => [] }),
    throttle: createThrottle({ now: () => performance.now() }),
    bundle: { read: (identity) => policies.readBundle(identity) },
    installation: createInstallation({ ledger, store, version: "0.0.0-bench", onStop: () => undefined, countOpen: () => Promise.resolve(0), diagnose: () => Promise.resolve([]) }),
  };
}

function usage(): Usage {
  globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return { cpu: user + system, rss, heap: heapUsed };
}

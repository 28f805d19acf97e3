/**
 * This process's end of its control plane: one client, one stream of events, and everything that hangs on them. It is never on
 * the path of an allowed call. Made by client.ts from `init({ controlPlane })`, and ended by `shutdown`.
 */
import { randomUUID } from "node:crypto";
import type { ApprovalHandler } from "../approval/decision.ts";
import type { AskPort } from "../approval/ask.ts";
import type { PolicyStore } from "../policy/policy-store.ts";
import type { RecordPort } from "../record/entry.ts";
import { createWireClient } from "../wire/wire-client.ts";
import { readWireUrl } from "../wire/wire-url.ts";
import { createBothAsk } from "./both-ask.ts";
import { createBundleSource, type BundleSource } from "./bundle-source.ts";
import { principalOfKey, type ControlPlaneSettings } from "./control-plane-options.ts";
import { ExecutingClaims } from "./executing-claims.ts";
import { RecordShipper } from "./record-shipper.ts";
import { RequestWatch } from "./request-watch.ts";
import { shipRecord } from "./shipped-record.ts";
import { Teller } from "./teller.ts";
import { shareThrottles } from "./throttle-exchange.ts";
import { createWireAsk } from "./wire-ask.ts";

export interface ControlPlaneStatus {
  readonly url: string;
  /** The API key travels in the clear, off this machine. */
  readonly insecure: boolean;
  /** The stream of events stands. */
  readonly connected: boolean;
  /** Of the policies that come from there; null where they come from elsewhere. */
  readonly policies: {
    readonly version: number | null;
    /** Since they were last confirmed, in milliseconds. */
    readonly staleMs: number | null;
    readonly maxStalenessMs: number;
    /** Too old to count: calls are refused. */
    readonly stale: boolean;
  } | null;
  /** Claims that are being executed here. */
  readonly executing: number;
  /** What it could not be told yet. */
  readonly untold: number;
  /** Entries of the record that wait to be shipped, and those that had to be left out of its copy. */
  readonly record: { readonly queued: number; readonly leftOut: number };
}

export interface ControlPlane {
  /** Who the key proves the caller is, where its text tells. */
  readonly principal: string | undefined;
  readonly bundles: BundleSource;
  readonly settings: ControlPlaneSettings;
  /** Starts to listen, once policies and record are there. */
  start(policies: PolicyStore, ownPolicies: boolean): void;
  record(local: RecordPort, withArguments: boolean): RecordPort;
  /** Asks people there. */
  readonly ask: AskPort;
  /** Asks a handler here that may ask people there. */
  askBoth(handler: ApprovalHandler, local: AskPort): AskPort;
  status(): ControlPlaneStatus;
  /** It is the same one, with the same key, and listens elsewhere now. Throws TypeError for what is no address of a control plane. */
  moveTo(url: string): void;
  /** Tells what is left to tell, for at most two seconds, and ends. */
  close(): Promise<void>;
}

export interface ControlPlaneHooks {
  readonly defaultTimeoutMs: number;
  readonly now: () => number;
  readonly onWarning: (message: string) => void;
}

const CLOSE_MS = 2_000;
/** Requests whose rows are known to be the control plane's own. */
const MAX_ROWS = 10_000;

export function openControlPlane(settings: ControlPlaneSettings, { defaultTimeoutMs, now, onWarning }: ControlPlaneHooks): ControlPlane {
  let { base } = settings;
  const client = createWireClient(base, settings.apiKey);
  const processId = randomUUID();
  const bundles = createBundleSource(client);
  const rows = new Set<string>();
  const teller = new Teller(onWarning);
  const claims = new ExecutingClaims(client, onWarning);
  const shipper = new RecordShipper({ client, process: processId, now, onWarning });
  const hurry = (): void => shipper.hurry();
  const stream = client.events({
    onHello() {
      watch.lookAll();
      bundles.look();
    },
    onRequest: (request) => watch.take(request),
    onPolicy: (digest) => bundles.announce(digest),
  });
  const watch = new RequestWatch(client, { isConnected: () => stream.isConnected, onAttended: (attended) => stream.attend(attended) });
  let throttles: { close(): void } | undefined;
  let judgedBy: { readonly policies: PolicyStore; readonly own: boolean } | undefined;

  function onJoined(id: string): void {
    rows.add(id);
    if (rows.size > MAX_ROWS) for (const oldest of rows) return void rows.delete(oldest);
  }

  const ask = createWireAsk({
    client,
    watch,
    claims,
    teller,
    now,
    defaultTimeoutMs,
    onJoined,
    policies: () => ({ digest: judgedBy?.policies.status().digest ?? null, own: judgedBy?.own ?? false }),
  });

  return {
    principal: principalOfKey(settings.apiKey),
    bundles,
    settings,
    ask,
    askBoth: (handler, local) => createBothAsk(handler, local, ask, now),
    record: (local, withArguments) => shipRecord(local, { shipper, withArguments, isRow: (id) => rows.has(id) }),
    start(policies, own) {
      judgedBy = { policies, own };
      stream.start();
      throttles = shareThrottles(policies.throttles, client, processId);
      process.once("beforeExit", hurry);
    },
    status() {
      const { bundle } = bundles;
      const since = bundles.staleMs();
      const staleMs = since === undefined ? null : Math.round(since);
      const { maxStalenessMs } = settings;
      return {
        url: base.origin,
        insecure: settings.insecure,
        connected: stream.isConnected,
        policies: judgedBy?.own === true ? { version: bundle?.version ?? null, staleMs, maxStalenessMs, stale: (staleMs ?? 0) > maxStalenessMs } : null,
        executing: claims.size,
        untold: teller.untold,
        record: shipper.status(),
      };
    },
    moveTo(url) {
      base = readWireUrl(url, settings.insecure).base;
      client.moveTo(base);
      stream.reconnect();
    },
    async close() {
      process.off("beforeExit", hurry);
      throttles?.close();
      watch.close();
      stream.close();
      await Promise.all([teller.close(CLOSE_MS), shipper.close(CLOSE_MS)]);
      claims.close();
      client.close();
    },
  };
}

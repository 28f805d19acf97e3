/**
 * What a gateway's calls are governed by: one governance for each credential and policy file, opened when it is first needed, closed when
 * it was idle for long, and never more than a bounded number. A call of an agent's key is asked about under that very key, so that rules
 * about self-approval and the record name its owner. Used by cli/gateway*.ts.
 */
import type { Governance, GovernanceStatus, OpenedGovernance } from "@countersign/sdk/enforcement";
import { within } from "../gateway/within.ts";
import { askRevived } from "./ask-revived.ts";
import type { ControlLink } from "./control-link.ts";

export interface GovernancesOptions {
  /** Of the record. */
  readonly directory: string;
  /** Undefined: nobody is asked, so what a policy blocks is refused. */
  readonly link: ControlLink | undefined;
  /** More credentials at once are refused. */
  readonly max: number;
  /** Wraps what was opened, such as to count its calls. */
  readonly around?: (governance: Governance) => Governance;
  readonly onWarning: (message: string) => void;
}

export interface Governances {
  /** `key`: the agent's key that calls; undefined: the gateway's own. `policies`: a file; undefined: the control plane's. Rejects with what to tell the client. */
  of(key: string | undefined, policies: string | undefined): Governance | Promise<Governance>;
  /** Of the gateway's own, by policy file. */
  status(): readonly { readonly policies: string | undefined; readonly status: GovernanceStatus }[];
  readonly size: number;
  /** Closes those of a key, such as one that was revoked, once no call of it is under way. */
  drop(key: string): void;
  close(): Promise<void>;
}

/** A held call waits so long for a control plane that does not answer, or has to be started again; then it is refused. */
const REVIVAL_MS = 5_000;
const IDLE_MS = 10 * 60_000;
const SWEEP_MS = 30_000;

interface Entry {
  readonly key: string | undefined;
  readonly policies: string | undefined;
  opening: Promise<Governance> | undefined;
  governance: Governance | undefined;
  opened: OpenedGovernance | undefined;
  calls: number;
  /** Monotonic. */
  usedAt: number;
  /** To be closed with the end of its last call. */
  isOver: boolean;
}

export function openGovernances({ directory, link, max, around = (governance) => governance, onWarning }: GovernancesOptions): Governances {
  const entries = new Map<string, Entry>();
  const closing = new Set<Promise<void>>();
  let closed = false;
  const idOf = (key: string | undefined, policies: string | undefined): string => JSON.stringify([key ?? null, policies ?? null]);

  function closeEntry(entry: Entry): void {
    entry.isOver = true;
    const id = idOf(entry.key, entry.policies);
    if (entries.get(id) === entry) entries.delete(id);
    const { opened } = entry;
    if (opened === undefined || entry.calls > 0) return;
    entry.opened = undefined;
    const done = opened.close().finally(() => closing.delete(done));
    closing.add(done);
  }

  /** The oldest idle ones go first; the gateway's own stay. */
  function makeRoom(): void {
    if (entries.size < max) return;
    const [idlest] = [...entries.values()].filter(({ key, calls, opening }) => key !== undefined && calls === 0 && opening === undefined).toSorted((a, b) => a.usedAt - b.usedAt);
    if (idlest === undefined) throw new Error("too many agents call at the same time; try again in a moment");
    closeEntry(idlest);
  }

  async function open(entry: Entry): Promise<Governance> {
    try {
      const { key, policies } = entry;
      const { openGovernance } = await import("@countersign/sdk/governance");
      const joined = link === undefined ? undefined : await link.current();
      if (closed || entry.isOver) throw new Error("the gateway is ending");
      const controlPlane = joined === undefined ? null : { url: joined.url, apiKey: key ?? joined.apiKey };
      const opened = openGovernance({ ...(policies === undefined ? {} : { policies }), controlPlane, record: directory, onWarning }, "server");
      opened.start();
      entry.opened = opened;
      const counted = countingCalls(opened.governance, {
        begun: () => void (entry.calls += 1),
        ended() {
          entry.calls -= 1;
          entry.usedAt = performance.now();
          if (entry.isOver) closeEntry(entry);
        },
      });
      return (entry.governance = around(link === undefined ? counted : askingRevived(counted, link)));
    } catch (error) {
      closeEntry(entry);
      throw error;
    } finally {
      entry.opening = undefined;
    }
  }

  const forget = link?.onMoved(({ url, apiKey }) => {
    for (const entry of entries.values()) {
      // Another installation has another key for its gateways: what is open there is none of ours.
      if (entry.key === undefined && entry.governance?.principal !== undefined && !apiKey.startsWith(`csk_${entry.governance.principal.slice("key:".length)}_`)) closeEntry(entry);
      else entry.opened?.moveControlPlane(url);
    }
  });
  link?.watch(() => [...entries.values()].some(({ opened }) => opened?.status().controlPlane?.connected === false));
  const sweep = setInterval(() => {
    const before = performance.now() - IDLE_MS;
    for (const entry of entries.values()) if (entry.key !== undefined && entry.calls === 0 && entry.opened !== undefined && entry.usedAt < before) closeEntry(entry);
  }, SWEEP_MS).unref();

  return {
    of(key, policies) {
      if (closed) throw new Error("the gateway is ending");
      const id = idOf(key, policies);
      let entry = entries.get(id);
      if (entry === undefined) {
        makeRoom();
        entry = { key, policies, opening: undefined, governance: undefined, opened: undefined, calls: 0, usedAt: performance.now(), isOver: false };
        entries.set(id, entry);
      }
      entry.usedAt = performance.now();
      return entry.governance ?? (entry.opening ??= open(entry));
    },
    status: () => [...entries.values()].flatMap(({ key, policies, opened }) => (key !== undefined || opened === undefined ? [] : [{ policies, status: opened.status() }])),
    get size() {
      return entries.size;
    },
    drop(key) {
      for (const entry of entries.values()) if (entry.key === key) closeEntry(entry);
    },
    async close() {
      closed = true;
      clearInterval(sweep);
      forget?.();
      const all = [...entries.values()];
      await Promise.all(all.flatMap(({ opening }) => (opening === undefined ? [] : [opening.catch(() => undefined)])));
      for (const entry of all) {
        entry.calls = 0; // whoever is left is not waited for
        closeEntry(entry);
      }
      await Promise.all(closing);
    },
  };
}

/** Each call is observed from its beginning to its end. */
function countingCalls(governance: Governance, { begun, ended }: { readonly begun: () => void; readonly ended: () => void }): Governance {
  const { observe } = governance.ports;
  const begin: typeof observe.begin = (story) => {
    const inner = observe.begin(story);
    begun();
    return {
      carrier: inner.carrier,
      run: (fn) => inner.run(fn),
      end(over) {
        try {
          inner.end(over);
        } finally {
          ended();
        }
      },
    };
  };
  return { ...governance, ports: { ...governance.ports, observe: { begin } } };
}

/** Where the control plane has died, whichever gateway notices first starts it where it was, and asks then. */
function askingRevived(governance: Governance, link: ControlLink): Governance {
  return {
    ...governance,
    askWith(handler) {
      const ask = governance.askWith(handler);
      return ask === undefined ? undefined : askRevived(ask, (ms) => within(link.revive(), ms), REVIVAL_MS);
    },
  };
}

/**
 * What the calls of a gateway with one client are governed by: its own policy file or the control plane's, the record in the state
 * directory, and the people of the control plane. Clients wait for the start of every server, so all of this is loaded once the client has
 * its list of tools; a call that comes before waits for it. A control plane that cannot be joined is tried again with the next call, which
 * is refused meanwhile.
 */
import { PolicyDocumentError, type Governance } from "@countersign/sdk/enforcement";
import { fixedControl, linkControl } from "./control-link.ts";
import { openGovernances } from "./governances.ts";
import type { UpPorts } from "./up.ts";

export interface GatewayGovernance {
  /** Rejects where nothing can be decided yet. */
  readonly current: () => Governance | Promise<Governance>;
  /** The client has what it starts with: soon there is time. */
  readonly begin: () => void;
  /** Resolves where the policy file turns out to be broken: a gateway with a broken one does not go on. */
  readonly broken: Promise<PolicyDocumentError>;
  close(): Promise<void>;
}

export interface GovernanceOptions {
  readonly directory: string;
  readonly policies: string | undefined;
  /** False: nobody is asked, so what a policy blocks is refused. */
  readonly controlPlane: boolean;
  /** A control plane that needs no looking for. */
  readonly remote: { readonly url: string; readonly apiKey: string } | undefined;
}

/** A client that has the tools asks for prompts and resources next, and starts its other servers. */
const QUIET_MS = 100;
/** Where no client asks for tools, or the server takes long. */
const LATEST_MS = 1_000;

export function openGatewayGovernance({ directory, policies, controlPlane, remote }: GovernanceOptions, ports: UpPorts): GatewayGovernance {
  const broken = Promise.withResolvers<PolicyDocumentError>();
  const onWarning = (message: string): void => ports.err(`countersign: ${message}`);
  const link = !controlPlane ? undefined : remote === undefined ? linkControl(directory, ports) : fixedControl(remote);
  const governances = openGovernances({ directory, link, max: 1, onWarning });
  let proving: Promise<void> | undefined;
  let isProved = false;
  let hasBegun = false;
  let isClosed = false;

  function current(): Governance | Promise<Governance> {
    hasBegun = true;
    const governance = governances.of(undefined, policies);
    if (isProved && !(governance instanceof Promise)) return governance;
    const ready = Promise.all([governance, isProved ? undefined : (proving ??= prove())]).then(([opened]) => opened);
    ready.catch((error: unknown) => {
      if (error instanceof PolicyDocumentError) setImmediate(() => broken.resolve(error)); // calls that wait for it are answered first
    });
    return ready;
  }

  /** No call passes before it is shown that the gate holds (R36). Rejects for good where it does not. */
  async function prove(): Promise<void> {
    const { runCanary } = await import("../gateway/health/canary.ts");
    const flown = await runCanary();
    if (!flown.ok) throw new Error(`the gateway lets no call through: ${flown.why}`);
    isProved = true;
  }

  function open(): void {
    if (hasBegun || isClosed) return;
    void Promise.resolve(current()).catch((error: unknown) => (error instanceof PolicyDocumentError ? undefined : onWarning(`no call can be decided yet: ${error instanceof Error ? error.message : String(error)}`)));
  }

  const latest = setTimeout(open, LATEST_MS);
  let soon: NodeJS.Timeout | undefined;
  return {
    broken: broken.promise,
    current,
    begin: () => void (soon ??= setTimeout(open, QUIET_MS)),
    async close() {
      isClosed = true;
      clearTimeout(latest);
      clearTimeout(soon);
      await link?.close();
      await governances.close();
      await proving?.catch(() => undefined);
    },
  };
}

/**
 * What the calls of a gateway with one client are governed by: its own policy file or the control plane's, the record in the state
 * directory, and the people of the control plane. Opened while the server starts, so that nobody waits for it; a control plane that cannot
 * be joined is tried again with the next call, which is refused meanwhile.
 */
import { PolicyDocumentError, type Governance } from "@countersign/sdk/enforcement";
import { fixedControl, linkControl } from "./control-link.ts";
import { openGovernances } from "./governances.ts";
import type { UpPorts } from "./up.ts";

export interface GatewayGovernance {
  /** Rejects where nothing can be decided yet. */
  readonly current: () => Governance | Promise<Governance>;
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

export function openGatewayGovernance({ directory, policies, controlPlane, remote }: GovernanceOptions, ports: UpPorts): GatewayGovernance {
  const broken = Promise.withResolvers<PolicyDocumentError>();
  const onWarning = (message: string): void => ports.err(`countersign: ${message}`);
  const link = !controlPlane ? undefined : remote === undefined ? linkControl(directory, ports) : fixedControl(remote);
  const governances = openGovernances({ directory, link, max: 1, onWarning });

  function current(): Governance | Promise<Governance> {
    const governance = governances.of(undefined, policies);
    if (governance instanceof Promise) governance.catch((error: unknown) => (error instanceof PolicyDocumentError ? broken.resolve(error) : undefined));
    return governance;
  }

  void Promise.resolve(current()).catch((error: unknown) => (error instanceof PolicyDocumentError ? undefined : onWarning(`no control plane yet: ${error instanceof Error ? error.message : String(error)}`)));
  return {
    broken: broken.promise,
    current,
    async close() {
      await link?.close();
      await governances.close();
    },
  };
}

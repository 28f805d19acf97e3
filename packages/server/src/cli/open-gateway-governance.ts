/**
 * What a gateway's calls are governed by: its own policy file or the control plane's, the record in the state directory, and the people of
 * the control plane. Opened while the server starts, so that nobody waits for it; a control plane that cannot be joined is tried again with
 * the next call, which is refused meanwhile.
 */
import { openGovernance, PolicyDocumentError, type Governance, type GovernanceSettings, type OpenedGovernance } from "@countersign/sdk/enforcement";
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

/** Throws PolicyDocumentError where the policy file is broken and that is seen at once. */
export function openGatewayGovernance(options: GovernanceOptions, ports: UpPorts): GatewayGovernance {
  const broken = Promise.withResolvers<PolicyDocumentError>();
  let opened: OpenedGovernance | undefined;
  let opening: Promise<Governance> | undefined;
  let closed = false;
  const onWarning = (message: string): void => ports.err(`countersign: ${message}`);

  function openWith(controlPlane: GovernanceSettings["controlPlane"] & (object | null)): Governance {
    const { policies, directory } = options;
    opened = openGovernance({ ...(policies === undefined ? {} : { policies }), controlPlane, record: directory, onWarning }, "server");
    opened.start();
    return opened.governance;
  }

  async function join(): Promise<Governance> {
    try {
      const { joinControl } = await import("./join-control.ts");
      const joined = await joinControl(options.directory, ports);
      if (closed) throw new Error("the gateway is ending");
      return openWith(joined);
    } catch (error) {
      if (error instanceof PolicyDocumentError) broken.resolve(error);
      throw error;
    } finally {
      opening = undefined;
    }
  }

  if (!options.controlPlane) openWith(null);
  else if (options.remote !== undefined) openWith(options.remote);
  else {
    opening = join();
    opening.catch((error: unknown) => onWarning(`no control plane yet: ${error instanceof Error ? error.message : String(error)}`));
  }
  return {
    broken: broken.promise,
    current: () => opened?.governance ?? (opening ??= join()),
    async close() {
      closed = true;
      await opening?.catch(() => undefined);
      await opened?.close();
    },
  };
}

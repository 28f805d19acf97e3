/**
 * What a gateway's calls are governed by: its own policy file or the control plane's, the record in the state directory, and the people of
 * the control plane. Opened while the server starts, so that nobody waits for it; a control plane that cannot be joined is tried again with
 * the next call, which is refused meanwhile.
 */
import { openGovernance, PolicyDocumentError, type AskPort, type Governance, type GovernanceSettings, type OpenedGovernance } from "@countersign/sdk/enforcement";
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

/** A held call waits so long for a control plane that has to be started again; then it is refused. */
const REVIVAL_MS = 5_000;

/** Throws PolicyDocumentError where the policy file is broken and that is seen at once. */
export function openGatewayGovernance(options: GovernanceOptions, ports: UpPorts): GatewayGovernance {
  const broken = Promise.withResolvers<PolicyDocumentError>();
  let opened: OpenedGovernance | undefined;
  let opening: Promise<Governance> | undefined;
  let current: Governance | undefined;
  let reviving: Promise<void> | undefined;
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
      const governance = openWith(joined);
      return (current = { ...governance, askWith: (handler) => afterRevival(governance.askWith(handler), joined.url) });
    } catch (error) {
      if (error instanceof PolicyDocumentError) broken.resolve(error);
      throw error;
    } finally {
      opening = undefined;
    }
  }

  /** Where the control plane has died, whichever gateway notices first starts it where it was, and asks then. */
  function afterRevival(ask: AskPort | undefined, url: string): AskPort | undefined {
    return ask === undefined ? undefined : askRevived(ask, () => within(revive(url), REVIVAL_MS));
  }

  async function revive(url: string): Promise<void> {
    reviving ??= import("./join-control.ts")
      .then(({ joinControl }) => joinControl(options.directory, ports, Number(new URL(url).port)))
      .then((joined) => {
        if (joined.url !== url) onWarning(`the control plane listens at ${joined.url} now, and this gateway asks at ${url}: start the client anew`);
      })
      .catch((error: unknown) => onWarning(`the control plane cannot be started: ${error instanceof Error ? error.message : String(error)}`))
      .finally(() => (reviving = undefined));
    await reviving;
  }

  if (!options.controlPlane) current = openWith(null);
  else if (options.remote !== undefined) current = openWith(options.remote);
  else {
    opening = join();
    opening.catch((error: unknown) => onWarning(`no control plane yet: ${error instanceof Error ? error.message : String(error)}`));
  }
  return {
    broken: broken.promise,
    current: () => current ?? (opening ??= join()),
    async close() {
      closed = true;
      await opening?.catch(() => undefined);
      await reviving;
      await opened?.close();
    },
  };
}

/** `ask`, which asks again after `revive` where nobody could be asked. Asking twice is asking once: the same call is the same request. */
function askRevived(ask: AskPort, revive: () => Promise<void>): AskPort {
  return {
    ...ask,
    async join(question, edit) {
      try {
        return await ask.join(question, edit);
      } catch (error) {
        const code: unknown = error !== null && typeof error === "object" ? Reflect.get(error, "code") : undefined;
        if (code !== "control_plane_unavailable") throw error;
      }
      await revive();
      return ask.join(question, edit);
    },
  };
}

async function within(work: Promise<void>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}

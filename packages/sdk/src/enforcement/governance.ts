/** What every call of this process is governed by: the ports that all connections share. Made by open-governance.ts. */
import { randomUUID } from "node:crypto";
import type { ApprovalHandler } from "../approval/decision.ts";
import { createHandlerAsk } from "../approval/ask-handler.ts";
import type { AskPort } from "../approval/ask.ts";
import type { Ports } from "../guard.ts";
import { observeCalls } from "../otel/observe-calls.ts";
import type { ControlPlane } from "../control-plane/control-plane.ts";
import { inboxPartOf } from "../approval/inbox.ts";
import type { Inspection } from "../inspection/inspection.ts";
import type { PolicyStore } from "../policy/policy-store.ts";
import type { RecordPort } from "../record/entry.ts";

export interface GovernanceOptions {
  readonly controlPlane: ControlPlane | undefined;
  readonly policies: PolicyStore;
  readonly record: RecordPort;
  readonly inspections: readonly Inspection[];
  readonly approvalTimeoutMs: number;
  readonly captureContent: boolean;
  /** Of the spans: `client` where a call is made, `server` where it arrives. */
  readonly spanKind: "client" | "server";
  readonly maxCallBytes: number | undefined;
  readonly onWarning: (message: string) => void;
  /** Keys a digest for leaving this installation. */
  readonly keyedDigest: (digest: string) => string;
}

export interface Governance extends GovernanceOptions {
  /** Everything guard.ts needs but whom to ask and how to send. */
  readonly ports: Omit<Ports, "ask" | "send">;
  /** Who the credential proves, where it is one of the control plane's. */
  readonly principal: string | undefined;
  /**
   * Whom a session asks: its handler; the control plane where it names none; nobody where it says null or there is none.
   * Throws Error where the handler needs a control plane that is not there.
   */
  askWith(handler: ApprovalHandler | null | undefined): AskPort | undefined;
}

export function createGovernance(options: GovernanceOptions): Governance {
  const observe = observeCalls({
    kind: options.spanKind,
    captureContent: options.captureContent,
    keyedDigest: options.keyedDigest,
  });
  const { policies, record, inspections, controlPlane } = options;
  const ports = new WeakMap<ApprovalHandler, AskPort>();

  function askHandler(handler: ApprovalHandler): AskPort {
    const part = inboxPartOf(handler);
    if (part !== undefined && controlPlane === undefined) throw new Error("inboxApproval needs a control plane: init({ controlPlane: { url, apiKey } })");
    if (part === "alone" && controlPlane !== undefined) return controlPlane.ask;
    const local = createHandlerAsk({ handler, defaultTimeoutMs: options.approvalTimeoutMs, onWarning: options.onWarning, now: Date.now });
    return controlPlane === undefined ? local : controlPlane.askBoth(handler, local);
  }

  return {
    ...options,
    ports: { inspect: { inspections }, policies, record, observe, now: Date.now, newId: createIdSource() },
    principal: controlPlane?.principal,
    askWith(handler) {
      if (handler === null) return undefined;
      if (handler === undefined) return controlPlane?.ask;
      let port = ports.get(handler);
      if (port === undefined) ports.set(handler, (port = askHandler(handler)));
      return port;
    },
  };
}

/** Ids of calls: a random start for this process and a count, in the form of UUIDs. A new random one each time costs four times as much. */
function createIdSource(): () => string {
  const start = randomUUID().slice(0, 24);
  let count = 0;
  return () => start + (count++).toString(16).padStart(12, "0");
}

/**
 * Policies tried out beside the flow: what would a document say to a call? For `countersign policy …` and for users' tests.
 * It judges with the same engine as guard.ts and runs nothing: nothing here may ever lead to a permit.
 */
import { bindCall } from "../call/bind-call.ts";
import type { Call, Transport } from "../call/call.ts";
import { assertServerName } from "../call/policy-id.ts";
import { snapshotObject } from "../call/snapshot.ts";
import type { Finding } from "../inspection/inspection.ts";
import type { ToolClaims } from "./condition/activation.ts";
import { compileDocument, type Match } from "./compile.ts";
import type { PolicyDocument } from "./document.ts";
import { evaluate, type Counters, type Verdict } from "./evaluate.ts";
import { TokenBuckets } from "./token-buckets.ts";

/** A call as one describes it. What is left out is empty, and the transport `unknown`. */
export interface TrialCall {
  /** Undefined: a server without a name. */
  readonly server?: string | undefined;
  readonly tool: string;
  readonly arguments?: unknown;
  /** Digest of the tool's definition, hex; without it the tool is not known. */
  readonly definition?: string | null | undefined;
  readonly transport?: Transport | undefined;
  readonly principal?: string | undefined;
  readonly agent?: { readonly name?: string | undefined; readonly id?: string | undefined } | undefined;
  readonly user?: string | undefined;
  readonly session?: string | undefined;
}

/** Throws TypeError where no such call could reach a policy: an empty tool, a server name with `:`, arguments that are no plain JSON object. */
export function trialCall(fields: TrialCall): Call {
  const { agent, definition = null, principal = "local", server, session = "", tool, transport = "unknown", user = "" } = fields;
  if (server !== undefined) assertServerName(server);
  if (tool === "" || !tool.isWellFormed()) throw new TypeError("the tool must be a non-empty name");
  const args = snapshotObject(fields.arguments ?? {}, { depth: 2, at: "/arguments" });
  if (!args.ok) throw new TypeError(args.reason);
  const caller = { principal, agent: { name: agent?.name ?? "", id: agent?.id ?? "" }, user: { id: user }, session: { id: session } };
  const read = { server: { name: server, identity: null, transport }, tool, caller, meta: undefined, era: {} };
  return bindCall({ ...read, arguments: args.value, argumentsText: args.text, context: {}, contextText: "{}" }, definition);
}

export interface TrialOptions {
  readonly findings?: readonly Finding[] | undefined;
  /** Milliseconds on any one clock; throttles refill by it. Default 0. */
  readonly now?: number | undefined;
  /** Milliseconds since the epoch: `now` of conditions. Default: the system's clock. */
  readonly at?: number | undefined;
  /** What the server claims of the tool: `tool.claims` of conditions. Default: nothing. */
  readonly claims?: ToolClaims | undefined;
  /** Whether throttles count. Default true. */
  readonly charge?: boolean | undefined;
}

/** A document with throttle counters of its own, which begin full. */
export interface Trial {
  judge(call: Call, options?: TrialOptions): Verdict;
  /** The policies that match by name, before their conditions. */
  match(server: string | undefined, tool: string): Match;
}

export function createTrial(document: PolicyDocument): Trial {
  const compiled = compileDocument(document);
  const counters: Counters = { enforced: new TokenBuckets(), observed: new TokenBuckets() };
  return Object.freeze({
    judge: (call: Call, { at, charge = true, claims = {}, findings = [], now = 0 }: TrialOptions = {}) => evaluate(call, findings, compiled, counters, { at, charge, claims: () => claims, now }),
    match: (server: string | undefined, tool: string) => compiled.match(server, tool),
  });
}

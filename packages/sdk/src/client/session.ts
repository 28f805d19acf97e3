/** What `configureSession` said about a client, or the defaults for one that was never configured. */
import { randomUUID } from "node:crypto";
import type { ApprovalHandler } from "../approval/decision.ts";
import type { Caller, ServerRef } from "../call/call.ts";
import { assertServerName } from "../call/policy-id.ts";
import { localPrincipal } from "../enforcement/local-principal.ts";
import type { ClientLike } from "./client-like.ts";
import { openConnection, type Connection, type RawRequest } from "./connection.ts";

/** Claims about who calls: recorded as claims, usable in conditions, never a source of rights. */
export interface GovernanceConfig {
  readonly agentName?: string;
  readonly agentId?: string;
  readonly userId?: string;
  /** Names one run of the agent. Default: a random id per client object. */
  readonly sessionId?: string;
}

export interface SessionOptions {
  /** Name of the server in policy ids, `mcp:{serverName}:{tool}`. Without it the server is unknown: the stricter side. */
  readonly serverName?: string;
  /** Asked where a policy blocks. Default: the control plane, where there is one, else nobody. Null: nobody, so a block is final. */
  readonly onPolicyBlock?: ApprovalHandler | null;
  readonly governanceConfig?: GovernanceConfig;
}

export interface Session {
  readonly serverName: string | undefined;
  /** As `configureSession` was told; whom that means is governance's to say. */
  readonly onPolicyBlock: ApprovalHandler | null | undefined;
  readonly caller: Caller;
  connection: Connection | undefined;
  /** The reference built for the connection above. */
  server: ServerRef | undefined;
}

const sessions = new WeakMap<ClientLike, Session>();

/** The session of a client; one that was never configured gets an empty one. */
export function sessionOf(client: ClientLike, principal: string | undefined): Session {
  let session = sessions.get(client);
  if (session === undefined) sessions.set(client, (session = openSession({}, principal)));
  return session;
}

/** Replaces a client's session. What is known about its connection stays. */
export function setSession(client: ClientLike, options: SessionOptions, principal: string | undefined): void {
  const known = sessions.get(client)?.connection;
  const session = openSession(options, principal);
  session.connection = known;
  sessions.set(client, session);
}

/** The connection the client has now; undefined while it has none. */
export function connectionOf(client: ClientLike, session: Session, request: RawRequest): Connection | undefined {
  const { transport } = client;
  if (transport === undefined) return undefined;
  if (session.connection?.transport !== transport) {
    session.connection = openConnection(client, transport, request);
    session.server = undefined;
  }
  return session.connection;
}

/** Throws TypeError on options that are not what they should be, before anything is changed. */
export function assertSessionOptions(options: SessionOptions): void {
  if (options.serverName !== undefined) assertServerName(options.serverName);
  const { onPolicyBlock, governanceConfig } = options;
  if (onPolicyBlock !== undefined && onPolicyBlock !== null && typeof onPolicyBlock !== "function") {
    throw new TypeError("onPolicyBlock must be a function (error, context) => ApprovalDecision");
  }
  for (const key of ["agentName", "agentId", "userId", "sessionId"] as const) {
    const value = governanceConfig?.[key];
    if (value !== undefined && typeof value !== "string") throw new TypeError(`governanceConfig.${key} must be a string`);
  }
}

/** `principal`: who the credential proves, where there is one beside the operating system's user. */
function openSession({ serverName, onPolicyBlock, governanceConfig = {} }: SessionOptions, principal: string | undefined): Session {
  const caller = Object.freeze({
    principal: principal ?? localPrincipal(),
    agent: Object.freeze({ name: governanceConfig.agentName ?? "", id: governanceConfig.agentId ?? "" }),
    user: Object.freeze({ id: governanceConfig.userId ?? "" }),
    session: Object.freeze({ id: governanceConfig.sessionId ?? randomUUID() }),
  });
  return { serverName, onPolicyBlock, caller, connection: undefined, server: undefined };
}

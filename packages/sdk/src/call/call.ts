/**
 * A call: one `tools/call`, as the policy decides on it, as a person is shown it and as it will be sent.
 * It is built once, from a snapshot (see read-call.ts), bound to its digest (bind-call.ts), and never changes afterwards.
 * Called by guard.ts. It must never keep a reference to an object that the caller still holds.
 */
import type { JsonObject, JsonValue } from "./json.ts";

/** The server a call goes to. `name` is what `configureSession({ serverName })` said; `undefined` means unknown. */
export interface ServerRef {
  readonly name: string | undefined;
  /** Hex SHA-256 over launch command or URL, or null where the transport tells nothing (in memory). */
  readonly identity: string | null;
  readonly transport: Transport;
}

export const TRANSPORTS = ["stdio", "http", "memory", "unknown"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Who calls. `principal` is what the credential proves; agent and user are claims and never a source of rights. */
export interface Caller {
  readonly principal: string;
  readonly agent: { readonly name: string; readonly id: string };
  readonly user: { readonly id: string };
  readonly session: { readonly id: string };
}

/** What a connection tells about itself; for spans only. */
export interface ConnectionFacts {
  /** The protocol's own session id (`Mcp-Session-Id`), which is not the session of `Caller`. */
  readonly sessionId: string | undefined;
  readonly protocolVersion: string | undefined;
  readonly address: string | undefined;
  readonly port: number | undefined;
}

/** A call after the strict parse, before it is bound. */
export interface ReadCall {
  readonly server: ServerRef;
  readonly tool: string;
  readonly arguments: JsonObject;
  /** RFC 8785 text of `arguments`. */
  readonly argumentsText: string;
  /** The caller's `_meta` without transport keys, plus `task` where the call asks for one. */
  readonly context: JsonObject;
  readonly contextText: string;
  /** What is sent beside name and arguments: the caller's `_meta` whole, and the keys of the protocol era. */
  readonly meta: JsonObject | undefined;
  readonly era: { readonly [key: string]: JsonValue };
  readonly caller: Caller;
}

/** A call bound to its digest: what policies judge, people see and `send()` sends. */
export interface Call extends ReadCall {
  /** `mcp:{server}:{tool}`, or `mcp::{tool}` when the server has no name. */
  readonly policyId: string;
  /** Hex SHA-256 of the tool definition last listed on this connection, or null. */
  readonly definition: string | null;
  /** Hex SHA-256 over "countersign/call/v1", 0x00 and RFC 8785 text of server, tool, definition, arguments, context. */
  readonly digest: string;
}

/** Why a call cannot even be judged. */
export interface CallRefusal {
  readonly code: "malformed_call" | "unknown_tool";
  /** Says what is wrong and where (a JSON Pointer); never holds a value from the arguments. */
  readonly reason: string;
  readonly cause?: unknown;
}

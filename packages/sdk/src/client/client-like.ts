/** The few members we need of an official MCP client, v1 or v2. Foreign objects are looked at here and nowhere else. */

/** A client of `@modelcontextprotocol/sdk` (v1) or `@modelcontextprotocol/client` (v2). */
export interface ClientLike {
  request(request: RequestLike, ...rest: unknown[]): Promise<unknown>;
  readonly transport?: TransportLike | undefined;
}

export interface RequestLike {
  readonly method: string;
  readonly params?: unknown;
}

/**
 * What a client is asked to send, as it will be judged and written: read once, and nothing but method and params. A `toJSON`, an id on a
 * notification or a second member whose name only differs in case would make another message of it. Undefined where the method is no
 * primitive string: what such an object is written as is not known.
 */
export function readMessage(given: RequestLike): RequestLike | undefined {
  const { method, params } = given;
  if (typeof method !== "string") return undefined;
  return params === undefined ? { method } : { method, params };
}

export interface TransportLike {
  onclose?: ((...args: unknown[]) => unknown) | undefined;
  readonly sessionId?: string | undefined;
}

/** A class whose instances are clients. */
export interface ClientClass {
  readonly prototype: object;
}

/** Which of the two SDK lines an object belongs to. */
function generationOf(client: object): "v1" | "v2" {
  return "getProtocolEra" in client ? "v2" : "v1";
}

/** Place of the options in the arguments that follow the request: v1 always takes a schema first, v2 only sometimes. */
export function optionsIndex(client: object, rest: readonly unknown[]): 0 | 1 {
  if (generationOf(client) === "v1") return 1;
  const first = rest[0];
  const isSchema = first !== null && (typeof first === "object" || typeof first === "function") && "~standard" in first;
  return isSchema ? 1 : 0;
}

/** Keys that the connection's protocol era defines for `tools/call` params beside name, arguments and _meta. */
export function eraKeysOf(client: object): readonly string[] {
  if (generationOf(client) === "v1") return LEGACY_KEYS;
  const era: unknown = callMember(client, "getProtocolEra");
  return era === "modern" ? MODERN_KEYS : LEGACY_KEYS;
}

const LEGACY_KEYS = ["task"] as const;
const MODERN_KEYS = ["inputResponses", "requestState"] as const;

/** The protocol version this connection agreed on, where the client tells. */
export function protocolVersionOf(client: object): string | undefined {
  const told: unknown = callMember(client, "getNegotiatedProtocolVersion");
  return typeof told === "string" ? told : undefined;
}

/** The id the client's next request will carry, where it can be seen. For spans only. */
export function nextRequestId(client: object): number | undefined {
  const id: unknown = Reflect.get(client, "_requestMessageId");
  return typeof id === "number" ? id : undefined;
}

/**
 * Whether an error means that the server answered. Time-outs, aborts and closed connections leave open whether the tool ran.
 * v1: McpError with numeric codes; v2: ProtocolError (numeric) from the wire, SdkError (string codes) from the client itself.
 */
export function isServerAnswer(error: unknown): boolean {
  const code: unknown = error !== null && typeof error === "object" && "code" in error ? error.code : undefined;
  return typeof code === "number" && code !== CONNECTION_CLOSED && code !== REQUEST_TIMEOUT;
}

const CONNECTION_CLOSED = -32000;
const REQUEST_TIMEOUT = -32001;

function callMember(target: object, name: string): unknown {
  const member: unknown = Reflect.get(target, name);
  return typeof member === "function" ? Reflect.apply(member, target, []) : undefined;
}

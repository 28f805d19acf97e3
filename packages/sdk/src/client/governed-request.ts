/**
 * What stands in for a client's `request`: `tools/call` goes through guard, all else passes. The person's time is spent
 * here, before the client's own 60 s timer starts. What runs is guard's snapshot; the object the caller holds is not read again.
 */
import { guard, type GuardOptions, type Ports } from "../guard.ts";
import { paramsOf, type Carrier, type Sent } from "../execution/send.ts";
import { spendPermit, type Permit } from "../execution/permit.ts";
import type { Call } from "../call/call.ts";
import { snapshotObject } from "../call/snapshot.ts";
import type { ProposedCall } from "../call/read-call.ts";
import type { PolicyViolationError } from "../errors.ts";
import { eraKeysOf, isServerAnswer, nextRequestId, optionsIndex, readMessage, type ClientLike, type RequestLike } from "./client-like.ts";
import type { Connection } from "./connection.ts";
import { withEditNotice } from "../enforcement/edit-notice.ts";
import type { Governance } from "../enforcement/governance.ts";
import { governance } from "./governance.ts";
import { governedTaskAnswer, isAboutTaskResult, rememberTask } from "./task-results.ts";
import { copyHeaders, mirrored, type Headers } from "./param-headers.ts";
import { connectionOf, sessionOf, type Session } from "./session.ts";

/** A client's `request` as it was before ours. */
export type OriginalRequest = (this: ClientLike, request: RequestLike, ...rest: unknown[]) => Promise<unknown>;

/** Requests that guard has already let through, for classes that hand them on to a governed `request` below. */
const permitted = new WeakSet<object>();
/** The refusal that a request object ended in, for requestStream, which would wrap it. */
const refusals = new WeakMap<object, PolicyViolationError>();

export function refusalOfRequest(request: object): PolicyViolationError | undefined {
  return refusals.get(request);
}

/** Governs one request of `client`. `original` is called with the client as `this`; `list` is the `request` for listings of our own. */
export function governedRequest(client: ClientLike, original: OriginalRequest, request: RequestLike, rest: unknown[], list = original): Promise<unknown> {
  const governed = governance();
  if (governed === undefined || permitted.delete(request)) return Reflect.apply(original, client, [request, ...rest]);
  const message = readMessage(request);
  if (message === undefined) return Promise.reject(new TypeError("the method of a request must be a string"));
  const { method } = message;
  if (method === "tools/call") return governCall({ client, original, request, rest, list }, governed);
  if (isAboutTaskResult(method)) {
    const params = snapshotObject(message.params); // the task that is looked up is the one that is asked for
    if (!params.ok) return Promise.reject(new TypeError(`${method}: ${params.reason}`));
    const own = { method, params: params.value };
    return governedTaskAnswer(client, own, Reflect.apply(original, client, [own, ...rest]), governed);
  }
  const passed = Reflect.apply(original, client, [message, ...rest]);
  if (method === "tools/list" || method === "initialize") observeAnswer(client, list, method, message, passed, governed);
  return passed;
}

/** Refuses what is no proper call, with its row and its span like any other that does not run. Always rejects. */
export async function refuseCall(client: ClientLike, list: OriginalRequest, request: RequestLike, refused: string, governed: Governance): Promise<void> {
  await governCall({ client, original: list, request, rest: [], list, refused }, governed);
}

interface Attempt {
  readonly client: ClientLike;
  readonly original: OriginalRequest;
  readonly request: RequestLike;
  readonly rest: readonly unknown[];
  readonly list: OriginalRequest;
  /** Why it is malformed, whatever its params are. */
  readonly refused?: string;
}

async function governCall({ client, original, request, rest, list, refused }: Attempt, governed: Governance): Promise<unknown> {
  const session = sessionOf(client, governed.principal);
  const connection = connectionOf(client, session, rawRequest(list));
  if (connection === undefined) throw new Error("Not connected"); // as the client says it
  if (connection.identity === undefined) await connection.identify();
  const at = optionsIndex(client, rest);
  const options = readOptions(rest[at]);
  const proposed: ProposedCall = {
    params: request.params,
    task: options?.["task"],
    eraKeys: eraKeysOf(client),
    server: (session.server ??= { name: session.serverName, identity: connection.identity ?? null, transport: connection.kind }),
    caller: session.caller,
    tools: connection.tools,
    connection: connection.facts,
    maxBytes: governed.maxCallBytes,
    refused,
  };
  const send = (permit: Permit, call: Call, carrier: Carrier): Promise<Sent> => sendCall(client, original, connection, { rest, at, options }, permit, call, carrier);
  const { inspect, policies, record, observe, now, newId } = governed.ports;
  const ports: Ports = { inspect, policies, ask: governed.askWith(session.onPolicyBlock), send, record, observe, now, newId };
  const outcome = await guard(proposed, ports, new CallSignal(options?.["signal"], connection));
  switch (outcome.kind) {
    case "ran":
      return withEditNotice(outcome.result, outcome.changed);
    case "refused":
      refusals.set(request, outcome.error);
      throw outcome.error;
    case "pending":
      throw new Error("guard answered pending to a caller that cannot come back");
  }
}

interface ClientArguments {
  readonly rest: readonly unknown[];
  readonly at: 0 | 1;
  /** A copy, so that nobody can change options while a person thinks. */
  readonly options: { readonly [key: string]: unknown } | undefined;
}

async function sendCall(client: ClientLike, original: OriginalRequest, connection: Connection, given: ClientArguments, permit: Permit, call: Call, carrier: Carrier): Promise<Sent> {
  spendPermit(permit, call);
  if (client.transport !== connection.transport) {
    return { ok: false, error: new Error("the connection that the call was made on is closed"), answered: true };
  }
  const request = { method: "tools/call", params: paramsOf(call, carrier, permit.basis.kind === "claimed") };
  const rest = [...given.rest];
  if (given.options !== undefined) rest[given.at] = optionsOf(given.options, call, connection);
  permitted.add(request);
  const requestId = nextRequestId(client);
  const id = requestId === undefined ? {} : { requestId };
  try {
    const result = await Reflect.apply(original, client, [request, ...rest]);
    rememberTask(client, call, result);
    return { ok: true, result, isError: isErrorResult(result), ...id };
  } catch (error) {
    return { ok: false, error, answered: isServerAnswer(error), ...id };
  } finally {
    permitted.delete(request);
  }
}

/** The client's options as they go with the call that is sent. */
function optionsOf(given: NonNullable<ClientArguments["options"]>, call: Call, { tools }: Connection): { readonly [key: string]: unknown } {
  const { headers, task, toolDefinition } = given;
  const own = { ...given };
  if (task !== undefined) own["task"] = call.era["task"];
  const schema = toolDefinition === undefined ? tools.definition(call.tool)?.definition["inputSchema"] : memberOf(toolDefinition, "inputSchema");
  if (headers !== null && typeof headers === "object") own["headers"] = mirrored(headers as Headers, call, schema); // copied when the options were
  return own;
}

/** The caller's signal and the connection's end as one, made only where somebody waits. */
class CallSignal implements GuardOptions {
  readonly #given: unknown;
  readonly #connection: Connection;
  #both: AbortSignal | undefined;

  constructor(given: unknown, connection: Connection) {
    this.#given = given;
    this.#connection = connection;
  }

  get signal(): AbortSignal {
    const closed = this.#connection.closed();
    return (this.#both ??= this.#given instanceof AbortSignal ? AbortSignal.any([this.#given, closed]) : closed);
  }
}

/** Our own listing, past the hook, so that it is neither governed nor observed twice. Any result will do as it stands. */
function rawRequest(original: OriginalRequest) {
  return async (client: ClientLike, request: RequestLike, signal: AbortSignal): Promise<unknown> => {
    const schema = anyResult;
    return Reflect.apply(original, client, [request, schema, { signal }]);
  };
}

/** A result schema that takes everything: callable as zod's `parse`/`safeParse` (v1) and as a Standard Schema (v2). */
const anyResult = {
  parse: (value: unknown) => value,
  safeParse: (value: unknown) => ({ success: true, data: value }),
  "~standard": { version: 1, vendor: "countersign", validate: (value: unknown) => ({ value }) },
};

/** Learns from answers that pass by. The answer itself goes to the caller as it is. */
function observeAnswer(client: ClientLike, original: OriginalRequest, method: string, request: RequestLike, answer: Promise<unknown>, { principal }: Governance): void {
  const session: Session = sessionOf(client, principal);
  const connection = connectionOf(client, session, rawRequest(original));
  if (connection === undefined) return;
  const cursor = memberOf(request.params, "cursor");
  answer.then(
    (result) => {
      if (method === "tools/list") connection.tools.observe(typeof cursor === "string" ? cursor : undefined, result);
      else connection.protocolVersion = stringMember(result, "protocolVersion");
    },
    () => undefined, // the caller sees the error; there is nothing to learn from it
  );
}

function readOptions(given: unknown): ClientArguments["options"] {
  if (given === null || typeof given !== "object") return undefined;
  const headers = copyHeaders(Reflect.get(given, "headers"));
  return headers === undefined ? { ...given } : { ...given, headers };
}

function isErrorResult(result: unknown): boolean {
  return memberOf(result, "isError") === true;
}

function memberOf(value: unknown, key: string): unknown {
  return value !== null && typeof value === "object" ? Reflect.get(value, key) : undefined;
}

function stringMember(value: unknown, key: string): string | undefined {
  const member = memberOf(value, key);
  return typeof member === "string" ? member : undefined;
}

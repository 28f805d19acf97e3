/**
 * Putting the hook in place and taking it away: an own `request` (and `notification`, v1's `requestStream`, v2's `buildContext`) on a
 * client class's prototype or on one client. `Protocol.prototype` is never touched, since servers share it. Doing it twice is harmless.
 */
import type { ClientClass, ClientLike, RequestLike } from "./client-like.ts";
import { governContext } from "./governed-context.ts";
import { governedNotification, type OriginalNotification } from "./governed-notification.ts";
import { governedRequest, refusalOfRequest, type OriginalRequest } from "./governed-request.ts";
import { refusalOfTask } from "./task-results.ts";

/** Lists on a hook which copies of the SDK in this process it leads through. */
const GOVERNED = Symbol.for("countersign.governed");
/** This copy. Another one has policies of its own, and both count. */
const COPY = Symbol("countersign");

/** v2 makes what a request handler is given here. */
type OriginalContext = (this: ClientLike, ...given: unknown[]) => unknown;
type OriginalStream = (this: ClientLike, request: RequestLike, ...rest: unknown[]) => AsyncGenerator<unknown, void>;

const undo = new Set<() => void>();

/** Governs all clients of a class. Throws TypeError for what is no client class. */
export function governClass(given: ClientClass): void {
  const prototype: unknown = typeof given === "function" ? Reflect.get(given, "prototype") : undefined;
  if (prototype === null || typeof prototype !== "object" || typeof Reflect.get(prototype, "request") !== "function") {
    throw new TypeError("not an MCP client class: it has no request method");
  }
  hook(prototype);
}

/** Governs one client, unless its class is governed already. */
export function governClient(client: ClientLike): void {
  if (client === null || typeof client !== "object" || typeof client.request !== "function") {
    throw new TypeError("configureSession needs a client of @modelcontextprotocol/sdk or @modelcontextprotocol/client");
  }
  hook(client);
}

/** Takes every hook away. */
export function ungovernAll(): void {
  for (const restore of undo) restore();
  undo.clear();
}

function hook(target: object): void {
  // The member that is there is the client's own `request`, ours around it at most.
  const plain = Reflect.get(target, "request") as OriginalRequest;
  replace(target, "request", (original) => {
    // The member that was there is the client's own `request`.
    const request = original as OriginalRequest;
    return function governed(this: ClientLike, call: RequestLike, ...rest: unknown[]): Promise<unknown> {
      return governedRequest(this, request, call, rest);
    };
  });
  replace(target, "notification", (original) => {
    // The member that was there is the client's own `notification`.
    const notify = original as OriginalNotification;
    return function governedNotify(this: ClientLike, notification: RequestLike, ...rest: unknown[]): Promise<void> {
      return governedNotification(this, notify, notification, rest, plain);
    };
  });
  replace(target, "buildContext", (original) => {
    // The member that was there is v2's `buildContext`.
    const build = original as OriginalContext;
    return function governedContext(this: ClientLike, ...given: unknown[]): unknown {
      return governContext(this, plain, Reflect.apply(build, this, given));
    };
  });
  replace(target, "requestStream", (original) => {
    // The member that was there is v1's `requestStream`.
    const stream = original as OriginalStream;
    return function governedStream(this: ClientLike, call: RequestLike, ...rest: unknown[]): AsyncGenerator<unknown, void> {
      return unwrapRefusals(this, stream, call, rest);
    };
  });
}

/** v1 turns every error of a stream into an McpError of its own; a refusal comes out as itself. */
async function* unwrapRefusals(client: ClientLike, stream: OriginalStream, request: RequestLike, rest: unknown[]): AsyncGenerator<unknown, void> {
  const own = { ...request };
  let taskId: unknown;
  for await (const message of Reflect.apply(stream, client, [own, ...rest])) {
    const { type, task } = (message ?? {}) as { readonly type?: unknown; readonly task?: { readonly taskId?: unknown } | null }; // a message of v1's streams
    if (type === "taskCreated") taskId = task?.taskId;
    const refusal = type === "error" ? (refusalOfRequest(own) ?? refusalOfTask(client, taskId)) : undefined;
    yield refusal !== undefined ? { type: "error", error: refusal } : message;
  }
}

function replace(target: object, key: string, wrap: (original: unknown) => unknown): void {
  const original: unknown = Reflect.get(target, key);
  if (typeof original !== "function") return;
  const marked: unknown = Reflect.get(original, GOVERNED);
  const copies: readonly unknown[] = Array.isArray(marked) ? marked : [];
  if (copies.includes(COPY)) return;
  const before = Object.getOwnPropertyDescriptor(target, key);
  const wrapped = wrap(original);
  if (typeof wrapped !== "function") return;
  Object.defineProperty(wrapped, GOVERNED, { value: [...copies, COPY] });
  Object.defineProperty(target, key, { value: wrapped, writable: true, configurable: true, enumerable: false });
  undo.add(() => {
    if (Reflect.get(target, key) !== wrapped) return; // somebody wrapped it after us: leave theirs, ours passes through
    if (before === undefined) Reflect.deleteProperty(target, key);
    else Object.defineProperty(target, key, before);
  });
}

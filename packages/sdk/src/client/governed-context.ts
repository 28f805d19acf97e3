/**
 * What v2 hands to a request handler can send, too: `ctx.mcpReq.send` and `.notify` lead past the client's `request` and
 * `notification`, so a handler that calls a tool from there is governed here.
 */
import type { ClientLike, RequestLike } from "./client-like.ts";
import { governedNotification } from "./governed-notification.ts";
import { governedRequest, type OriginalRequest } from "./governed-request.ts";

/** Governs the functions of a context that was just made. `list` is the client's own `request`. */
export function governContext(client: ClientLike, list: OriginalRequest, context: unknown): unknown {
  const request: unknown = context !== null && typeof context === "object" ? Reflect.get(context, "mcpReq") : undefined;
  if (request === null || typeof request !== "object") return context;
  const { send, notify } = request as { send?: unknown; notify?: unknown }; // looked at below
  if (typeof send === "function") {
    const original: OriginalRequest = (message, ...rest) => Reflect.apply(send, request, [message, ...rest]) as Promise<unknown>; // v2's own, of the same form
    put(request, "send", (message: RequestLike, ...rest: unknown[]) => governedRequest(client, original, message, rest, list));
  }
  if (typeof notify === "function") {
    const original = (message: RequestLike, ...rest: unknown[]): Promise<void> => Reflect.apply(notify, request, [message, ...rest]) as Promise<void>; // v2's own, of the same form
    put(request, "notify", (message: RequestLike, ...rest: unknown[]) => governedNotification(client, original, message, rest, list));
  }
  return context;
}

/** Throws where it cannot be put: a handler that could send past us does not run. */
function put(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, configurable: true, enumerable: true });
}

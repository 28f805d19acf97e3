/**
 * What stands in for a client's `notification`. A notification is no call, but servers have run what came as one, and a notification that
 * carries an id is a request on the wire. So none says `tools/call`, and only method and params of the others are sent.
 */
import { readMessage, type ClientLike, type RequestLike } from "./client-like.ts";
import { governance } from "./governance.ts";
import { refuseCall, type OriginalRequest } from "./governed-request.ts";

/** A client's `notification` as it was before ours. */
export type OriginalNotification = (this: ClientLike, notification: RequestLike, ...rest: unknown[]) => Promise<void>;

/** `original` is called with the client as `this`; `list` is its own `request`. */
export function governedNotification(client: ClientLike, original: OriginalNotification, notification: RequestLike, rest: unknown[], list: OriginalRequest): Promise<void> {
  const governed = governance();
  if (governed === undefined) return Reflect.apply(original, client, [notification, ...rest]);
  const message = readMessage(notification);
  if (message === undefined) return Promise.reject(new TypeError("the method of a notification must be a string"));
  if (message.method !== "tools/call") return Reflect.apply(original, client, [message, ...rest]);
  return refuseCall(client, list, message, "a call is a request; it cannot be sent as a notification", governed);
}

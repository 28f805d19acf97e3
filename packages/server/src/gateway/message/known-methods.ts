/**
 * The methods a client may send under some revision of MCP, 2024-10-07 to 2026-07-28, its tasks among them. Others pass as well, unless
 * `unknownMethods` says "block" (GUARANTEES R6).
 */
export type UnknownMethods = "pass" | "block";

const KNOWN: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "server/discover",
  "subscriptions/listen",
  "tools/list",
  "tools/call",
  "prompts/list",
  "prompts/get",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "resources/subscribe",
  "resources/unsubscribe",
  "completion/complete",
  "logging/setLevel",
  "tasks/get",
  "tasks/update",
  "tasks/result",
  "tasks/list",
  "tasks/cancel",
  "notifications/initialized",
  "notifications/cancelled",
  "notifications/progress",
  "notifications/roots/list_changed",
  "notifications/tasks/status",
]);

export function isKnownMethod(method: string): boolean {
  return KNOWN.has(method);
}

export const METHOD_NOT_FOUND = -32_601;
/** What a client is told of a method that is not known, where those are blocked. */
export const UNKNOWN_METHOD = "no revision of the protocol has this method, and unknownMethods is \"block\" here";

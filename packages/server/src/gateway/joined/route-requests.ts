/** Which of the joined servers a request is for, and what it says there. What it does not say is left to the bytes that came. */
import type { JsonObject, JsonValue } from "@countersign/sdk/call";
import { memberOf } from "../message/members.ts";
import { PROMPTS, TOOLS, type ListedServer } from "./collect-lists.ts";
import type { JoinedLists, Owner } from "./joined-lists.ts";

export type Route<S> =
  /** `path`: where the joined name stands that the server knows as `own`. */
  | { readonly kind: "to"; readonly server: S; readonly change: { readonly path: readonly string[]; readonly own: string } | undefined }
  | { readonly kind: "nowhere"; readonly code: number; readonly reason: string; readonly data?: JsonObject };

const INVALID_PARAMS = -32_602;
const RESOURCE_NOT_FOUND = -32_002;
const METHOD_NOT_FOUND = -32_601;

/** For anything but tool calls. `says`: the client's envelope. `taskOf`: whose a task is. */
export async function routeRequest<S extends ListedServer>(method: string, params: JsonValue | undefined, lists: JoinedLists<S>, { says, taskOf, modern }: { readonly says: JsonObject; readonly taskOf: (taskId: string) => S | undefined; readonly modern: boolean }): Promise<Route<S>> {
  switch (method) {
    case "prompts/get":
      return named(await owned(memberOf(params, "name"), (name) => lists.ownerOfName(PROMPTS, name, says)), ["params", "name"], "prompt");
    case "resources/read":
    case "resources/subscribe":
    case "resources/unsubscribe":
      return byUri(memberOf(params, "uri"), lists, says, modern);
    case "completion/complete": {
      const ref = memberOf(params, "ref");
      if (memberOf(ref, "type") === "ref/resource") return byUri(memberOf(ref, "uri"), lists, says, modern);
      return named(await owned(memberOf(ref, "name"), (name) => lists.ownerOfName(PROMPTS, name, says)), ["params", "ref", "name"], "prompt");
    }
    case "tasks/get":
    case "tasks/update":
    case "tasks/result":
    case "tasks/cancel": {
      const taskId = memberOf(params, "taskId");
      const server = typeof taskId === "string" ? taskOf(taskId) : undefined;
      return server === undefined ? { kind: "nowhere", code: INVALID_PARAMS, reason: "no server here is known to have this task" } : { kind: "to", server, change: undefined };
    }
    default:
      return { kind: "nowhere", code: METHOD_NOT_FOUND, reason: "where servers are joined, nothing tells which of them this method is for; it is there at a server's own address, /NAME/mcp" };
  }
}

/** Of a tool call: the server that listed it. */
export function ownerOfTool<S extends ListedServer>(params: JsonValue | undefined, lists: JoinedLists<S>, says: JsonObject): Promise<Owner<S>> {
  return owned(memberOf(params, "name"), (name) => lists.ownerOfName(TOOLS, name, says));
}

async function byUri<S extends ListedServer>(uri: JsonValue | undefined, lists: JoinedLists<S>, says: JsonObject, modern: boolean): Promise<Route<S>> {
  const owner = await owned(uri, (given) => lists.ownerOfUri(given, says));
  if (owner.kind === "one") return { kind: "to", server: owner.server, change: undefined };
  const reason = owner.kind === "none" ? "no server here lists this resource or a template of it" : `${owner.names.join(" and ")} both have this resource: read it at the server's own address, /NAME/mcp`;
  return { kind: "nowhere", code: modern ? INVALID_PARAMS : RESOURCE_NOT_FOUND, reason, ...(typeof uri === "string" ? { data: { uri } } : {}) };
}

function named<S extends ListedServer>(owner: Owner<S>, path: readonly string[], what: string): Route<S> {
  if (owner.kind === "one") return { kind: "to", server: owner.server, change: { path, own: owner.own } };
  return { kind: "nowhere", code: INVALID_PARAMS, reason: `no server here lists a ${what} of this name` };
}

async function owned<S>(value: JsonValue | undefined, find: (value: string) => Promise<Owner<S>>): Promise<Owner<S>> {
  return typeof value === "string" ? find(value) : { kind: "none" };
}

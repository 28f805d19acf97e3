/** Pages of requests for people, most urgent or newest first. A state is what it is read as: what has run out of time is expired. */
import { REQUEST_STATES } from "../../store/entity/approval-request.ts";
import type { RequestState } from "../../store/entity/approval-request.ts";
import type { ListQuery, Store } from "../../store/store.ts";
import { stateAt } from "./move.ts";
import type { RequestRow } from "./move.ts";
import { readSlices } from "./read-slices.ts";
import type { RequestListQuery } from "./requests.ts";

export interface RequestPage<T> {
  readonly told: T[];
  readonly next: string | null;
  readonly total: number;
}

const DEFAULT_LIMIT = 50;

/** Undefined where `state` or `after` are none. What `tell` does not take of a row is not kept: a page of whole rows may be gigabytes. */
export async function listRequests<T>(store: Store, tenant: string, query: RequestListQuery, now: number, tell: (row: RequestRow) => T): Promise<RequestPage<T> | undefined> {
  const states = statesOf(query.state);
  const after = query.after === undefined ? null : cursorOf(query.after);
  if (states === undefined || after === undefined) return undefined;
  const { limit = DEFAULT_LIMIT, order = "newest", tool, server, agent, callDigest } = query;
  const column = order === "urgent" ? "expires_at" : "created_at";
  const where: NonNullable<ListQuery<"approval">["where"]> = {
    ...(states.length === 0 ? {} : { state: storedStates(states) }),
    ...(tool === undefined ? {} : { tool }),
    ...(server === undefined ? {} : { server }),
    ...(agent === undefined ? {} : { agent }),
    ...(callDigest === undefined ? {} : { call_digest: callDigest }),
  };
  const isOpenOnly = states.length > 0 && states.every((state) => state === "pending" || state === "approved");
  const range = isOpenOnly ? { expires_at: { from: now + 1 } } : undefined;
  const told: T[] = [];
  let seen = 0;
  let last = "";
  for await (const rows of readSlices(store, tenant, { where, range, orderBy: column, descending: order === "newest", after: after ?? undefined, limit: limit + 1 })) {
    for (const row of rows) {
      seen += 1;
      // The one beyond the page tells only that there is more.
      if (seen > limit) break;
      last = `${row.data[column === "expires_at" ? "expiresAt" : "createdAt"]}.${row.id}`;
      if (states.length === 0 || states.includes(stateAt(row.data, now))) told.push(tell(row));
    }
  }
  return { told, next: seen > limit ? last : null, total: await store.count(tenant, "approval", where) };
}

function statesOf(text: string | undefined): readonly RequestState[] | undefined {
  if (text === undefined || text === "") return [];
  const states = text.split(",").map((name) => REQUEST_STATES.find((state) => state === name.trim()));
  return states.every((state) => state !== undefined) ? states : undefined;
}

/** What is expired as read may still be written as open. */
function storedStates(states: readonly RequestState[]): readonly RequestState[] {
  return states.includes("expired") ? [...new Set([...states, "pending", "approved"] as const)] : states;
}

function cursorOf(text: string): { readonly value: number; readonly id: string } | undefined {
  const dot = text.indexOf(".");
  const value = Number(text.slice(0, dot));
  return dot > 0 && Number.isSafeInteger(value) ? { value, id: text.slice(dot + 1) } : undefined;
}

/** Requests about one and the same call, asked by several agents, as one row that says so. Each is still decided by itself. Pure. */
import type { RequestSummary } from "../../api/words.ts";

export interface WaitingGroup {
  /** The most urgent of them. */
  readonly first: RequestSummary;
  readonly requests: readonly RequestSummary[];
}

/** In the order of the requests. */
export function mergeIdentical(requests: readonly RequestSummary[]): readonly WaitingGroup[] {
  const groups = new Map<string, RequestSummary[]>();
  for (const request of requests) {
    const group = groups.get(request.callDigest);
    if (group === undefined) groups.set(request.callDigest, [request]);
    else group.push(request);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ first, requests: group }];
  });
}

export interface WaitingFilter {
  readonly text: string;
  readonly agent: string;
  readonly server: string;
  readonly mine: boolean;
}

export const NO_FILTER: WaitingFilter = { text: "", agent: "", server: "", mine: false };

export function isShown(request: RequestSummary, { text, agent, server, mine }: WaitingFilter): boolean {
  if (agent !== "" && request.agent !== agent) return false;
  if (server !== "" && (request.server ?? "") !== server) return false;
  if (mine && !request.mayVote.allowed) return false;
  const wanted = text.trim().toLowerCase();
  return wanted === "" || [request.tool, request.server ?? "", request.agent, request.reason, request.id, ...request.policies].some((one) => one.toLowerCase().includes(wanted));
}

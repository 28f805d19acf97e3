/**
 * The waiting requests, kept live: the most urgent page first, the rest behind it, then what the stream tells, and now and then a look
 * at the whole, in case something was missed. One for the whole page. It shows; it decides nothing.
 */

import { z } from "zod";
import type { Failure } from "./call-route.ts";
import type { LiveEvents } from "./live-events.ts";
import { listRequests, readSummary } from "./requests.ts";
import { serverNow } from "./server-clock.ts";
import type { RequestSummary } from "./words.ts";

export interface WaitingView {
  /** Most urgent first. */
  readonly requests: readonly RequestSummary[];
  /** False until the first page is there. */
  readonly isLoaded: boolean;
  /** Further pages are still coming. */
  readonly isFilling: boolean;
  readonly failure: Failure | undefined;
}

export interface WaitingList {
  readonly view: WaitingView;
  readonly subscribe: (listener: () => void) => () => void;
  /** What a vote answered: it need not be asked for again. */
  take(request: RequestSummary): void;
  refresh(): void;
  close(): void;
}

const FIRST_PAGE = 60;
const PAGE = 500;
const POLL_MS = 30_000;
const HIDDEN_POLL_MS = 60_000;
const GATHER_MS = 80;
/** More than so many changes at once are read as pages. */
const FEW = 6;

const told = z.object({ requestId: z.string(), rev: z.int(), state: z.string() });

export function openWaitingList(live: Pick<LiveEvents, "listen">): WaitingList {
  const byId = new Map<string, RequestSummary>();
  const listeners = new Set<() => void>();
  const changed = new Set<string>();
  let view: WaitingView = { requests: [], isLoaded: false, isFilling: true, failure: undefined };
  let gathering: ReturnType<typeof setTimeout> | undefined;
  let poll: ReturnType<typeof setTimeout> | undefined;
  let reading: AbortController | undefined;
  let closed = false;

  function publish(change: Partial<WaitingView>): void {
    const requests = [...byId.values()].toSorted((a, b) => a.expiresAt - b.expiresAt || (a.id < b.id ? -1 : 1));
    view = { ...view, ...change, requests };
    for (const listener of listeners) listener();
  }

  function put(request: RequestSummary): void {
    const known = byId.get(request.id);
    if (known !== undefined && known.rev > request.rev) return;
    if (request.state === "pending") byId.set(request.id, request);
    else byId.delete(request.id);
  }

  /** Everything anew; what is shown stays until it is known to be gone. */
  async function readAll(): Promise<void> {
    reading?.abort();
    const own = new AbortController();
    reading = own;
    schedule();
    const seen = new Set<string>();
    const startedAt = serverNow();
    let after: string | undefined;
    for (let isFirst = true; isFirst || after !== undefined; isFirst = false) {
      const page = await listRequests({ state: "pending", order: "urgent", limit: isFirst ? FIRST_PAGE : PAGE, ...(after === undefined ? {} : { after }) }, own.signal);
      if (own.signal.aborted || closed) return;
      if (!page.ok) return publish({ failure: page, isFilling: false });
      for (const request of page.value.requests) {
        seen.add(request.id);
        put(request);
      }
      after = page.value.next ?? undefined;
      publish({ isLoaded: true, isFilling: after !== undefined, failure: undefined });
    }
    for (const [id, request] of byId) if (!seen.has(id) && request.createdAt < startedAt) byId.delete(id);
    publish({ isFilling: false });
  }

  async function readChanged(): Promise<void> {
    gathering = undefined;
    const ids = [...changed];
    changed.clear();
    if (ids.length > FEW) return readAll();
    const read = await Promise.all(ids.map((id) => readSummary(id)));
    if (closed) return;
    for (const said of read) if (said.ok) put(said.value);
    publish({});
  }

  function schedule(): void {
    clearTimeout(poll);
    if (!closed) poll = setTimeout(() => void readAll(), document.visibilityState === "visible" ? POLL_MS : HIDDEN_POLL_MS);
  }

  const stop = live.listen((event, data) => {
    if (event === "hello" || event === "directory" || event === "policy") return void readAll();
    const read = event === "request" ? told.safeParse(data) : undefined;
    if (read?.success !== true) return;
    const { requestId, rev, state } = read.data;
    if (state !== "pending") {
      changed.delete(requestId);
      if (byId.delete(requestId)) publish({});
    } else if ((byId.get(requestId)?.rev ?? -1) < rev) {
      changed.add(requestId);
      gathering ??= setTimeout(() => void readChanged(), GATHER_MS);
    }
  });
  void readAll();

  return {
    get view() {
      return view;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    take(request) {
      put(request);
      publish({});
    },
    refresh: () => void readAll(),
    close() {
      closed = true;
      stop();
      reading?.abort();
      clearTimeout(gathering);
      clearTimeout(poll);
    },
  };
}


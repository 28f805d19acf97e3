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
  /** Whether this person may read requests, where that has changed. */
  allow(mayRead: boolean): void;
  close(): void;
}

const FIRST_PAGE = 60;
const PAGE = 500;
/** While the stream stands it tells everything; a look at the whole is the net below it. */
const LIVE_POLL_MS = 300_000;
const POLL_MS = 20_000;
const GATHER_MS = 80;
/** More than so many changes at once are read as pages, newest first. */
const FEW = 6;

const told = z.object({ requestId: z.string(), rev: z.int(), state: z.string() });

/** `mayRead` false: nothing is asked for, and nothing waits for this person. */
export function openWaitingList(live: Pick<LiveEvents, "listen" | "onState" | "state">, mayRead = true): WaitingList {
  let isAllowed = mayRead;
  const byId = new Map<string, RequestSummary>();
  const listeners = new Set<() => void>();
  const changed = new Set<string>();
  let view: WaitingView = { requests: [], isLoaded: false, isFilling: true, failure: undefined };
  let gathering: ReturnType<typeof setTimeout> | undefined;
  let poll: ReturnType<typeof setTimeout> | undefined;
  let reading: Promise<void> | undefined;
  let isWanted = false;
  const ending = new AbortController();

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

  /** One look at the whole at a time; what is asked for meanwhile is done once more afterwards. */
  function readAll(): void {
    if (!isAllowed) return publish({ isLoaded: true, isFilling: false, failure: undefined });
    isWanted = true;
    reading ??= (async () => {
      while (isWanted && !ending.signal.aborted) {
        isWanted = false;
        await readPages();
      }
      reading = undefined;
      schedule();
    })();
  }

  /** Everything anew; what is shown stays until it is known to be gone. */
  async function readPages(): Promise<void> {
    const seen = new Set<string>();
    const startedAt = serverNow();
    let after: string | undefined;
    for (let isFirst = true; isFirst || after !== undefined; isFirst = false) {
      const page = await listRequests({ state: "pending", order: "urgent", limit: isFirst ? FIRST_PAGE : PAGE, ...(after === undefined ? {} : { after }) }, ending.signal);
      if (ending.signal.aborted) return;
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
    if (changed.size > FEW) await readNewest();
    if (changed.size > FEW) {
      changed.clear();
      return readAll();
    }
    const ids = [...changed];
    changed.clear();
    const read = await Promise.all(ids.map((id) => readSummary(id)));
    if (ending.signal.aborted) return;
    for (const said of read) if (said.ok) put(said.value);
    publish({});
  }

  /** Many changes at once are mostly new requests: these stand on the first pages. */
  async function readNewest(): Promise<void> {
    const page = await listRequests({ state: "pending", order: "newest", limit: Math.min(PAGE, changed.size + FIRST_PAGE) }, ending.signal);
    if (!page.ok || ending.signal.aborted) return;
    for (const request of page.value.requests) {
      put(request);
      changed.delete(request.id);
    }
    publish({});
  }

  function schedule(): void {
    clearTimeout(poll);
    if (!ending.signal.aborted) poll = setTimeout(readAll, live.state === "live" ? LIVE_POLL_MS : POLL_MS);
  }

  const stop = live.listen((event, data) => {
    if (event === "hello" || event === "directory" || event === "policy") return readAll();
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
  // The stream broke off, or stands again: the net is hung lower or higher.
  const stopWatching = live.onState(schedule);
  readAll();

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
    refresh: readAll,
    allow(now) {
      if (now === isAllowed) return;
      isAllowed = now;
      if (!now) byId.clear();
      readAll();
    },
    close() {
      ending.abort();
      stop();
      stopWatching();
      clearTimeout(gathering);
      clearTimeout(poll);
    },
  };
}


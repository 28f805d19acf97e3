/** One sign-in as the page lives through it: who it is, the live stream, the waiting list. Ends as a whole, so nothing outlives it. */
import { createContext, useContext, useSyncExternalStore } from "react";
import { openLiveEvents } from "./live-events.ts";
import type { LiveEvents, LiveState } from "./live-events.ts";
import { openPreviews } from "./previews.ts";
import type { Previews } from "./previews.ts";
import { refresh } from "./query.ts";
import { openWaitingList } from "./waiting-list.ts";
import type { WaitingList, WaitingView } from "./waiting-list.ts";
import type { Me } from "./words.ts";

const GATHER_MS = 400;

export interface Session {
  readonly me: Me;
  readonly live: LiveEvents;
  readonly waiting: WaitingList;
  readonly previews: Previews;
  /** What was shown in full in this page: by request digest the digest of its view. */
  readonly viewed: Map<string, string>;
  /** The row of the waiting list where one was. */
  readonly at: { requestId: string };
  close(): void;
}

export function openSession(me: Me): Session {
  const live = openLiveEvents();
  const waiting = openWaitingList(live, mayReadRequests(me));
  const previews = openPreviews();
  const soon = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** A burst of news asks once. */
  function refreshSoon(about: string): void {
    soon.add(about);
    timer ??= setTimeout(() => {
      timer = undefined;
      const due = [...soon];
      soon.clear();
      for (const one of due) refresh(one);
    }, GATHER_MS);
  }
  const stop = live.listen((event, data) => {
    // The one request that is shown is asked for at once.
    if (event === "request" && typeof data === "object" && data !== null && "requestId" in data) refresh(`request ${String(data.requestId)}`);
    if (event === "request") refreshSoon("history");
    else if (event === "policy_saved") refreshSoon("policies");
    else for (const about of ["request", "history", "people", "policies"]) refreshSoon(about);
  });
  return {
    me,
    live,
    waiting,
    previews,
    viewed: new Map(),
    at: { requestId: "" },
    close() {
      clearTimeout(timer);
      stop();
      waiting.close();
      previews.close();
      live.close();
    },
  };
}

const SessionContext = createContext<Session | undefined>(undefined);
export const SessionProvider = SessionContext.Provider;

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new TypeError("only inside a session");
  return session;
}

export function useWaiting(): WaitingView {
  const { waiting } = useSession();
  return useSyncExternalStore(waiting.subscribe, () => waiting.view);
}

export function useLiveState(): LiveState {
  const { live } = useSession();
  return useSyncExternalStore(live.onState, () => live.state);
}

export function mayReadRequests(me: Me): boolean {
  return hasRole(me, "approver") || hasRole(me, "auditor");
}

/** An owner has every role. */
export function hasRole(me: Me, role: Me["person"]["roles"][number]): boolean {
  return me.person.roles.includes(role) || me.person.roles.includes("owner");
}

/** The draft of a sign-in: it outlives a look at another screen, and ends with the sign-in. Never kept in the browser. */
import { useEffect, useState, useSyncExternalStore } from "react";
import type { TriedCall } from "../../api/policies.ts";
import { useSession } from "../../api/session.ts";

export interface Draft {
  /** The version that it began from; null where there was none. */
  readonly base: number | null;
  readonly baseText: string;
  readonly text: string;
  readonly comment: string;
}

interface Place {
  draft: Draft | undefined;
  /** The recorded call that it is tried on. */
  call: TriedCall | undefined;
  readonly listeners: Set<() => void>;
}

const places = new WeakMap<object, Place>();

function placeOf(session: object): Place {
  const found = places.get(session);
  if (found !== undefined) return found;
  const made: Place = { draft: undefined, call: undefined, listeners: new Set() };
  places.set(session, made);
  return made;
}

export interface DraftStore {
  readonly draft: Draft | undefined;
  readonly set: (draft: Draft | undefined) => void;
}

export function useDraft(): DraftStore {
  const { live } = useSession();
  const place = placeOf(live);
  const draft = useSyncExternalStore(
    (listener) => {
      place.listeners.add(listener);
      return () => place.listeners.delete(listener);
    },
    () => place.draft,
  );
  return {
    draft,
    set(next) {
      place.draft = next;
      for (const listener of place.listeners) listener();
    },
  };
}

/** The call on which documents are tried: it stays the same while one goes from one to the other. A link from elsewhere may name it. */
export function useTriedCall(): readonly [TriedCall | undefined, (call: TriedCall | undefined) => void] {
  const place = placeOf(useSession().live);
  const [call, setCall] = useState(() => callOfAddress() ?? place.call);
  useEffect(() => {
    place.call = call;
  }, [place, call]);
  return [call, setCall];
}

function callOfAddress(): TriedCall | undefined {
  const query = new URLSearchParams(location.search);
  const [callId, requestId] = [query.get("call"), query.get("request")];
  if (callId !== null) return { callId };
  return requestId === null ? undefined : { requestId };
}

export function isChanged({ text, baseText }: Draft): boolean {
  return text !== baseText;
}

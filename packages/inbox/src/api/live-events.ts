/**
 * The one stream of live events of a page. It comes back by itself where it left off; a page that nobody looks at gives it up after
 * a minute, since browsers allow few connections to one server. It is only the fast way: whoever shows a list also asks now and then.
 */
import { helloEvent } from "@countersign/sdk/contract";
import type { EventName } from "@countersign/sdk/contract";
import { parseJson } from "@countersign/sdk/display";
import { urlOf } from "./call-route.ts";
import { setClock } from "./server-clock.ts";

export type LiveState = "live" | "connecting";

/** `hello`: what came before may have been missed, so read anew. */
export type LiveListener = (event: EventName, data: unknown) => void;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const HIDDEN_MS = 60_000;
const NAMES = ["hello", "request", "policy", "policy_saved", "directory", "grant"] as const satisfies readonly EventName[];

export interface LiveEvents {
  readonly state: LiveState;
  readonly listen: (listener: LiveListener) => () => void;
  readonly onState: (listener: () => void) => () => void;
  close(): void;
}

export function openLiveEvents(): LiveEvents {
  const listeners = new Set<LiveListener>();
  const watchers = new Set<() => void>();
  let state: LiveState = "connecting";
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let hiding: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let closed = false;

  function move(next: LiveState): void {
    if (state === next) return;
    state = next;
    for (const watcher of watchers) watcher();
  }

  function tell(name: EventName, text: string): void {
    const data = parse(text);
    if (name === "hello") {
      const hello = helloEvent.safeParse(data);
      if (!hello.success) return;
      setClock(hello.data.now);
      failures = 0;
      move("live");
      // Picked up where it left off: everything in between is told.
      if (hello.data.resumed === true) return;
    }
    for (const listener of listeners) listener(name, data);
  }

  function connect(): void {
    clearTimeout(timer);
    timer = undefined;
    if (closed || source !== undefined) return;
    const opened = new EventSource(urlOf("events"));
    source = opened;
    for (const name of NAMES) opened.addEventListener(name, (event) => tell(name, String((event as MessageEvent<unknown>).data))); // an EventSource sends these alone
    opened.onerror = () => {
      move("connecting");
      // The browser comes back by itself, with Last-Event-ID, unless it was refused.
      if (opened.readyState !== EventSource.CLOSED) return;
      end();
      timer = setTimeout(connect, Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++) * (0.75 + Math.random() / 2));
    };
  }

  function end(): void {
    source?.close();
    source = undefined;
  }

  function onVisibility(): void {
    clearTimeout(hiding);
    if (document.visibilityState === "visible") connect();
    else hiding = setTimeout(end, HIDDEN_MS);
  }

  document.addEventListener("visibilitychange", onVisibility);
  connect();
  return {
    get state() {
      return state;
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onState(listener) {
      watchers.add(listener);
      return () => watchers.delete(listener);
    },
    close() {
      closed = true;
      document.removeEventListener("visibilitychange", onVisibility);
      clearTimeout(timer);
      clearTimeout(hiding);
      end();
    },
  };
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

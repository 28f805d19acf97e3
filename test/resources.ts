// Decides which of the resources that keep a process alive are leftovers. Pure, but for waiting: what is on its way
// out (a closing socket, a process being reaped, the test runner's own timers) gets a moment to go.
import { setTimeout as sleep } from "node:timers/promises";

/** How many of each kind are active: the names of `process.getActiveResourcesInfo()`. */
export type Resources = ReadonlyMap<string, number>;

// Counted in polls, not on a clock: a test may have put a false one in place.
const POLLS = 100;
const POLL_MS = 20;

// Other kinds (file system and name look-ups in flight) end by themselves. A worker thread is not in Node's list.
const TIMERS = ["Timeout", "Immediate"];
const SOCKETS = ["TCPServerWrap", "TCPSocketWrap", "PipeWrap", "UDPWrap"];
const PROCESSES = ["ProcessWrap", "MessagePort"];
const WATCHERS = ["FSEventWrap", "StatWatcher"];
const WATCHED = [...TIMERS, ...SOCKETS, ...PROCESSES, ...WATCHERS];

const BY_TAG: ReadonlyMap<string, readonly string[]> = new Map([
  ["leaves-timers", TIMERS],
  ["leaves-sockets", SOCKETS],
  ["leaves-processes", [...PROCESSES, "PipeWrap"]],
]);

/** The kinds that a test's tags allow it to leave behind. */
export function allowedKinds(tags: readonly string[]): ReadonlySet<string> {
  return new Set(tags.flatMap((tag) => BY_TAG.get(tag) ?? []));
}

/** What there is now and was not before, as "2 Timeout", without the allowed kinds. */
export function added(before: Resources, now: Resources, allowed: ReadonlySet<string>): readonly string[] {
  // Where tests share a server, its connections stay open between them and belong to the server, not to a test.
  const sharesServer = (before.get("TCPServerWrap") ?? 0) > 0;
  return WATCHED.flatMap((kind) => {
    if (allowed.has(kind) || (sharesServer && kind === "TCPSocketWrap")) return [];
    const more = (now.get(kind) ?? 0) - (before.get(kind) ?? 0);
    return more > 0 ? [`${more} ${kind}`] : [];
  });
}

/** The leftovers that are still there after a moment; none as soon as there are none. */
export async function settled(leftovers: () => readonly string[]): Promise<readonly string[]> {
  let found = leftovers();
  for (let poll = 0; poll < POLLS && found.length > 0; poll += 1) {
    await sleep(POLL_MS);
    found = leftovers();
  }
  return found;
}

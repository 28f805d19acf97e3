/**
 * What the upstream says of its tools, on this connection: the gateway always knows it. It listens to the lists that the client asks for,
 * asks itself where a call comes before any, and asks anew when the upstream says that the list has changed. Where clients have no session
 * a change is announced to subscribers alone: there a list has an age. A call to a tool that no list has is refused; so is every call where the
 * list cannot be had.
 */
import { createToolCatalog, type ListTools, type ToolCatalog } from "@countersign/sdk/enforcement";

export interface ToolList {
  readonly catalog: ToolCatalog;
  /** The upstream announced a change: calls wait for the new list. */
  changed(): void;
  /** The new list, while it is fetched. Never rejects. */
  readonly refreshing: Promise<void> | undefined;
  /** A whole list was seen once. */
  readonly isListed: boolean;
  /** Lists anew where the last whole list is older than a minute; undefined where it is not, or where there was none. Never rejects. */
  readonly freshen: () => Promise<void> | undefined;
  /** Why the list could not be had when it was last asked for; undefined where it could. */
  readonly failure: string | undefined;
}

const LIST_MS = 10_000;
const LIST_AGE_MS = 60_000;

export function createToolList(listPage: ListTools): ToolList {
  const known = createToolCatalog(listPage);
  let refreshing: Promise<void> | undefined;
  let again = false;
  let failure: string | undefined;
  /** Monotonic. */
  let listedAt: number | undefined;

  function observe(cursor: string | undefined, page: unknown): void {
    known.observe(cursor, page);
    if (isLastPage(page)) listedAt = performance.now();
  }

  async function listNow(): Promise<void> {
    await known.refresh(AbortSignal.timeout(LIST_MS));
    listedAt = performance.now();
  }

  /** One listing for all who wait: a hundred calls at once are no hundred lists. */
  async function list(): Promise<void> {
    do {
      again = false;
      failure = undefined;
      // One that fails leaves the old list standing, as everywhere.
      await listNow().catch((error: unknown) => (failure = error instanceof Error ? error.message : String(error)));
    } while (again);
    refreshing = undefined;
  }

  return {
    // A tool whose list is unknown is none: guard then lists, and refuses what is not in the list.
    catalog: { ...known, observe, refresh: () => (refreshing ??= list()), standing: (tool) => (known.standing(tool) === "listed" ? "listed" : "unlisted") },
    changed() {
      again = true;
      refreshing ??= list();
    },
    get isListed() {
      return listedAt !== undefined;
    },
    freshen() {
      if (refreshing !== undefined) return refreshing;
      return listedAt === undefined || performance.now() - listedAt <= LIST_AGE_MS ? undefined : (refreshing = list());
    },
    get refreshing() {
      return refreshing;
    },
    get failure() {
      return failure;
    },
  };
}

function isLastPage(page: unknown): boolean {
  return page !== null && typeof page === "object" && typeof Reflect.get(page, "nextCursor") !== "string";
}

/**
 * What the upstream says of its tools, on this connection: the gateway always knows it. It listens to the lists that the client asks for,
 * asks itself where a call comes before any, and asks anew when the upstream says that the list has changed. A call to a tool that no
 * list has is refused; so is every call where the list cannot be had.
 */
import { createToolCatalog, type ListTools, type ToolCatalog } from "@countersign/sdk/enforcement";

export interface ToolList {
  readonly catalog: ToolCatalog;
  /** The upstream announced a change: calls wait for the new list. */
  changed(): void;
  /** The new list, while it is fetched. Never rejects. */
  readonly refreshing: Promise<void> | undefined;
  /** Why the list could not be had when it was last asked for; undefined where it could. */
  readonly failure: string | undefined;
}

const LIST_MS = 10_000;

export function createToolList(listPage: ListTools): ToolList {
  const known = createToolCatalog(listPage);
  let refreshing: Promise<void> | undefined;
  let again = false;
  let failure: string | undefined;

  /** One listing for all who wait: a hundred calls at once are no hundred lists. */
  async function list(): Promise<void> {
    do {
      again = false;
      failure = undefined;
      // One that fails leaves the old list standing, as everywhere.
      await known.refresh(AbortSignal.timeout(LIST_MS)).catch((error: unknown) => (failure = error instanceof Error ? error.message : String(error)));
    } while (again);
    refreshing = undefined;
  }

  return {
    // A tool whose list is unknown is none: guard then lists, and refuses what is not in the list.
    catalog: { ...known, refresh: () => (refreshing ??= list()), standing: (tool) => (known.standing(tool) === "listed" ? "listed" : "unlisted") },
    changed() {
      again = true;
      refreshing ??= list();
    },
    get refreshing() {
      return refreshing;
    },
    get failure() {
      return failure;
    },
  };
}

/** Fills a store with requests that nobody decides, by the ledger itself. */
import { agent, openWorld } from "../../packages/server/src/control/fixture/world.ts";
import type { Store } from "../../packages/server/src/store/store.ts";
import { askBodyOf, type Credentials } from "./furnish.ts";

/** Keys before this one are left for callers that wait. */
export const FIRST_STORING_KEY = 8;
const AT_ONCE = 256;

/** Closes the store. */
export async function storePending(store: Store, { keys }: Credentials, count: number): Promise<void> {
  const world = await openWorld(store);
  const storing = keys.slice(FIRST_STORING_KEY);
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < count) {
        const index = next++;
        const asked = await world.requests.ask(agent(storing[index % storing.length]?.id ?? ""), askBodyOf(`stored-${index}`));
        if (!asked.ok) throw new Error(asked.detail);
      }
    }),
  );
  await world.close();
  await store.close();
}

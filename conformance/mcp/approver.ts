/** A person who says yes to everything, some time after it was asked, through the control plane as their browser does. */
import { setTimeout as sleep } from "node:timers/promises";
import { startControlPlane, type RunningControlPlane } from "../control-plane/running-control-plane.ts";
import { signInOwner } from "../crash/fixture/installation.ts";
import { personAt, type Person } from "../crash/fixture/person.ts";

export interface Approver {
  readonly plane: RunningControlPlane;
  readonly owner: Person;
  /** How many they have approved so far. */
  readonly approved: () => number;
  close(): Promise<void>;
}

/** Two looks use up what one person may ask for in that time at the most: a vote needs its share. */
const LOOK_MS = 50;

/** Every call waits for `afterMs` of a person's time. */
export async function startApprover(policy: string, afterMs: number): Promise<Approver> {
  const plane = await startControlPlane({ policy });
  try {
    const { headers } = await signInOwner(plane.url, plane.directory);
    const owner = personAt(() => plane.url, headers);
    const since = new Map<string, number>();
    let approved = 0;
    const closing = new AbortController();
    const look = async (): Promise<void> => {
      for (const request of await owner.requests(20)) {
        if (request.state !== "pending") continue;
        const seen = since.get(request.id) ?? performance.now();
        since.set(request.id, seen);
        if (performance.now() - seen >= afterMs && (await owner.vote(request)) === 200) approved += 1;
      }
    };
    const work = (async () => {
      while (!closing.signal.aborted) {
        await look().catch(() => undefined);
        await sleep(LOOK_MS);
      }
    })();
    return {
      plane,
      owner,
      approved: () => approved,
      async close() {
        closing.abort();
        await work;
        await plane.remove();
      },
    };
  } catch (error) {
    await plane.remove();
    throw error;
  }
}

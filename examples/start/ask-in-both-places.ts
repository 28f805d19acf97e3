/** The same question in two places: the inbox has it already, and `countersign decide` shows it at this terminal until either answers. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { text } from "./own-control-plane.ts";
import type { OwnControlPlane } from "./own-control-plane.ts";

const LOOK_MS = 50;

/** The request that waits, once it does; undefined where `over` comes first. */
export async function waitingRequest(plane: OwnControlPlane, over: AbortSignal): Promise<string | undefined> {
  while (!over.aborted) {
    const list = await plane.read("/v1/approvals?state=pending");
    const requests: unknown = typeof list === "object" && list !== null ? Reflect.get(list, "requests") : undefined;
    if (Array.isArray(requests) && requests.length > 0) return text(requests[0], "id");
    await sleep(LOOK_MS);
  }
  return undefined;
}

/** Resolves when the question is over here, true where the visitor left it open on purpose (Ctrl-C). */
export async function askHere(plane: OwnControlPlane, id: string): Promise<boolean> {
  await once(plane.start("decide", id), "close");
  return text(await plane.read(`/v1/approvals/${id}`), "state") === "pending";
}

import type { AgentKey } from "../../store/entity/directory.ts";
import type { View } from "../ledger.ts";

/**
 * Why a key opens nothing, in a word for the log; undefined where it does. Also for commands that an agent gives: a key may be
 * revoked between its request and the commit. A person who is disabled takes their agents along, until they are back.
 */
export function whyKeyIsDead({ revokedAt, expiresAt, ownerId }: AgentKey, view: Pick<View, "get" | "now">): "revoked" | "expired" | "of a disabled person" | undefined {
  if (revokedAt !== null) return "revoked";
  if (expiresAt !== null && view.now >= expiresAt) return "expired";
  return ownerId === null || view.get("person", ownerId)?.data.status === "active" ? undefined : "of a disabled person";
}

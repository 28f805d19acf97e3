import type { AgentKey } from "../../store/entity/directory.ts";

/** Whether it opens anything. Also for commands that an agent gives: a key may be revoked between its request and the commit. */
export function isLiveKey(key: AgentKey, now: number): boolean {
  return key.revokedAt === null && (key.expiresAt === null || now < key.expiresAt);
}

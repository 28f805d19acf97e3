/** What somebody typed or pasted as the name of a call: the permalink of its request, or an id. Pure. */
import type { TriedCall } from "../../api/policies.ts";

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Undefined where it is no name at all, such as a word that one searches by. Calls are named by their agents, requests by the control plane. */
export function readCallName(written: string): TriedCall | undefined {
  const text = written.trim();
  const permalink = /\/requests\/([\w.:-]{1,100})\/?$/.exec(text)?.[1];
  if (permalink !== undefined) return { requestId: permalink };
  if (UUID.test(text)) return { callId: text };
  return /^[\w-]{16,100}$/.test(text) && /\d/.test(text) && /[A-Za-z]/.test(text) ? { requestId: text } : undefined;
}

/** The digest that a vote carries as proof that the call was shown in full. Browsers hash in secure contexts only: https, or this machine. */
import { viewText } from "@countersign/sdk/contract";
import type { ShownView } from "@countersign/sdk/contract";

/** Undefined where this browser does not hash here. */
export async function viewedDigest(view: ShownView): Promise<string | undefined> {
  if (!isSecureContext) return undefined;
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(viewText(view)));
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

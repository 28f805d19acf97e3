/** What `init` set up for this process. There is one at a time. */
import type { Governance } from "../enforcement/governance.ts";

let current: Governance | undefined;

export function governance(): Governance | undefined {
  return current;
}

export function setGovernance(next: Governance | undefined): void {
  current = next;
}

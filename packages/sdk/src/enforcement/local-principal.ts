import { userInfo } from "node:os";

let local: string | undefined;

/** Who calls where there is no other credential: the operating system's user. */
export function localPrincipal(): string {
  if (local !== undefined) return local;
  try {
    local = `local:${userInfo().username}`;
  } catch {
    local = `local:${process.getuid?.() ?? "unknown"}`; // a uid without an account, as in many containers
  }
  return local;
}

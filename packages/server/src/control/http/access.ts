/** Who may use a route: the one place where a route's list and an identity meet. What is not allowed here is refused. */
import type { Access } from "@countersign/sdk/wire";
import type { Identity } from "../../auth/identity.ts";

export type AccessDecision = { readonly allowed: true } | { readonly allowed: false; readonly code: "unauthenticated" | "forbidden" };

/** Any one of `access` is enough. Rights that depend on what is asked for are the resource's to judge. */
export function decideAccess(access: readonly Access[], identity: Identity): AccessDecision {
  if (access.some((one) => grants(one, identity))) return { allowed: true };
  return { allowed: false, code: identity.kind === "anonymous" ? "unauthenticated" : "forbidden" };
}

function grants(access: Access, identity: Identity): boolean {
  switch (access) {
    case "anyone":
      return true;
    case "agent":
      return identity.kind === "agent";
    case "operator":
      return identity.kind === "operator";
    case "signed_in":
      return identity.kind === "person";
    case "owner":
    case "policy_editor":
    case "approver":
    case "auditor":
      return identity.kind === "person" && (identity.roles.includes(access) || identity.roles.includes("owner"));
  }
}

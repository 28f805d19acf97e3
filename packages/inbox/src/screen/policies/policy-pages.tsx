/**
 * The policies: every version there was, what one says, and drafts, which are checked and tried on recorded calls before they are saved and
 * put in force. Whoever is no policy editor looks and changes nothing. Loaded on demand. Called by page.tsx.
 */
import { useEffect } from "react";
import { refresh } from "../../api/query.ts";
import { hasRole, useSession } from "../../api/session.ts";
import { EmptyState } from "../../part/notice.tsx";
import { DraftPage } from "./draft-page.tsx";
import { VersionList } from "./version-list.tsx";
import { VersionPage } from "./version-page.tsx";
import "./draft.css";
import "./policies.css";

export function PolicyPages({ page, id }: { readonly page: "policies" | "policyDraft" | "policyVersion"; readonly id: string }) {
  const { me } = useSession();
  useEffect(() => refresh("policies"), [page]);
  if (!(["policy_editor", "auditor", "approver"] as const).some((role) => hasRole(me, role))) {
    return (
      <EmptyState title="Not for your roles" mark="·">
        Policies are read by policy editors, approvers and auditors. An owner can give you one of these roles.
      </EmptyState>
    );
  }
  const version = /^[1-9]\d{0,8}$/.test(id) ? Number(id) : undefined;
  if (page === "policyDraft" && hasRole(me, "policy_editor")) return <DraftPage />;
  if (page === "policyVersion" && version !== undefined) return <VersionPage key={version} version={version} />;
  return <VersionList />;
}

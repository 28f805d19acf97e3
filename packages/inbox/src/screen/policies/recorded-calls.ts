/** The recorded calls that a document is tried on, and who may try. */
import { listRecordedCalls } from "../../api/policies.ts";
import type { RecordedCallList } from "../../api/policies.ts";
import { useQuery } from "../../api/query.ts";
import type { Query } from "../../api/query.ts";
import { hasRole, useSession } from "../../api/session.ts";

const FIRST_CALLS = 40;

export function useMayTry(): boolean {
  const { me } = useSession();
  return hasRole(me, "policy_editor") || hasRole(me, "auditor");
}

/** The last ones. */
export function useRecordedCalls(): Query<RecordedCallList> {
  return useQuery(useMayTry() ? "recorded-calls" : null, () => listRecordedCalls({ limit: FIRST_CALLS }));
}

/** Policy ids of the last ones, each once. */
export function useKnownCalls(): readonly string[] {
  const { value } = useRecordedCalls();
  return [...new Set(value?.calls.map(({ policyId }) => policyId))];
}

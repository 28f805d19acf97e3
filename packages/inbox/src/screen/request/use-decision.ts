/** Votes on one request: one at a time, with the digest of what was shown, and with a passkey first where one is asked for. */
import { useState } from "react";
import type { Result } from "../../api/call-route.ts";
import { refresh } from "../../api/query.ts";
import { castVote } from "../../api/requests.ts";
import type { GrantScope } from "../../api/requests.ts";
import { signInByPasskey } from "../../api/sign-in.ts";
import { useSession } from "../../api/session.ts";
import type { RequestSummary } from "../../api/words.ts";

export interface Deciding {
  readonly busy: boolean;
  readonly problem: string | undefined;
  approve(choice: { readonly reason: string; readonly grant: GrantScope | null; readonly needsPasskey: boolean }): void;
  deny(reason: string): void;
}

export function useDecision(id: string, requestDigest: string): Deciding {
  const { viewed, waiting } = useSession();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();

  async function run(work: () => Promise<Result<RequestSummary>>): Promise<void> {
    setBusy(true);
    setProblem(undefined);
    const said = await work();
    setBusy(false);
    if (said.ok) waiting.take(said.value);
    else setProblem(said.message);
    // Refused or not: what is shown now is what is.
    refresh(`request ${id}`);
  }

  return {
    busy,
    problem,
    approve: ({ reason, grant, needsPasskey }) =>
      void run(async () => {
        if (needsPasskey) {
          const confirmed = await signInByPasskey(requestDigest);
          if (!confirmed.ok) return confirmed;
        }
        return castVote(id, { choice: "approve", requestDigest, viewedDigest: viewed.get(requestDigest) ?? null, reason, grant });
      }),
    deny: (reason) => void run(() => castVote(id, { choice: "deny", requestDigest, viewedDigest: null, reason, grant: null })),
  };
}

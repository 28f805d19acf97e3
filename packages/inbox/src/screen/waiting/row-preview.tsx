/** What the call is about, at a glance: the beginning of its arguments. Said by the agent, and cut: whoever decides sees all of it first. */
import { useCallback, useSyncExternalStore } from "react";
import { useSession } from "../../api/session.ts";
import { MarkedText } from "../../part/escaped-text.tsx";

export function RowPreview({ id, callDigest }: { readonly id: string; readonly callDigest: string }) {
  const { previews } = useSession();
  const watch = useCallback((listener: () => void) => previews.watch({ id, callDigest }, listener), [previews, id, callDigest]);
  const line = useSyncExternalStore(watch, () => previews.of(callDigest));
  return (
    <bdi dir="ltr" className="row-preview mono">
      {line === undefined ? null : <MarkedText shown={line} />}
    </bdi>
  );
}

/** A grant beside the yes: how long, which arguments may vary, and what it would have covered. Once is the default. */
import { escapeText } from "@countersign/sdk/display";
import { useEffect, useState } from "react";
import { previewGrant } from "../../api/requests.ts";
import type { GrantPreview, GrantScope } from "../../api/requests.ts";
import type { RequestDetail } from "../../api/words.ts";
import type { ViewRow } from "../../part/argument-view/view-rows.ts";
import { count } from "../../part/time-words.ts";
import { grantWords } from "./what-yes-means.ts";

export interface GrantChoiceProps {
  readonly request: RequestDetail;
  readonly offered: readonly string[];
  readonly rows: readonly ViewRow[];
  readonly grant: GrantScope | null;
  readonly onChange: (grant: GrantScope | null) => void;
}

export function GrantChoice({ request, offered, rows, grant, onChange }: GrantChoiceProps) {
  const places = rows.filter(({ depth, content }) => depth === 1 && content.kind !== "close");
  return (
    <fieldset className="grant">
      <legend>How far the yes goes</legend>
      <label>
        <input type="radio" name="grant" checked={grant === null} onChange={() => onChange(null)} /> This call, once
      </label>
      {offered.map((one) => (
        <label key={one}>
          <input type="radio" name="grant" checked={grant?.for === one} onChange={() => onChange({ for: one, free: grant?.free ?? [] })} /> Calls like it {grantWords(one)}
        </label>
      ))}
      {grant === null ? null : (
        <div className="grant-scope">
          <span className="small muted">{places.length > 1 ? "Same agent, same tool, same arguments, except those that may vary:" : "Same agent, same tool, same arguments."}</span>
          {places.length > 1
            ? places.map(({ pointer, key }) => (
                <label key={pointer}>
                  <input type="checkbox" checked={grant.free.includes(pointer)} onChange={(event) => onChange({ ...grant, free: event.target.checked ? [...grant.free, pointer] : grant.free.filter((it) => it !== pointer) })} />
                  <code>{escapeText(key ?? pointer)}</code> may vary
                </label>
              ))
            : null}
          <Preview requestId={request.id} grant={grant} />
        </div>
      )}
    </fieldset>
  );
}

function Preview({ requestId, grant }: { readonly requestId: string; readonly grant: GrantScope }) {
  const [said, setSaid] = useState<{ readonly for: GrantScope; readonly preview: GrantPreview | undefined; readonly message: string }>();
  useEffect(() => {
    let isOld = false;
    void previewGrant(requestId, grant).then((answer) => {
      if (!isOld) setSaid({ for: grant, preview: answer.ok ? answer.value : undefined, message: answer.ok ? "" : answer.message });
    });
    return () => {
      isOld = true;
    };
  }, [requestId, grant]);
  if (said?.for !== grant) return <p className="small muted">Counting…</p>;
  const { preview, message } = said;
  if (preview === undefined) return <p className="small grant-problem" role="alert">{message}</p>;
  return (
    <p className="small" role="status">
      In the last 30 days it would have covered <strong className="numbers">{preview.covered}</strong> of {count(preview.ofHeld, "held call")}.
    </p>
  );
}

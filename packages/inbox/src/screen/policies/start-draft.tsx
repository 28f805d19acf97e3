/** Begins a draft from a version, and never throws away another one unasked. */
import { useState } from "react";
import type { ReactNode } from "react";
import { callRoute } from "../../api/call-route.ts";
import { people } from "@countersign/sdk/contract";
import { Button } from "../../part/button.tsx";
import { Dialog } from "../../part/dialog.tsx";
import { Notice } from "../../part/notice.tsx";
import { goTo, pathTo } from "../../route/location.ts";
import { isChanged, useDraft } from "./draft.ts";

const FIRST = `version: 1
default: allow
policies:
  - name: file-writes-need-approval
    match: mcp:filesystem:write_file
    action: block
    reason: File writes require approval
`;

/** Why a draft cannot be begun before the versions are there: it would begin from the example. */
export const NOT_KNOWN_YET = "The versions are not there yet";

/** `start(null)`: from an example. */
export function useStartDraft(): { readonly start: (base: number | null) => void; readonly dialog: ReactNode } {
  const { draft, set } = useDraft();
  const [asked, setAsked] = useState<number>();
  const [failed, setFailed] = useState<string>();

  async function begin(base: number | null): Promise<void> {
    setAsked(undefined);
    if (base === null) set({ base: null, baseText: "", text: FIRST, comment: "" });
    else {
      const said = await callRoute("readPolicy", people.policyText, { id: String(base) });
      if (!said.ok) return setFailed(said.message);
      set({ base, baseText: said.value.text, text: said.value.text, comment: "" });
    }
    goTo(pathTo("policyDraft"));
  }

  const dialog = (
    <>
      <Dialog title="There is a draft already" open={asked !== undefined} onClose={() => setAsked(undefined)}>
        <p>
          Your draft{draft?.base === null || draft === undefined ? "" : ` began from version ${draft.base}`} and was not saved. Begin anew from version {asked}, and it is gone.
        </p>
        <div className="dialog-actions">
          <Button tone="no" onClick={() => void begin(asked ?? null)}>
            Begin anew
          </Button>
          <Button tone="main" onClick={() => goTo(pathTo("policyDraft"))}>
            Go on with the draft
          </Button>
        </div>
      </Dialog>
      {failed === undefined ? null : (
        <Notice tone="no" title="The version cannot be read" live>
          {failed}
        </Notice>
      )}
    </>
  );
  return {
    start(base) {
      if (draft === undefined || !isChanged(draft)) void begin(base);
      else if (draft.base === base) goTo(pathTo("policyDraft"));
      else setAsked(base ?? undefined);
    },
    dialog,
  };
}

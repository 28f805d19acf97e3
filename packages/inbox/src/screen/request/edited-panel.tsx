/** Of a request that stands in the place of another: who changed what, and the call as the agent sent it. Said by the control plane. */
import { useQuery } from "../../api/query.ts";
import { readRequest } from "../../api/requests.ts";
import type { Person, RequestDetail } from "../../api/words.ts";
import { ArgumentDiff, useComparison } from "../../part/argument-diff.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { Panel } from "../../part/panel.tsx";
import { Link } from "../../route/link.tsx";
import { pathTo } from "../../route/location.ts";

export interface EditedPanelProps {
  readonly request: RequestDetail;
  readonly edit: NonNullable<RequestDetail["edit"]>;
  readonly people: ReadonlyMap<string, Person>;
}

export function EditedPanel({ request, edit: { of, personId, changed }, people }: EditedPanelProps) {
  const { value } = useQuery(`request ${of}`, () => readRequest(of));
  const comparison = useComparison(value?.argumentsText, request.argumentsText);
  return (
    <Panel title="What an approver changed">
      <p>
        <EscapedText text={people.get(personId)?.name ?? personId} /> changed{" "}
        {changed.slice(0, 6).map((pointer, index) => (
          <span key={pointer}>
            {index > 0 ? ", " : null}
            <EscapedText text={pointer.slice(1)} className="mono" />
          </span>
        ))}
        {changed.length > 6 ? ` and ${changed.length - 6} more` : null}. The agent had asked for <Link to={pathTo("request", of)}>another call</Link>; it is told which arguments differ.
      </p>
      {comparison === undefined ? null : <ArgumentDiff differences={comparison.differences} />}
    </Panel>
  );
}

/** The story of one call: the rows of the record about it, in order, as they are chained. For those who may read the record. */
import { useMemo } from "react";
import { urlOf } from "../../api/call-route.ts";
import { MOST_STORY_ROWS, readRecordOf } from "../../api/directory.ts";
import { useQuery } from "../../api/query.ts";
import type { Person, RequestDetail } from "../../api/words.ts";
import { EscapedText } from "../../part/escaped-text.tsx";
import { Panel } from "../../part/panel.tsx";
import { absoluteTime } from "../../part/time-words.ts";
import { Link } from "../../route/link.tsx";
import { pathTo } from "../../route/location.ts";
import { storyOf } from "./story-of.ts";
import "./similar-calls.css";

export interface StoryProps {
  readonly request: RequestDetail;
  readonly people: ReadonlyMap<string, Person>;
  readonly mayRead: boolean;
}

export function Story({ request, people, mayRead }: StoryProps) {
  const { value, failure } = useQuery(mayRead ? `request ${request.id} record` : null, () => readRecordOf(request.id));
  const steps = useMemo(() => storyOf(value?.rows ?? []), [value]);
  if (!mayRead) return null;
  return (
    <Panel
      title="Its story in the record"
      part="story"
      aside={
        <span className="story-links small">
          <Link to={`${pathTo("policyDraft")}?request=${encodeURIComponent(request.id)}`}>Try a policy on it</Link>
          <a href={urlOf("exportRecord")} download="countersign-record.jsonl">
            Export the record
          </a>
        </span>
      }
    >
      {failure === undefined ? null : <p className="muted">{failure.message}</p>}
      <ol className="story">
        {steps.map(({ seq, at, title, person, detail, hash }) => (
          <li key={seq}>
            <span className="story-time numbers small muted">
              <time dateTime={new Date(at).toISOString()} title={absoluteTime(at)}>
                {clockTime(at)}
              </time>
            </span>
            <span className="story-what">
              {title}
              {person === null ? null : (
                <>
                  {" "}
                  <EscapedText text={people.get(person)?.name ?? person} />
                </>
              )}
              {detail === "" ? null : (
                <span className="muted">
                  {" "}
                  <EscapedText text={detail} />
                </span>
              )}
            </span>
            <span className="story-row small muted numbers" title={`Row ${seq}, hash ${hash}`}>
              row {seq} <code>{hash.slice(0, 8)}</code>
            </span>
          </li>
        ))}
      </ol>
      {steps.length < MOST_STORY_ROWS ? null : <p className="muted small">These are the first {MOST_STORY_ROWS} rows about it. The record may have more.</p>}
    </Panel>
  );
}

function clockTime(at: number): string {
  return new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }).format(at);
}

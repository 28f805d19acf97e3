/**
 * What is different from the last call of this tool that was approved, one about the same place (the same file) first: mostly that is what
 * there is to look at. It compares with what people approved, and says so: the control plane reads no files, and an agent's word for what is
 * in one would be no more than that.
 */
import { useQuery } from "../../api/query.ts";
import { readRequest } from "../../api/requests.ts";
import type { Result } from "../../api/call-route.ts";
import { useServerNow } from "../../api/server-clock.ts";
import type { RequestDetail, RequestSummary } from "../../api/words.ts";
import { ArgumentDiff, useComparison } from "../../part/argument-diff.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { TimeAgo } from "../../part/time-ago.tsx";
import { count } from "../../part/time-words.ts";
import { Link } from "../../route/link.tsx";
import { pathTo } from "../../route/location.ts";
import { isSamePlace, placeOf } from "./place-of.ts";

/** Looked through for one about the same place. */
const LOOKED_AT = 8;

/** `approved`: calls of this tool that people approved, newest first; at least one. */
export function LastApproved({ request, approved }: { readonly request: RequestDetail; readonly approved: readonly RequestSummary[] }) {
  const now = useServerNow();
  const { value } = useQuery(`last ${request.id} ${approved[0]?.id ?? ""}`, () => findLast(request, approved));
  const comparison = useComparison(value?.argumentsText, request.argumentsText);
  if (comparison === undefined || value === undefined) return null;
  const { differences, same } = comparison;
  const place = placeOf(request.argumentsText);
  const isThere = isSamePlace(place, placeOf(value.argumentsText));
  return (
    <div className="compared">
      <h3 className="small muted">
        Against the <Link to={pathTo("request", value.id)}>{isThere ? "last approved call for the same" : "last approved call"}</Link>
        {isThere && place !== undefined ? <> <EscapedText text={place.name} className="mono" /></> : null} (<TimeAgo at={value.createdAt} now={now} />): {differences.length === 0 ? "the arguments are the same" : `${count(differences.length, "argument")} ${differences.length === 1 ? "differs" : "differ"}, ${same} ${same === 1 ? "is" : "are"} the same`}
      </h3>
      {isThere && differences.length > 0 ? <p className="small muted">{SOURCE[value.state] ?? "What that call was approved with."} What is there now may be something else: nobody here has read it.</p> : null}
      <ArgumentDiff differences={differences} />
    </div>
  );
}

const SOURCE: { readonly [K in RequestDetail["state"]]?: string } = {
  completed: "What that call ran with, and it completed.",
  failed: "What that call ran with; the server answered with an error.",
  outcome_unknown: "What that call was sent with; nobody knows whether it ran.",
};

/** The newest about the same place, one that completed if there is one; else the newest. */
async function findLast(request: RequestDetail, approved: readonly RequestSummary[]): Promise<Result<RequestDetail>> {
  const place = placeOf(request.argumentsText);
  const [newest, ...older] = approved;
  if (newest === undefined) throw new TypeError("there is nothing to compare with");
  const first = await readRequest(newest.id);
  let fallback = first;
  if (place === undefined) return first;
  for (const one of [newest, ...older].slice(0, LOOKED_AT)) {
    const said = one === newest ? first : await readRequest(one.id);
    if (!said.ok || !isSamePlace(place, placeOf(said.value.argumentsText))) continue;
    if (said.value.state === "completed") return said;
    if (fallback === first) fallback = said;
  }
  return fallback;
}

/** Which of the waiting calls are shown. */
import { escapeText } from "@countersign/sdk/display";
import type { RequestSummary } from "../../api/words.ts";
import { NO_FILTER } from "./merge-identical.ts";
import type { WaitingFilter } from "./merge-identical.ts";

export interface WaitingFiltersProps {
  readonly requests: readonly RequestSummary[];
  readonly filter: WaitingFilter;
  readonly onChange: (filter: WaitingFilter) => void;
}

export function WaitingFilters({ requests, filter, onChange }: WaitingFiltersProps) {
  const agents = distinct(requests.map(({ agent }) => agent));
  const servers = distinct(requests.map(({ server }) => server ?? ""));
  const isFiltered = filter !== NO_FILTER && JSON.stringify(filter) !== JSON.stringify(NO_FILTER);
  return (
    <div className="filters" role="search">
      <input className="input filter-text" type="search" placeholder="Filter by tool, agent, reason…" aria-label="Filter" value={filter.text} onChange={(event) => onChange({ ...filter, text: event.target.value })} />
      <Choice label="Agent" all="All agents" values={agents} value={filter.agent} onChange={(agent) => onChange({ ...filter, agent })} />
      <Choice label="Server" all="All servers" values={servers} value={filter.server} onChange={(server) => onChange({ ...filter, server })} />
      <label className="filter-mine">
        <input type="checkbox" checked={filter.mine} onChange={(event) => onChange({ ...filter, mine: event.target.checked })} />
        I may decide
      </label>
      {isFiltered ? (
        <button type="button" className="link-button" onClick={() => onChange(NO_FILTER)}>
          Clear
        </button>
      ) : null}
    </div>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly all: string;
  readonly values: readonly string[];
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function Choice({ label, all, values, value, onChange }: ChoiceProps) {
  return (
    <select className="input filter-choice" aria-label={label} value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="">{all}</option>
      {values
        .filter((one) => one !== "")
        .map((one) => (
          <option key={one} value={one}>
            {escapeText(one)}
          </option>
        ))}
    </select>
  );
}

function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)].toSorted().slice(0, 200);
}

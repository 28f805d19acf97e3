/** The same figures for each tool, agent and policy. */
import { useKeyNames } from "../../api/directory.ts";
import type { Insights } from "../../api/insights.ts";
import { hasRole, useSession } from "../../api/session.ts";
import { DataTable } from "../../part/data-table.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { Panel } from "../../part/panel.tsx";
import { numberWords, paceOrNone, partsOfPolicyId, rateWords } from "./figure-words.ts";

type Outcomes = Insights["policies"][number];

const HEADS = ["Held", "Approved", "Denied", "Expired", "Approval rate", "Median time"];

function outcomeCells({ held, approved, denied, expired, medianMs }: Omit<Outcomes, "policy">): readonly string[] {
  return [numberWords(held), numberWords(approved), numberWords(denied), numberWords(expired), rateWords(approved, denied), paceOrNone(medianMs)];
}

export function FigureTables({ insights }: { readonly insights: Insights }) {
  const { me } = useSession();
  const keyNames = useKeyNames(hasRole(me, "auditor"));
  const { tools, agents, policies, totals } = insights;
  const mayCount = totals.ran !== null;
  const calls = ({ ran, refused, held }: { readonly ran: number | null; readonly refused: number | null; readonly held: number }): readonly string[] => (mayCount ? [numberWords((ran ?? 0) + (refused ?? 0) + held), numberWords(refused ?? 0)] : []);
  const heads = [...(mayCount ? ["Calls", "Refused"] : []), ...HEADS];
  return (
    <>
      {tools.length === 0 ? null : (
        <Panel title="Tools">
          <DataTable name="Tools" heads={["Tool", ...heads]} rows={tools.map((one) => ({ key: one.policyId, cells: [<ToolName key="name" policyId={one.policyId} />, ...calls(one), ...outcomeCells(one)] }))} />
        </Panel>
      )}
      {agents.length === 0 ? null : (
        <Panel title="Agents">
          <p className="muted small">By the key that asks. The names beside it are what the agents call themselves.</p>
          <DataTable name="Agents" heads={["Agent", ...heads]} rows={agents.map((one) => ({ key: one.principal, cells: [<AgentName key="name" agent={one} keyNames={keyNames} />, ...calls(one), ...outcomeCells(one)] }))} />
        </Panel>
      )}
      {policies.length === 0 ? null : (
        <Panel title="Policies that held calls">
          <DataTable name="Policies that held calls" heads={["Policy", ...HEADS]} rows={policies.map((one) => ({ key: one.policy, cells: [<EscapedText key="name" text={one.policy} />, ...outcomeCells(one)] }))} />
        </Panel>
      )}
    </>
  );
}

function ToolName({ policyId }: { readonly policyId: string }) {
  const parts = partsOfPolicyId(policyId);
  if (parts === undefined) return <span className="muted">Names too long or too many to tell apart</span>;
  return (
    <>
      <EscapedText text={parts.tool} className="mono" /> <span className="muted">on {parts.server === "" ? "an unknown server" : <EscapedText text={parts.server} />}</span>
    </>
  );
}

function AgentName({ agent: { principal, names }, keyNames }: { readonly agent: Insights["agents"][number]; readonly keyNames: ReadonlyMap<string, string> }) {
  const id = principal.replace(/^key:/, "");
  const shown = keyNames.get(id);
  return (
    <>
      <EscapedText text={shown ?? (principal === "" ? "Keys too many to tell apart" : `key ${id.slice(0, 8)}…`)} />{" "}
      {names.length === 0 ? null : (
        <span className="muted">
          <EscapedText text={names.join(", ")} />
        </span>
      )}
    </>
  );
}

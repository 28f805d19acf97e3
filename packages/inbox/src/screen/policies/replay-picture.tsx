/** Before and after: for each thing that can become of a call, two bars and the numbers. */
import type { trial } from "@countersign/sdk/contract";
import { KIND_WORDS } from "./kind-mark.tsx";

const ORDER = ["allow", "warn", "throttle", "throttled", "block", "never"] as const satisfies readonly trial.VerdictKind[];

export function ReplayPicture({ report: { before, after, judged }, label }: { readonly report: trial.ReplayReport; readonly label: string }) {
  const shown = ORDER.filter((kind) => before[kind] > 0 || after[kind] > 0);
  const most = Math.max(1, ...shown.flatMap((kind) => [before[kind], after[kind]]));
  return (
    <table className="picture">
      <caption className="only-read">What became of {judged} calls before, and what would have</caption>
      <thead>
        <tr>
          <th scope="col">
            <span className="only-read">Verdict</span>
          </th>
          <th scope="col" className="picture-bars">
            <span className="picture-key picture-before" aria-hidden="true" /> {label} <span className="picture-key picture-after" aria-hidden="true" /> after
          </th>
          <th scope="col">before</th>
          <th scope="col">after</th>
          <th scope="col">change</th>
        </tr>
      </thead>
      <tbody>
        {shown.map((kind) => (
          <tr key={kind}>
            <th scope="row" title={KIND_WORDS[kind].means}>
              {KIND_WORDS[kind].word}
            </th>
            <td className="picture-bars" aria-hidden="true">
              <Bar share={before[kind] / most} className="picture-before" />
              <Bar share={after[kind] / most} className={`picture-after picture-${KIND_WORDS[kind].tone}`} />
            </td>
            <td className="numbers">{before[kind].toLocaleString("en")}</td>
            <td className="numbers">{after[kind].toLocaleString("en")}</td>
            <td className="numbers picture-change">{changeWords(after[kind] - before[kind])}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What is there at all is seen. */
function Bar({ share, className }: { readonly share: number; readonly className: string }) {
  return <span className={`picture-bar ${className}`} style={{ inlineSize: share === 0 ? 0 : `max(2px, ${share * 100}%)` }} />;
}

function changeWords(change: number): string {
  if (change === 0) return "same";
  return `${change > 0 ? "+" : "−"}${Math.abs(change).toLocaleString("en")}`;
}

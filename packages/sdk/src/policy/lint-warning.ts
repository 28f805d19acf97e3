/** What lint finds in a document that came into force, as one message for whoever runs the process. Called by client.ts. */
import type { PolicyDocument } from "./document.ts";
import { lintDocument, positionsOf, type LintFinding } from "./lint.ts";
import { placesOf } from "./places.ts";

/** Above this, looking would hold up the start of the process or its calls for more than some tens of milliseconds. */
const MAX_LINTED = 1_000;
/** More in one message helps nobody. */
const MAX_TOLD = 10;

/** Undefined where there is nothing to tell. `source` names the document. */
export function lintWarning(document: PolicyDocument, source: string): string | undefined {
  const isText = placesOf(document)?.at([]) !== undefined;
  const command = `countersign policy check ${isText ? source : "FILE"}`;
  const { length } = document.policies;
  if (length > MAX_LINTED) return `${source} has ${length} policies; above ${MAX_LINTED} they are not looked through for slips when they are loaded. Run: ${command}`;
  const findings = lintDocument(document, { positions: () => undefined });
  if (findings.length === 0) return undefined;
  const positions = positionsOf(document);
  const say = ({ message, mend, offset, path }: LintFinding): string => {
    const place = positions(path, offset);
    return `  ${place === undefined ? "" : `${source}:${place.line}:${place.column}: `}${message} ${mend}`;
  };
  const lines = findings.slice(0, MAX_TOLD).map(say);
  if (findings.length > MAX_TOLD) lines.push(`  and ${findings.length - MAX_TOLD} more. Run: ${command}`);
  return `${source} is in force, and this in it is probably not what was meant:\n${lines.join("\n")}`;
}

/** A condition that had no answer, for verdicts, the record and people. Said by evaluate.ts. */
import type { ConditionError } from "./condition/condition.ts";

/** Which policy's, what failed, and where the policy says it. */
export interface ConditionFault {
  readonly policy: string;
  readonly error: ConditionError;
  readonly place: FaultPlace;
}

/** Where in a document: with line and column (both from 1) where it was read from text. */
export interface FaultPlace {
  /** The file or other source that the document came from. */
  readonly source: string;
  /** Such as `policies[3].when`. */
  readonly path: string;
  readonly line?: number;
  readonly column?: number;
}

/** `big (rules.yaml:7:11) has no answer (args.amount: No such key: amount)` */
export function sayFault({ policy, error, place: { source, path, line, column } }: ConditionFault): string {
  const where = line === undefined || column === undefined ? `${path}, character ${error.offset + 1}` : `${source}:${line}:${column}`;
  return `${policy} (${where}) has no answer (${error.field === undefined ? error.message : `${error.field}: ${error.message}`})`;
}

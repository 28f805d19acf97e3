/**
 * The door `@countersign/sdk/record`: rows, their chain and the off-line verifier, for whoever keeps or checks a record.
 * Nothing here writes a file; the recorder and its sinks do.
 */
export { EMPTY_HEAD, hashRow, HASH_SUFFIX_LENGTH, ROW_VERSION, argumentsBody, rowBody, rowLine } from "./row.ts";
export type { RecordHead, RowBody } from "./row.ts";
export { createSealer, openArguments } from "./cipher.ts";
export type { ArgumentKey, RowArguments, SealedArguments, Sealer } from "./cipher.ts";
export { isRowProblem, RowChecker } from "./row-check.ts";
export type { CheckedRow, RowProblem, RowProblemCode } from "./row-check.ts";
export { verifyRecord, verifyRecordFile } from "./verify-record.ts";
export type { RecordProblem, Verification, VerifyOptions } from "./verify-record.ts";
export { installationKey } from "./installation-key.ts";
export { ensurePrivateDirectory, stateDirectory, syncDirectorySync } from "./state-directory.ts";
export { EVENTS, OUTCOMES } from "./entry.ts";
export type { ApprovalEntry, DecisionEntry, EventEntry, ExecutionOutcome, IntentEntry, OutcomeEntry, RecordEntry, RecordedFinding } from "./entry.ts";
export { readLines, splitLines } from "./record-lines.ts";
export type { Lines } from "./record-lines.ts";

/**
 * The door `@countersign/sdk/policy`: reading, judging, trying out and describing policy documents, without the flow.
 * For tools around policies, such as `countersign policy …`. Nothing here enforces anything; init() does.
 */
export { argumentReads } from "./argument-reads.ts";
export { compileDocument } from "./compile.ts";
export type { CompiledDocument, Match } from "./compile.ts";
export type { CompiledPolicy, Rate } from "./compile-policy.ts";
export { sayFault } from "./condition-fault.ts";
export type { ConditionFault, FaultPlace } from "./condition-fault.ts";
export type { ApprovalTerms, DocumentPolicy, InspectionSection, PolicyDocument } from "./document.ts";
export { readToolClaims } from "./condition/activation.ts";
export type { ToolClaims } from "./condition/activation.ts";
export { parseDuration } from "./duration.ts";
export { evaluate } from "./evaluate.ts";
export type { Counters, EvaluateOptions, Verdict } from "./evaluate.ts";
export { foldName } from "./fold-name.ts";
export { policyJsonSchema } from "./json-schema.ts";
export { explainIssue, labelOf } from "./explain-issue.ts";
export type { DocumentPath, DocumentProblem, DocumentWords } from "./explain-issue.ts";
export { LINT_CODES, lintDocument } from "./lint.ts";
export type { LintCode, LintFacts, LintFinding, LintTool } from "./lint.ts";
export { nearest } from "./nearest.ts";
export { matchesGlob, parsePattern } from "./pattern.ts";
export type { Glob, Pattern } from "./pattern.ts";
export { policyDigest } from "./prepare-document.ts";
export { placesOf } from "./places.ts";
export type { Place } from "./places.ts";
export { readPolicyObject, readPolicyText } from "./read-document.ts";
export { plainValue, readYaml, refusalOf } from "./read-yaml.ts";
export type { DocumentKind, Where } from "./read-yaml.ts";
export { ACTIONS, ASSURANCES } from "./result.ts";
export type { Action, Assurance, PolicyMetadata, PolicyResult, Requirement } from "./result.ts";
export { readPolicyCases, runPolicyCase } from "./run-case.ts";
export type { CaseDifference, PolicyCase } from "./run-case.ts";
export { TokenBuckets } from "./token-buckets.ts";
export { createTrial, trialCall } from "./trial.ts";
export type { Trial, TrialCall, TrialOptions } from "./trial.ts";

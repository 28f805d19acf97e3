/** Policy documents as people see them: versions, checks, what is in force; and drafts that are tried on recorded calls. */
import { people, trial } from "@countersign/sdk/contract";
import { z } from "zod";
import { callRoute } from "./call-route.ts";
import type { Result } from "./call-route.ts";
import { useQuery } from "./query.ts";
import type { Query } from "./query.ts";

export type PolicyVersion = z.infer<typeof people.policyVersion>;
export type PolicyText = z.infer<typeof people.policyText>;
export type PolicyCheck = z.infer<typeof people.policyCheck>;
export type DocumentProblem = PolicyCheck["problems"][number];
export type Activation = z.infer<typeof people.activation>;
export type RecordedCall = trial.RecordedCall;
export type RecordedCallList = z.infer<typeof trial.recordedCallList>;

const versions = z.object({ versions: z.array(people.policyVersion) });
const groups = z.object({ groups: z.array(people.group) });

/** Newest first. */
export function useVersions(): Query<readonly PolicyVersion[]> {
  const { value, ...rest } = useQuery("policies", () => callRoute("listPolicies", versions));
  return { value: value?.versions, ...rest };
}

/** A version never changes, but whether it is in force does: that is for the list to say. */
export function useVersionText(version: number | undefined): Query<PolicyText> {
  return useQuery(version === undefined ? null : `policy-text ${version}`, () => callRoute("readPolicy", people.policyText, { id: String(version) }));
}

export function checkDocument(text: string, signal: AbortSignal): Promise<Result<PolicyCheck>> {
  return callRoute("checkPolicy", people.policyCheck, { body: { text, comment: "" }, signal });
}

export function saveVersion(text: string, comment: string): Promise<Result<PolicyVersion>> {
  return callRoute("savePolicy", people.policyVersion, { body: { text, comment } });
}

/** `expect`: the version that was compared with. */
export function activateVersion(version: number, expect: number | null, comment: string): Promise<Result<Activation>> {
  return callRoute("activatePolicy", people.activation, { id: String(version), body: { expect, comment } });
}

export function listRecordedCalls(query: { readonly before?: number; readonly limit?: number }): Promise<Result<RecordedCallList>> {
  return callRoute("listRecordedCalls", trial.recordedCallList, { query });
}

/** A call of the record, or that of a request. */
export type TriedCall = { readonly callId: string } | { readonly requestId: string };

export function explainDraft(text: string, call: TriedCall, signal: AbortSignal): Promise<Result<trial.ExplainAnswer>> {
  return callRoute("explainPolicy", trial.explainAnswer, { body: { text, ...call }, signal });
}

export function replayDraft(body: trial.ReplayBody, signal: AbortSignal): Promise<Result<trial.ReplayReport>> {
  return callRoute("replayPolicy", trial.replayReport, { body, signal });
}

/** Names of groups, as documents write them. */
export function useGroupNames(mayRead: boolean): readonly string[] {
  const { value } = useQuery(mayRead ? "people groups" : null, () => callRoute("listGroups", groups));
  return value?.groups.map(({ name }) => `group:${name}`) ?? [];
}

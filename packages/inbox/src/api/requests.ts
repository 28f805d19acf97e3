/** Approval requests as people see them: lists, one in full, votes, and what a grant beside a yes would have covered. */
import { people } from "@countersign/sdk/contract";
import type { RequestDetail, RequestSummary } from "./words.ts";
import type { z } from "zod";
import { callRoute } from "./call-route.ts";
import type { Result } from "./call-route.ts";

export interface RequestFilter {
  readonly state?: string;
  readonly tool?: string;
  readonly server?: string;
  readonly agent?: string;
  readonly callDigest?: string;
  readonly order?: "urgent" | "newest";
  readonly after?: string;
  readonly limit?: number;
}
export type RequestPage = z.infer<typeof people.requestList>;
export type GrantScope = z.infer<typeof people.grantScope>;
export type GrantPreview = z.infer<typeof people.grantPreview>;

export function listRequests(filter: RequestFilter, signal?: AbortSignal): Promise<Result<RequestPage>> {
  return callRoute("listRequests", people.requestList, { query: { ...filter }, ...(signal === undefined ? {} : { signal }) });
}

export function readRequest(id: string): Promise<Result<RequestDetail>> {
  return callRoute("readRequest", people.requestDetail, { id });
}

/** The row of a list alone: what would run is left out. */
export function readSummary(id: string): Promise<Result<RequestSummary>> {
  return callRoute("readRequest", people.requestSummary, { id });
}

export interface Answer {
  readonly choice: "approve" | "deny";
  readonly requestDigest: string;
  readonly viewedDigest: string | null;
  readonly reason: string;
  readonly grant: GrantScope | null;
}

export function castVote(id: string, answer: Answer): Promise<Result<RequestSummary>> {
  return callRoute("vote", people.requestSummary, { id, body: answer });
}

export interface EditAnswer {
  readonly requestDigest: string;
  /** RFC 8785 text. */
  readonly argumentsText: string;
  readonly viewedDigest: string;
  readonly reason: string;
}

/** A yes with other arguments. Answers with the request that took the place of this one. */
export function editRequest(id: string, edit: EditAnswer): Promise<Result<RequestSummary>> {
  return callRoute("edit", people.requestSummary, { id, body: edit });
}

export function previewGrant(requestId: string, grant: GrantScope): Promise<Result<GrantPreview>> {
  return callRoute("previewGrant", people.grantPreview, { body: { requestId, grant } });
}

export function annotateOutcome(id: string, happened: boolean, note: string): Promise<Result<RequestSummary>> {
  return callRoute("annotate", people.requestSummary, { id, body: { happened, note } });
}

/**
 * Approval requests: asking about a held call, voting, claiming, and what became of it. Each function checks the asker's right
 * on what is stored at the moment of the commit and leaves a row in the record. Nothing here runs a tool or shows a screen.
 * Made by create-requests.ts; called by control/http.
 */
import type {
  AskAnswer,
  AskBody,
  AskedRequest,
  ClaimAnswer,
  ClaimBody,
  EditAnswer,
  EndBody,
  LeaseAnswer,
  LeaseBody,
  OutcomeBody,
  ReleaseBody,
} from "@countersign/sdk/wire";
import type { people as wire } from "@countersign/sdk/wire";
import type { z } from "zod";
import type { Identity } from "../../auth/identity.ts";
import type { RequestState } from "../../store/entity/approval-request.ts";
import type { RecordLine } from "../../store/store.ts";
import type { Refusal } from "../refusal.ts";

export type RequestSummary = wire.RequestSummary;
export type RequestDetail = wire.RequestDetail;
export type VoteBody = wire.VoteBody;
export type EditBody = wire.EditBody;
export type AnnotateBody = z.infer<typeof wire.annotateBody>;
export type RequestListQuery = z.infer<typeof wire.requestListQuery>;
export type RequestList = z.infer<typeof wire.requestList>;

/** A refusal that tells how the request stands, where the asker may know. */
export interface RequestRefusal extends Refusal {
  readonly state?: RequestState;
  readonly requestId?: string;
  /** With `invalid_arguments`: what is wrong where. */
  readonly fields?: readonly { readonly pointer: string; readonly message: string }[];
}

export type RequestAnswer<T> = ({ readonly ok: true } & T) | RequestRefusal;

export interface WaitFor {
  /** Answer after this many milliseconds at the latest; 0 or absent answers at once. */
  readonly waitMs?: number | undefined;
  /** Wait only while this is still the request's revision; absent: wait for its next move. */
  readonly rev?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a row tells about one request, for live streams. `request` is what its asker may know, as of this row or later. */
export interface RequestEvent {
  readonly seq: number;
  readonly requestId: string;
  readonly principal: string;
  readonly request: AskedRequest;
}

export interface Requests {
  ask(identity: Identity, body: AskBody): Promise<RequestAnswer<AskAnswer>>;
  /** For people: one request with what would run. */
  read(identity: Identity, id: string): Promise<RequestAnswer<{ readonly request: RequestDetail }>>;
  /** For the asker. With `waitMs` it answers when the request moves, or has not moved for that long. */
  asked(identity: Identity, id: string, wait?: WaitFor): Promise<RequestAnswer<{ readonly request: AskedRequest }>>;
  list(identity: Identity, query: RequestListQuery): Promise<RequestAnswer<RequestList>>;
  /** `channel`: where the answer came from, such as `inbox`. */
  vote(identity: Identity, id: string, body: VoteBody, channel: string): Promise<RequestAnswer<{ readonly request: RequestSummary }>>;
  /** Approves the same call with other arguments; answers with the request that took its place. */
  edit(identity: Identity, id: string, body: EditBody, channel: string): Promise<RequestAnswer<{ readonly request: RequestSummary }>>;
  /** For the asker: what an approver made of its call. */
  readEdit(identity: Identity, id: string): Promise<RequestAnswer<EditAnswer>>;
  cancel(identity: Identity, id: string, body: EndBody): Promise<RequestAnswer<{ readonly request: AskedRequest }>>;
  supersede(identity: Identity, id: string, body: EndBody): Promise<RequestAnswer<{ readonly request: AskedRequest }>>;
  claim(identity: Identity, id: string, body: ClaimBody): Promise<RequestAnswer<ClaimAnswer>>;
  release(identity: Identity, id: string, body: ReleaseBody): Promise<RequestAnswer<{ readonly request: AskedRequest }>>;
  outcome(identity: Identity, id: string, body: OutcomeBody): Promise<RequestAnswer<{ readonly request: AskedRequest }>>;
  annotate(identity: Identity, id: string, body: AnnotateBody): Promise<RequestAnswer<{ readonly request: RequestSummary }>>;
  leases(identity: Identity, body: LeaseBody): Promise<RequestAnswer<LeaseAnswer>>;
  /** After a policy came into force: ends pending requests that it asks another question about. Answers how many. */
  review(signal?: AbortSignal): Promise<number>;
  /** Undefined for rows that tell of no request. Cheap to ask again about the same row. */
  eventOf(line: RecordLine): Promise<RequestEvent | undefined>;
  /** Callers that wait now. */
  readonly waiting: number;
  /** Answers everyone who waits with how things stand. */
  close(): void;
}

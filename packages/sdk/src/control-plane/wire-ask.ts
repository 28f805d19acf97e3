/**
 * The ask port over the wire: the question becomes a row at the control plane, people answer there, and the approval is spent
 * there, with the intent, before the first byte is sent. Nothing here decides; whatever is not a clear yes runs nothing.
 */
import { randomBytes } from "node:crypto";
import type { Answer, AskPort, JoinedRequest, Question } from "../approval/ask.ts";
import { ApprovalDecision } from "../approval/decision.ts";
import type { Edit } from "../approval/edit.ts";
import { setLongTimeout } from "../approval/timer.ts";
import { Refusal } from "../errors.ts";
import type { AskBody, AskedRequest } from "../wire/ask.ts";
import type { WireClient } from "../wire/wire-client.ts";
import type { ExecutingClaims } from "./executing-claims.ts";
import { inProgress, refusalOfFailure } from "./refusal-of-failure.ts";
import type { Ending, RequestWatch } from "./request-watch.ts";
import type { Teller } from "./teller.ts";

export interface WireAsk extends AskPort {
  /** `windowMs` counts where no policy writes a window. */
  join(question: Question, edit?: Edit, windowMs?: number): Promise<JoinedRequest>;
  /** As `wait`, but an abort takes nothing back; it answers undefined. */
  follow(request: JoinedRequest, signal: AbortSignal): Promise<Exclude<Answer, { kind: "pending" }> | undefined>;
  /** How the request stands now; undefined where the control plane cannot be asked. */
  look(request: JoinedRequest): Promise<AskedRequest | undefined>;
  /** Takes the request back. False where it had ended before. */
  cancel(request: JoinedRequest, reason: string): Promise<boolean>;
  dropEdit(edit: Edit, reason: string): void;
  /** In the background, until it is heard. */
  cancelLater(request: Pick<JoinedRequest, "id">, reason: string): void;
}

export interface WireAskOptions {
  readonly client: WireClient;
  readonly watch: RequestWatch;
  readonly claims: ExecutingClaims;
  readonly teller: Teller;
  /** Milliseconds since the epoch, on this machine. */
  readonly now: () => number;
  readonly defaultTimeoutMs: number;
  /** Digest of the document that calls are judged by, and whether it is the control plane's own. */
  readonly policies: () => { readonly digest: string | null; readonly own: boolean };
  /** Told of every request that is joined: the control plane writes the rows about it. */
  readonly onJoined: (id: string) => void;
}

/** A held call learns within two seconds that nobody can be asked (R32). While others are answered it is only slow, and is waited for. */
const ASK_PATIENCE = { withinMs: 10_000, quietMs: 1_800, attemptMs: 900 };
const CLAIM_PATIENCE = { withinMs: 10_000, attemptMs: 3_000 };
const EDIT_PATIENCE = { withinMs: 10_000, attemptMs: 3_000 };
const END_PATIENCE = ASK_PATIENCE;
const RELEASE_WITHIN_MS = 60_000;
const OUTCOME_WITHIN_MS = 600_000;
/** As much of a reason as the contract takes. */
const MAX_REASON = 1_000;
const MAX_NARRATION_BYTES = 64 * 1024;
const GONE = "the caller is gone";

interface Asked {
  readonly request: AskedRequest;
  /** Monotonic. */
  readonly since: number;
}

export function createWireAsk(options: WireAskOptions): WireAsk {
  const { client, watch, claims, teller, now } = options;
  const joined = new WeakMap<JoinedRequest, Asked>();
  /** How many calls of this process wait for a request: only the last that goes away takes it back. */
  const waiting = new Map<string, number>();

  function askedOf(request: JoinedRequest): Asked {
    const asked = joined.get(request);
    if (asked === undefined) throw new TypeError("this request was joined elsewhere");
    return asked;
  }

  async function join(question: Question, edit?: Edit, windowMs = options.defaultTimeoutMs): Promise<JoinedRequest> {
    return joinedTo(edit === undefined ? await ask(question, windowMs) : await joinEdit(question, edit), question);
  }

  function joinedTo(asked: AskedRequest, question: Question): JoinedRequest {
    options.onJoined(asked.id);
    watch.take(asked);
    const request = { id: asked.id, digest: asked.requestDigest, expiresAt: now() + asked.expiresAt - asked.now, question, url: asked.url };
    joined.set(request, { request: asked, since: performance.now() });
    return request;
  }

  async function ask(question: Question, windowMs: number): Promise<AskedRequest> {
    const answer = await client.ask(askBodyOf(question, windowMs, options.policies()), ASK_PATIENCE);
    if (!answer.ok) throw refusalOfFailure(answer, "nobody was asked");
    const { request } = answer.value;
    if (request.callDigest !== question.call.digest && request.editOf === null) throw new Refusal("control_plane_unavailable", "the control plane answered about another call");
    return request;
  }

  /** The request about what an approver made of the call. The digest is ours, of the call that would be sent: what people saw is that or nothing runs. */
  async function joinEdit({ call, requirements }: Question, { requestId }: Edit): Promise<AskedRequest> {
    const answer = await client.readAsked(requestId, EDIT_PATIENCE);
    if (!answer.ok) {
      cancelLater({ id: requestId }, "the agent's side could not read it");
      throw refusalOfFailure(answer, "the arguments were changed, and the request about them could not be read");
    }
    const why = answer.value.callDigest === call.digest ? missing(requirements, answer.value) : "the arguments were changed, and what would be sent is not what people were asked about";
    if (why === undefined) return answer.value;
    cancelLater({ id: requestId }, `The agent's side does not run the changed call: ${why}`);
    throw new Refusal("superseded", why);
  }

  async function follow(request: JoinedRequest, signal: AbortSignal): Promise<Exclude<Answer, { kind: "pending" }> | undefined> {
    const { request: asked, since } = askedOf(request);
    // The same call, sent again after an approver had changed it: what they made of it is what is asked about.
    if (asked.callDigest !== request.question.call.digest) return readEdit(asked.id, 0);
    const ending = await watch.follow(asked, signal);
    if (ending === undefined) return undefined;
    const elapsedMs = performance.now() - since;
    const successor = ending.kind === "moved" && ending.request.state === "superseded" ? ending.request.supersededBy : null;
    return successor === null ? answerOf(ending, elapsedMs) : readEdit(successor, elapsedMs);
  }

  async function readEdit(requestId: string, elapsedMs: number): Promise<Extract<Answer, { kind: "edited" }>> {
    const answer = await client.readEdit(requestId, EDIT_PATIENCE);
    if (!answer.ok) throw refusalOfFailure(answer, "the arguments were changed, and could not be read");
    return { kind: "edited", edit: { requestId, argumentsText: answer.value.argumentsText }, decision: NOBODY, elapsedMs };
  }

  function cancelLater({ id }: Pick<JoinedRequest, "id">, reason: string): void {
    teller.tell({ about: `approval request ${id}`, tell: (patience) => client.cancel(id, { reason }, patience), withinMs: RELEASE_WITHIN_MS });
  }

  function giveBack(id: string, claimId: string, then: () => void = () => undefined): void {
    const ended = (): void => {
      claims.end(id, claimId);
      then();
    };
    teller.tell({ about: `approval request ${id}`, tell: (patience) => client.release(id, { claimId }, patience), withinMs: RELEASE_WITHIN_MS, ended });
  }

  return {
    canMeet: () => true, // people who sign in can satisfy whatever a policy asks for
    join,

    async rejoin(requestId, question) {
      const answer = await client.readAsked(requestId, ASK_PATIENCE);
      if (!answer.ok && answer.code !== "not_found") throw refusalOfFailure(answer, "nobody was asked");
      if (!answer.ok || (answer.value.callDigest !== question.call.digest && answer.value.editOf === null)) return undefined;
      // Where the control plane has the document, it looks with the claim; what another one asks for by now, nobody else knows.
      return options.policies().own || isAskedFor(question, answer.value) ? joinedTo(answer.value, question) : undefined;
    },

    follow,
    cancelLater,
    dropEdit: ({ requestId }, reason) => cancelLater({ id: requestId }, reason.slice(0, MAX_REASON)),

    async wait(request, { signal, waitMs, leave }) {
      const { id } = request;
      const window = new AbortController();
      const gone = (): void => window.abort(GONE);
      const left = (): void => window.abort("later");
      const later = waitMs === undefined ? undefined : setLongTimeout(left, waitMs);
      leave?.addEventListener("abort", left, { once: true });
      signal?.addEventListener("abort", gone, { once: true });
      if (signal?.aborted === true) gone();
      else if (leave?.aborted === true) left();
      waiting.set(id, (waiting.get(id) ?? 0) + 1);
      try {
        const answer = await follow(request, window.signal);
        const isGone = answer?.kind === "edited" && window.signal.reason === GONE && waiting.get(id) === 1;
        if (isGone) cancelLater({ id: answer.edit.requestId }, GONE);
        else if (answer !== undefined) return answer;
      } finally {
        later?.clear();
        leave?.removeEventListener("abort", left);
        signal?.removeEventListener("abort", gone);
        const others = (waiting.get(id) ?? 1) - 1;
        if (others === 0) waiting.delete(id);
        else waiting.set(id, others);
      }
      if (window.signal.reason !== GONE) return { kind: "pending", until: request.expiresAt };
      if (!waiting.has(id)) cancelLater(request, GONE);
      return { kind: "denied", decision: NOBODY, elapsedMs: performance.now() - askedOf(request).since, error: "cancelled" };
    },

    async look({ id }) {
      const answer = await client.readAsked(id, END_PATIENCE);
      return answer.ok ? answer.value : undefined;
    },

    async cancel(request, reason) {
      const answer = await client.cancel(request.id, { reason }, END_PATIENCE);
      if (answer.ok) return true;
      if (answer.code === "ended") return false;
      cancelLater(request, reason);
      return true;
    },

    async claim({ id, question }) {
      const claimId = randomBytes(32).toString("hex"); // the same in every attempt: a lost answer is not a second claim
      const { digest, definition, server } = question.call;
      const answer = await client.claim(id, { claimId, callDigest: digest, definition, serverIdentity: server.identity }, CLAIM_PATIENCE);
      if (answer.ok) {
        claims.begin(id, claimId, answer.value.leaseMs);
        return true;
      }
      if (answer.code === "superseded" || answer.state === "superseded") return false;
      if (answer.state === "expired") throw new Refusal("approval_timeout", "it was approved, and the approval was not used in time; nothing ran on it: make the call again to ask anew", answer);
      if (answer.status === undefined || answer.code === "garbage" || answer.status >= 500) giveBack(id, claimId); // it may have been spent
      throw refusalOfFailure(answer, "the approval could not be spent");
    },

    async supersede({ id }) {
      const answer = await client.supersede(id, { reason: "the call, its tool or the policy changed meanwhile" }, END_PATIENCE);
      // Were it still open, asking anew would join it.
      if (!answer.ok && answer.code !== "ended" && answer.code !== "superseded") throw refusalOfFailure(answer, "the question changed, and the old one could not be taken back");
    },

    release(request, gone) {
      const { id } = request;
      const claimId = claims.claimIdOf(id);
      // Another call of this process may still wait for the same request.
      const takeBack = (): void => {
        if (gone && !waiting.has(id)) cancelLater(request, GONE);
      };
      if (claimId === undefined) takeBack();
      else giveBack(id, claimId, takeBack);
    },

    report({ id }, { outcome, isError, elapsedMs }) {
      const claimId = claims.claimIdOf(id);
      if (claimId === undefined) return;
      const body = { claimId, outcome, isError, elapsedMs };
      // Until it is heard the claim is kept alive: an outcome that is known here must not become unknown there.
      teller.tell({ about: `the outcome of approval request ${id}`, tell: (patience) => client.outcome(id, body, patience), withinMs: OUTCOME_WITHIN_MS, ended: () => claims.end(id, claimId) });
    },
  };
}

/** Whether people were asked under all that the policy here asks for. The control plane's document counts where both have a policy of that name. */
function missing(requirements: Question["requirements"], asked: AskedRequest): string | undefined {
  const isMissing = requirements.some(({ policy }) => !asked.requirements.some((it) => it.policy === policy));
  return isMissing ? "the arguments were changed, and the policy here asks for an approval that nobody was asked for" : undefined;
}

/** Whether people were asked under the very requirements of the question. */
function isAskedFor({ requirements }: Question, asked: AskedRequest): boolean {
  const those = new Set(asked.requirements.map(textOf));
  return requirements.every((requirement) => those.has(textOf(requirement)));
}

function textOf({ policy, approvers, quorum, assurance, selfApproval, timeoutMinutes, grants, edits, requireReason, escalate }: Question["requirements"][number] | AskedRequest["requirements"][number]): string {
  return JSON.stringify([policy, approvers, quorum, assurance ?? null, selfApproval ?? null, timeoutMinutes, grants, edits, requireReason, escalate.map(({ afterMs, to }) => [afterMs, to])]);
}

const NOBODY = new ApprovalDecision({ approved: false });

/** Throws a Refusal where the request ended in a way that is no answer to this caller. */
export function answerOf(ending: Ending, elapsedMs: number): Exclude<Answer, { kind: "pending" }> {
  if (ending.kind === "failed") throw refusalOfFailure(ending.failure, "the answer could not be heard");
  if (ending.kind === "silent") return { kind: "timeout", decision: new ApprovalDecision({ approved: false, timedOut: true }), elapsedMs };
  const { state } = ending.request;
  switch (state) {
    case "approved":
      return { kind: "approved", decision: decisionOf(ending.request, true), elapsedMs };
    case "denied":
      return { kind: "denied", decision: decisionOf(ending.request, false), elapsedMs };
    case "expired":
      return { kind: "timeout", decision: new ApprovalDecision({ approved: false, timedOut: true }), elapsedMs };
    case "cancelled":
      return { kind: "denied", decision: NOBODY, elapsedMs, error: "cancelled" };
    case "superseded":
      return { kind: "superseded", decision: NOBODY, elapsedMs };
    case "executing":
    case "completed":
    case "failed":
    case "outcome_unknown":
      throw inProgress();
    case "pending":
      throw new TypeError("a pending request has no answer");
  }
}

function decisionOf({ decision }: AskedRequest, approved: boolean): ApprovalDecision {
  const { approver = "", channel = "", human, reason = "" } = decision ?? {};
  return new ApprovalDecision({ approved, approver, ...(channel === "" ? {} : { channel }), ...(human === undefined ? {} : { human }), ...(reason === "" ? {} : { reason }) });
}

/** `oauth:ISSUER#SUBJECT`, as gateways write it. An issuer has no fragment. */
function subjectOf(principal: string): Pick<AskBody["caller"], "onBehalfOf"> {
  const [, issuer, subject] = /^oauth:([^#]+)#(.+)$/s.exec(principal) ?? [];
  return issuer === undefined || subject === undefined ? {} : { onBehalfOf: { issuer, subject } };
}

function askBodyOf(question: Question, windowMs: number, policies: { readonly digest: string | null; readonly own: boolean }): AskBody {
  const { call } = question;
  const { server, caller } = call;
  return {
    call: {
      callId: question.callId,
      server: { name: server.name ?? null, identity: server.identity, transport: server.transport },
      tool: call.tool,
      definition: call.definition,
      // Frozen plain JSON; the schema's type is the same data without `readonly`.
      arguments: call.arguments as AskBody["call"]["arguments"],
      context: call.context as AskBody["call"]["context"],
      digest: call.digest,
    },
    caller: { agent: caller.agent, user: caller.user, session: caller.session, ...subjectOf(caller.principal) },
    findings: question.findings.map(({ type, group, direction, where, count }) => ({ type, group, direction, where, ...(count === undefined ? {} : { count }) })),
    reason: question.reason.slice(0, 10_000),
    policies: [...question.policies],
    requirements: policies.own ? [] : question.requirements.map((requirement) => ({ ...requirement, approvers: [...requirement.approvers], grants: [...requirement.grants], escalate: requirement.escalate.map(({ afterMs, to }) => ({ afterMs, to: [...to] })) })),
    policyDigest: policies.digest,
    timeoutMs: windowMs,
    narration: narrationOf(question.definition),
    traceparent: question.traceparent ?? null,
  };
}

/** As much of what the server says of its tool as the contract takes: a server that says too much must not keep its calls from being asked about. */
function narrationOf(definition: Question["definition"]): AskBody["narration"] {
  const said = definition?.["description"];
  const description = typeof said === "string" ? said.slice(0, 16_384).toWellFormed() : "";
  // Plain JSON; the schema's type is the same data without `readonly`.
  const whole = { description, definition: definition as AskBody["narration"]["definition"] };
  const short = { description, definition: null };
  return [whole, short].find((narration) => Buffer.byteLength(JSON.stringify(narration)) <= MAX_NARRATION_BYTES) ?? { description: description.slice(0, 4_000).toWellFormed(), definition: null };
}

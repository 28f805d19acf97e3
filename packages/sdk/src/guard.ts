/**
 * READ FIRST. One governed call, from proposal to outcome, as a straight line:
 * 1 call · 2 inspection · 3 policy · 4 approval · 5 execution · 6 record.
 * Every way to a tool leads through here, and nothing else mints a permit. Whatever fails before the send, the tool does
 * not run. It knows neither JSON-RPC nor MCP classes; client.ts turns its outcome into a result or a throw.
 */
import type { AskPort, JoinedRequest } from "./approval/ask.ts";
import { changedArguments, editedCall, type Edit } from "./approval/edit.ts";
import { blockMessage, codeOfAnswer, isHeld, isSameQuestion, questionOf, unlessAborted, whyNotAsked } from "./approval/question.ts";
import { bindCall } from "./call/bind-call.ts";
import type { Call, ReadCall } from "./call/call.ts";
import { readCall, type ProposedCall } from "./call/read-call.ts";
import { policyIdOf } from "./call/policy-id.ts";
import { PolicyViolationError, Refusal, refusalOf, type RefusalCode } from "./errors.ts";
import { mintPermit, type Permit } from "./execution/permit.ts";
import type { SendPort, Sent } from "./execution/send.ts";
import type { Finding } from "./inspection/inspection.ts";
import { inspectCall, inspectResult, type InspectedResult, type InspectPort } from "./inspection/inspect.ts";
import { readToolClaims, type ToolClaims } from "./policy/condition/activation.ts";
import type { Verdict } from "./policy/evaluate.ts";
import type { PolicyPort } from "./policy/policy-store.ts";
import { approvalOfAnswer } from "./record/approval-of-answer.ts";
import { approvalEntry, decisionEntry, intentEntry, outcomeEntry } from "./record/entries-of-story.ts";
import type { Queued, RecordPort } from "./record/entry.ts";
import type { Observation, ObservePort } from "./record/observe.ts";
import { openStory, type CallStory } from "./record/story.ts";

export interface Ports {
  readonly inspect: InspectPort;
  readonly policies: PolicyPort;
  /** Undefined where nobody can be asked. */
  readonly ask: AskPort | undefined;
  readonly send: SendPort;
  readonly record: RecordPort;
  readonly observe: ObservePort;
  /** Milliseconds since the epoch, for rows. */
  readonly now: () => number;
  readonly newId: () => string;
}

export interface GuardOptions {
  /** The caller's own signal: aborting while people think cancels the request. */
  readonly signal?: AbortSignal | undefined;
  /** Answer `pending` after this many milliseconds of waiting. Only callers that can come back set it. */
  readonly waitMs?: number | undefined;
  /** The call was judged and held before, and comes back to the same question: no rate counts it again. Default false. */
  readonly charged?: boolean | undefined;
}

export type Outcome =
  /** `changed`: names of arguments that an approver changed; none where it ran as it was proposed. */
  | { readonly kind: "ran"; readonly result: unknown; readonly changed: readonly string[] }
  /** `error` is the very one a handler was given, if one was asked. */
  | { readonly kind: "refused"; readonly code: RefusalCode; readonly reason: string; readonly error: PolicyViolationError }
  /** `url`: where people look at the request. */
  | { readonly kind: "pending"; readonly requestId: string; readonly until: number; readonly url: string | undefined };

/** Governs one call. Rejects only with the error that sending gave; every decision of ours is an outcome. */
export function guard(proposed: ProposedCall, ports: Ports, options: GuardOptions = {}): Promise<Outcome> {
  const story = openStory(ports.newId(), performance.now(), proposed, readCall(proposed)); // 1 call
  const span = ports.observe.begin(story);
  story.traceparent = span.carrier["traceparent"];
  return span.run(() => govern(story, ports, span, options));
}

async function govern(story: CallStory, ports: Ports, span: Observation, options: GuardOptions): Promise<Outcome> {
  try {
    let cleared: Cleared | Pending;
    let queued: Queued;
    try {
      if (ports.policies.loading !== undefined) await ports.policies.loading;
      const known = isUnlisted(story) ? await listAnew(story) : readOf(story);
      const seen = ports.inspect.inspections.length > 0 ? await inspected(known, story, ports, options) : known; // 2 inspection
      const verdict = judge(seen, story, ports, options.charged !== true); // 3 policy
      cleared = isHeld(verdict) ? await hold(seen, story, ports, options) : allow(story, ports); // 4 approval
      if (cleared.kind === "pending") return cleared;
      queued = cleared.queued instanceof Promise ? await cleared.queued : cleared.queued; // a full queue: wait, or run nothing
    } catch (error) {
      return await refuse(story, ports, error); // whatever failed, the call does not run
    }
    const { call, permit, request } = cleared;
    const started = performance.now();
    const sent = await ports.send(permit, call, span.carrier); // 5 execution
    const looked = sent.ok && ports.inspect.inspections.length > 0 ? await lookAt(sent.result, call, ports, options) : undefined;
    const outcome = conclude(story, sent, looked, performance.now() - started);
    ports.record.complete(queued, outcomeEntry(story, ports.now())); // 6 record
    if (request !== undefined) await reported(request, story, ports);
    if (!sent.ok) throw sent.error;
    return outcome;
  } finally {
    span.end(story);
  }
}

/** What may run: the call, and the permit that says so. */
interface Cleared {
  readonly kind: "cleared";
  readonly call: Call;
  readonly permit: Permit;
  readonly queued: Queued | Promise<Queued>;
  readonly request: JoinedRequest | undefined;
}
type Pending = Extract<Outcome, { kind: "pending" }>;

function allow(story: CallStory, ports: Ports): Cleared {
  const { call, verdict } = decided(story);
  const queued = ports.record.append(decisionEntry(story, ports.now()));
  return { kind: "cleared", call, permit: mintPermit({ kind: "allowed", policies: verdict.policies }, call), queued, request: undefined };
}

/** How often one call is asked about anew because the question changed meanwhile. */
const MAX_ROUNDS = 5;
const LISTING_MS = 10_000;
const TOOL_CHANGED: Finding = Object.freeze({ type: "changed", group: "tools", direction: "input", where: "" });
const EDIT_VOID = "an approver changed the arguments, and that could not be used any more";
const UNLISTED = "the server's own list of tools does not have it";

/**
 * Asks about a held call, and anew about what it has become where it changed meanwhile, until it may run or does not. Where an approver
 * wrote other arguments, it goes on with those and with the request about them.
 */
async function hold(proposed: ReadCall, story: CallStory, ports: Ports, options: GuardOptions): Promise<Cleared | Pending> {
  let read = proposed;
  askable(story, ports);
  if (await definitionAppeared(read, story, options)) judge(read, story, ports, false); // with what is known now
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { call, verdict } = decided(story);
    const { edit } = story;
    if (edit === undefined && !isHeld(verdict)) return allow(story, ports);
    const ask = askable(story, ports);
    story.queued = await ports.record.append(decisionEntry(story, ports.now()));
    unlessGone(story, options);
    const question = (story.question = questionOf(call, verdict, aboutCall(call, story)));
    story.unjoinedEdit = undefined; // from here on it is the port's
    const request = await ask.join(question, edit);
    const heard = await ask.wait(request, { signal: options.signal, waitMs: options.waitMs });
    const answer = unlessAborted(heard, options.signal);
    if (answer !== heard) await givenBack(ask, request, true); // a yes that came when the caller had already gone
    if (answer.kind === "pending") return { kind: "pending", requestId: request.id, until: answer.until, url: request.url };

    // At the claim, everything again: the definition known now, the document in force now.
    const stands = definitionOf(read, story) === call.definition && isSameQuestion(verdict, verdictOn(call, story, ports, false));
    const claimed = answer.kind === "approved" && stands && (await ask.claim(request));
    story.approval = approvalOfAnswer(request, answer, claimed);
    if (claimed) return await spend({ request, ask, queued: story.queued }, story, ports, options);
    await ports.record.append(approvalEntry(story, ports.now()));
    if (answer.kind === "denied" || answer.kind === "timeout") throw new Refusal(codeOfAnswer(answer), verdict.reason, answer.cause, answer.decision);
    if (answer.kind === "edited") {
      read = await takeEdit(proposed, answer.edit, story, ports, options);
      continue;
    }
    await ask.supersede(request);
    if (edit !== undefined) throw new Refusal("superseded", EDIT_VOID); // what the caller sent may be asked about anew, by the caller
    story.question = story.approval = undefined;
    if (isUnlisted(story)) throw new Refusal("unknown_tool", UNLISTED); // it was taken away meanwhile
    judge(read, story, ports, false); // people are asked about what it is now
  }
  throw new Refusal("superseded", `the question changed ${MAX_ROUNDS} times while it was being answered`);
}

/** Goes on with the arguments that an approver wrote: looked into and judged as if the caller had sent them, and charged to no rate again. */
async function takeEdit(proposed: ReadCall, edit: Edit, story: CallStory, ports: Ports, options: GuardOptions): Promise<ReadCall> {
  story.unjoinedEdit = edit;
  const edited = editedCall(proposed, edit, decided(story).verdict.requirements, story.proposed.maxBytes);
  story.question = story.approval = undefined;
  if (!edited.ok) throw new Refusal("superseded", edited.reason);
  story.edit = edit;
  story.changed = changedArguments(proposed.arguments, edited.call.arguments);
  const seen = ports.inspect.inspections.length > 0 ? await inspected(edited.call, story, ports, options) : edited.call;
  judge(seen, story, ports, false);
  return seen;
}

/** Writes down what was claimed, before the first byte. Where that fails, or the caller has gone meanwhile, nothing runs and the claim is given back. */
async function spend({ request, ask, queued }: Claimed, story: CallStory, ports: Ports, { signal }: GuardOptions): Promise<Cleared> {
  const { call } = decided(story);
  try {
    await ports.record.append(approvalEntry(story, ports.now()));
    if (signal?.aborted === true) throw new Refusal("cancelled", "the caller went away before anything was sent");
    await ports.record.commit(intentEntry(story, ports.now())); // durable before the first byte, or nothing runs
    return { kind: "cleared", call, permit: mintPermit({ kind: "claimed", requestId: request.id }, call), queued, request };
  } catch (error) {
    await givenBack(ask, request, signal?.aborted === true);
    throw error;
  }
}

interface Claimed {
  readonly request: JoinedRequest;
  readonly ask: AskPort;
  readonly queued: Queued;
}

async function givenBack(ask: AskPort, request: JoinedRequest, gone: boolean): Promise<void> {
  try {
    await ask.release?.(request, gone);
  } catch {
    // It stays spent: nothing runs either way.
  }
}

/** People are not asked on behalf of a caller that has gone while the call was inspected. */
function unlessGone(story: CallStory, { signal }: GuardOptions): void {
  if (signal?.aborted !== true) return;
  story.approval = { status: "denied", error: "cancelled" };
  throw new Refusal("cancelled", "the caller went away before anybody was asked");
}

function aboutCall({ tool }: Call, { callId, findings, traceparent, proposed }: CallStory) {
  return { callId, findings, traceparent, definition: proposed.tools.definition(tool)?.definition ?? null };
}

function readOf({ reading }: CallStory): ReadCall {
  if (!reading.ok) throw new Refusal(reading.refusal.code, reading.refusal.reason, reading.refusal.cause);
  return reading.call;
}

function isUnlisted({ reading, proposed: { tools } }: CallStory): boolean {
  return reading.ok && tools.standing(reading.call.tool) === "unlisted";
}

/** Refuses a name that the server's own list does not have, unless it has come since. A listing that fails leaves the old list standing. */
async function listAnew(story: CallStory): Promise<ReadCall> {
  await story.proposed.tools.refresh(AbortSignal.timeout(LISTING_MS)).catch(() => undefined);
  if (isUnlisted(story)) throw new Refusal("unknown_tool", UNLISTED);
  return readOf(story);
}

async function inspected(call: ReadCall, story: CallStory, ports: Ports, { signal }: GuardOptions): Promise<ReadCall> {
  try {
    const seen = await inspectCall(call, ports.inspect, (finding) => ports.policies.findingAction(finding), signal);
    story.findings = seen.findings;
    story.findingAction = seen.action;
    return seen.call;
  } catch (cause) {
    throw new Refusal("inspection_block", "an inspection failed, so the call does not run", cause);
  }
}

/** Binds the call to what is known of its tool now, and judges it. */
function judge(read: ReadCall, story: CallStory, ports: Ports, charge: boolean): Verdict {
  story.call = bindCall(read, definitionOf(read, story));
  if (story.proposed.tools.change(read.tool) === "changed" && !story.findings.includes(TOOL_CHANGED)) story.findings = [...story.findings, TOOL_CHANGED];
  return (story.verdict = verdictOn(story.call, story, ports, charge));
}

function verdictOn(call: Call, story: CallStory, ports: Ports, charge: boolean): Verdict {
  const claims = (): ToolClaims => readToolClaims(story.proposed.tools.definition(call.tool)?.definition["annotations"]);
  const verdict = ports.policies.evaluate(call, story.findings, { charge, now: performance.now(), at: ports.now(), claims });
  if (verdict === undefined) throw new Refusal("policy_unavailable", ports.policies.whyNone ?? "no policy document is in force");
  return verdict;
}

function decided({ call, verdict }: CallStory): { readonly call: Call; readonly verdict: Verdict } {
  if (call === undefined || verdict === undefined) throw new TypeError("the call was not judged yet");
  return { call, verdict };
}

/** Whom to ask about the held call; refuses where nobody can be. */
function askable(story: CallStory, ports: Ports): AskPort {
  const { verdict } = decided(story);
  if (story.edit !== undefined && ports.ask !== undefined && !isHeld(verdict)) return ports.ask; // people were asked, whatever the policy says of it
  const code = whyNotAsked(verdict, ports.ask);
  if (code === undefined && ports.ask !== undefined) return ports.ask;
  if (verdict.action === "block") story.approval = { status: "not_required" };
  throw new Refusal(code ?? "policy_block", verdict.reason);
}

function definitionOf({ tool }: ReadCall, { proposed }: CallStory): string | null {
  return proposed.tools.definition(tool)?.digest ?? null;
}

/** Lists a held call's tool if it was never listed, so that people see its definition. True where there is one now. */
async function definitionAppeared(call: ReadCall, { proposed: { tools } }: CallStory, { signal }: GuardOptions): Promise<boolean> {
  if (tools.standing(call.tool) !== "unknown") return false;
  const limit = AbortSignal.timeout(LISTING_MS);
  await tools.refresh(signal === undefined ? limit : AbortSignal.any([signal, limit])).catch(() => undefined);
  if (tools.standing(call.tool) === "unlisted") throw new Refusal("unknown_tool", UNLISTED);
  return tools.definition(call.tool) !== undefined;
}

/** Ends a call that does not run: one refusal in the story, the record and the error. */
async function refuse(story: CallStory, ports: Ports, failure: unknown): Promise<Outcome> {
  const { code, reason, cause, approval } = refusalOf(failure);
  const { verdict, call, proposed } = story;
  const throttled = verdict?.action === "throttle";
  story.refusal = { code, reason, action: throttled ? "throttle" : "block" };
  if (story.unjoinedEdit !== undefined) ports.ask?.dropEdit?.(story.unjoinedEdit, `The agent's side does not run the changed call: ${reason}`);
  // An answered request has its own row; everything else that ends a call is a decision.
  if (story.approval?.requestId === undefined || approval === undefined) {
    try {
      await ports.record.append(decisionEntry(story, ports.now()));
    } catch {
      // The call is refused already; that it cannot be recorded too makes no difference to it.
    }
  }
  const id = call?.policyId ?? policyIdOf(proposed.server.name, story.reading.ok ? story.reading.call.tool : "");
  const retryAfterMs = throttled ? verdict?.retryAfterMs : undefined;
  const message = blockMessage(id, reason);
  const error = story.question?.error ?? new PolicyViolationError(message, { call, policyResult: verdict?.policyResult, retryAfterMs });
  PolicyViolationError.settle(error, { message, code, approval, cause });
  return { kind: "refused", code, reason, error };
}

/** Inspects a result that is already there. An inspection that fails withholds it. */
async function lookAt(result: unknown, call: Call, ports: Ports, { signal }: GuardOptions): Promise<InspectedResult> {
  try {
    return await inspectResult(call, result, ports.inspect, (finding) => ports.policies.findingAction(finding), signal);
  } catch {
    return { result: undefined, findings: [], action: "block" };
  }
}

/** Tells whoever answered how it went. That this fails changes nothing about what has happened. */
async function reported(request: JoinedRequest, { execution }: CallStory, { ask }: Ports): Promise<void> {
  try {
    const { outcome = "outcome_unknown", isError = false, elapsedMs = 0 } = execution ?? {};
    await ask?.report(request, { outcome, isError, elapsedMs });
  } catch {
    // The record has the outcome.
  }
}

/** What sending came to, told in the story and answered to the caller. A result that inspection blocks is withheld: it has run. */
function conclude(story: CallStory, sent: Sent, looked: InspectedResult | undefined, elapsedMs: number): Outcome {
  const withheld = looked?.action === "block";
  const outcome = withheld ? "withheld" : sent.ok ? (sent.isError ? "failed" : "completed") : sent.answered ? "failed" : "outcome_unknown";
  const result = looked === undefined && sent.ok ? sent.result : looked?.result;
  const { requestId } = sent;
  story.execution = { outcome, elapsedMs, isError: sent.ok && sent.isError, requestId, error: sent.ok ? undefined : sent.error, result: withheld ? undefined : result }; // nobody sees what is withheld
  if (looked !== undefined && looked.findings.length > 0) story.findings = [...story.findings, ...looked.findings];
  if (!withheld) return { kind: "ran", result, changed: story.changed };

  const reason = "the tool ran, and its result was withheld because of what it contains";
  const error = new PolicyViolationError(blockMessage(story.call?.policyId ?? "", reason), { code: "result_withheld", call: story.call });
  story.refusal = { code: "result_withheld", reason, action: story.verdict?.action ?? "block" };
  return { kind: "refused", code: "result_withheld", reason, error };
}

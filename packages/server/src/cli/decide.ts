/**
 * `countersign approve`, `deny` and `decide`: the whole request on the controlling terminal, then y or n. `--yes` needs no terminal and the
 * digest of what was looked at; a call that is too long for that is approved only where it was shown. Called by request-commands.ts.
 */
import { people as wire } from "@countersign/sdk/wire";
import { askOnTerminal, openTerminal, readTextOnTerminal, type Terminal } from "@countersign/sdk/terminal";
import { escapeText } from "@countersign/sdk";
import type { ControlClient } from "./control-client.ts";
import { followEvents } from "./follow-events.ts";
import { CheckFailure, UsageError, type ExitCode, type Ports } from "./ports.ts";
import { questionOf, type RequestQuestion } from "./request-question.ts";

/** What y does; n denies with `either`, and otherwise leaves the request as it is. */
export type Intent = "approve" | "deny" | "either";

export interface DecideOptions {
  readonly reason?: string | undefined;
  readonly yes: boolean;
  /** The request digest of what was looked at. */
  readonly digest?: string | undefined;
}

export async function decide(client: ControlClient, id: string, intent: Intent, { reason, yes, digest }: DecideOptions, ports: Ports): Promise<ExitCode> {
  if (yes !== (digest !== undefined)) throw new UsageError("--yes and --digest belong together: the digest names what was looked at. Without them the request is shown here, and asked about.");
  const request = await readRequest(client, id);
  if (request.state !== "pending") return tellEnd(request, ports);
  if (digest !== undefined) {
    if (intent === "either") throw new UsageError("--yes: say approve or deny.");
    if (digest !== request.requestDigest) throw new CheckFailure(`This is not the request that was looked at: its digest is ${request.requestDigest}. Nothing was decided.`);
    return vote(client, request, { choice: intent, reason: reason ?? "", viewedDigest: null }, ports);
  }
  return askHere(client, request, intent, reason, ports);
}

async function askHere(client: ControlClient, request: wire.RequestDetail, intent: Intent, reason: string | undefined, ports: Ports): Promise<ExitCode> {
  const withdrawn = new AbortController();
  const opened = await openTerminal(withdrawn.signal);
  if (opened.kind !== "open") throw new UsageError(`${opened.kind === "none" ? opened.why : "the question was withdrawn"}: there is nobody to ask here. See the request in a terminal, or name it with --yes --digest.`);
  let answer: Ballot | "elsewhere" | undefined;
  try {
    answer = await askWhilePending(client, opened.terminal, request, intent, withdrawn, reason);
  } finally {
    await opened.terminal.close();
  }
  if (typeof answer === "object") return vote(client, request, answer, ports);
  const now = await readRequest(client, request.id);
  if (now.state !== "pending") return tellEnd(now, ports);
  ports.err(`Nothing was decided; the request stays open until ${new Date(now.expiresAt).toISOString()}.`);
  return 1;
}

export interface Ballot {
  readonly choice: "approve" | "deny";
  readonly reason: string;
  readonly viewedDigest: string | null;
}

/** Asks for as long as the request waits, and aborts the question then. `elsewhere`: others decided it meanwhile, or its time is over. */
export async function askWhilePending(client: ControlClient, terminal: Terminal, request: wire.RequestDetail, intent: Intent, withdrawn: AbortController, reason?: string): Promise<Ballot | "elsewhere" | undefined> {
  const watching = followRequest(client, request.id, withdrawn).catch((error: unknown) => {
    if (!(error instanceof CheckFailure)) throw error; // what is refused there is refused to the vote too, and said then
  });
  try {
    const ballot = await askAbout(client, terminal, request, intent, reason);
    return withdrawn.signal.aborted ? "elsewhere" : ballot;
  } finally {
    withdrawn.abort();
    await watching;
  }
}

/** Draws the request and reads the answer. Undefined: nothing was decided. */
async function askAbout(client: Pick<ControlClient, "request">, terminal: Terminal, request: wire.RequestDetail, intent: Intent, reason?: string): Promise<Ballot | undefined> {
  const { person } = wire.me.parse(await client.request("GET", "/v1/me"));
  const shown = questionOf(request, person.id, { ascii: terminal.ascii });
  if (shown === undefined) {
    await terminal.write("What would run cannot be shown: its arguments were erased, or are not those that the digest names.\r\n");
    return intent === "deny" ? { choice: "deny", reason: reason ?? "", viewedDigest: null } : undefined;
  }
  if (intent === "deny") return askNo(terminal, shown, reason);
  const { allowed, why } = request.mayVote;
  if (!allowed) return showOnly(terminal, { ...shown, closing: [...shown.closing, `! You cannot approve it: ${escapeText(why, { ascii: terminal.ascii })}`] });
  return askYes(terminal, shown, intent, reason, needsReason(request) && reason === undefined);
}

function needsReason({ requirements }: wire.RequestDetail): boolean {
  return requirements.some(({ requireReason }) => requireReason);
}

async function askYes(terminal: Terminal, { viewedDigest, ...shown }: RequestQuestion, intent: "approve" | "either", reason: string | undefined, mustReason: boolean): Promise<Ballot | undefined> {
  const answer = await askOnTerminal(terminal, shown, { needsReason: mustReason, label: "Approve this call? (y/n): ", no: intent === "either" ? "denies" : "leaves it open" });
  if (answer.kind === "approved") return { choice: "approve", reason: answer.reason ?? reason ?? "", viewedDigest };
  // Ctrl-C is for leaving, whatever n means.
  return answer.kind === "denied" && answer.by === "answer" && intent === "either" ? { choice: "deny", reason: reason ?? "", viewedDigest } : undefined;
}

async function askNo(terminal: Terminal, { viewedDigest, ...shown }: RequestQuestion, reason: string | undefined): Promise<Ballot | undefined> {
  const answer = await askOnTerminal(terminal, shown, { needsReason: false, label: "Deny this call? (y/n): ", yes: "denied", no: "leaves it open" });
  if (answer.kind !== "approved") return undefined;
  const why = reason ?? (await readTextOnTerminal(terminal, "Reason, for the agent (Enter: none): "));
  return why === undefined ? undefined : { choice: "deny", reason: why, viewedDigest };
}

async function showOnly(terminal: Terminal, shown: Pick<RequestQuestion, "lines" | "closing">): Promise<undefined> {
  await askOnTerminal(terminal, shown, { needsReason: false, label: "You can only look. Enter n: ", no: "ends this" });
}

/** So long without its control plane a question is not put any more: no answer could be cast. It takes less to start one again. */
const GONE_MS = 5_000;

/** Aborts the question when somebody else has answered it, its time is over, or nobody is there who could take an answer. */
async function followRequest(client: ControlClient, id: string, withdrawn: AbortController): Promise<void> {
  const look = async (): Promise<void> => {
    const { state } = await readRequest(client, id);
    if (state !== "pending") withdrawn.abort();
  };
  const isMine = ({ requestId }: Readonly<Record<string, unknown>>): boolean => requestId === id;
  let lostAt: number | undefined;
  await followEvents(
    client,
    withdrawn.signal,
    async ({ event, data }) => {
      // Each time the stream stands anew, something may have been missed.
      if (event === "hello" || (event === "request" && isMine(data))) await look();
      lostAt = undefined;
    },
    () => {
      lostAt ??= performance.now();
      if (performance.now() - lostAt > GONE_MS) withdrawn.abort();
    },
  );
}

export async function readRequest(client: Pick<ControlClient, "request">, id: string): Promise<wire.RequestDetail> {
  return wire.requestDetail.parse(await client.request("GET", `/v1/approvals/${encodeURIComponent(id)}`));
}

export async function castBallot(client: Pick<ControlClient, "request">, { id, requestDigest }: Pick<wire.RequestDetail, "id" | "requestDigest">, ballot: Ballot): Promise<wire.RequestSummary> {
  return wire.requestSummary.parse(await client.request("POST", `/v1/approvals/${encodeURIComponent(id)}/vote`, { ...ballot, requestDigest, grant: null }));
}

async function vote(client: ControlClient, request: wire.RequestDetail, ballot: Ballot, { out }: Ports): Promise<ExitCode> {
  const { state, progress } = await castBallot(client, request, ballot);
  if (state === "pending") out(`Your approval counts; ${progress.map(({ have, need }) => `${have} of ${need}`).join(", ")} so far.`);
  else out(ballot.choice === "approve" ? "Approved: exactly this call may run, once." : "Denied: it does not run.");
  return 0;
}

function tellEnd(request: wire.RequestDetail, { err }: Ports): ExitCode {
  err(endWords(request));
  return 1;
}

/** How it stands that nothing is left to decide. */
export function endWords({ state, votes, endReason }: wire.RequestDetail): string {
  const last = votes.at(-1);
  const by = last === undefined ? "" : ` ${last.choice === "approve" ? "Approved" : "Denied"} by ${escapeText(last.name)} (${escapeText(last.channel)}).`;
  return `This request is ${state} already.${by}${endReason === null || endReason === "" ? "" : ` ${escapeText(endReason)}`}`;
}

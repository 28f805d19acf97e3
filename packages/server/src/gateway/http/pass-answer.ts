/** What the upstream answered to anything but a tool call, on its way to the client: status, headers and bytes as they are. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { showsForms } from "../call/elicit-approval.ts";
import { isTaskMethod } from "../call/seen-task.ts";
import { inspectsResults, type TaskWatch } from "../call/task-watch.ts";
import { memberOf } from "../message/members.ts";
import { otherSpelling, readUpstreamMessage } from "../message/read-upstream-message.ts";
import { answerError } from "./answer-error.ts";
import { dataOf, withData } from "./event-framer.ts";
import { FOREIGN, isEventStream, isJsonBody, type ForwardSession } from "./forward-session.ts";
import type { ForwardSessions } from "./forward-sessions.ts";
import type { HttpExchange, PostExchange } from "./http-endpoint.ts";
import { headersBack, whyUnusable, type Heard, type HttpUpstream } from "./http-upstream.ts";
import { beginStream, collect, pumpEvents } from "./pump-events.ts";

export interface PassContext {
  readonly exchange: HttpExchange & Partial<PostExchange>;
  readonly session: ForwardSession;
  readonly tasks: TaskWatch;
  readonly upstream: HttpUpstream;
  readonly sessions: ForwardSessions;
}

/** Never rejects. */
export async function passAnswer(heard: Heard, context: PassContext): Promise<void> {
  const { exchange, session, tasks, upstream, sessions } = context;
  const { response, message, caller } = exchange;
  const id = message !== undefined && "id" in message ? message.id : null;
  const why = whyUnusable(heard, upstream);
  if (why !== undefined || heard.kind === "failed") return answerError(response, { status: 502, id, reason: why?.reason ?? "" });
  const { answer } = heard;
  const begun = answer.headers["mcp-session-id"];
  if (typeof begun === "string" && message?.kind === "request" && message.method === "initialize") {
    sessions.begin(begun, caller.credential).showsForms = showsForms(memberOf(memberOf(message.params, "capabilities"), "elicitation"));
  }
  if (response.destroyed) return void answer.destroy();
  if (!isEventStream(answer)) return passBody(answer, context);
  beginStream(response, answer);
  const how = await pumpEvents(answer, response, (event) => {
    const data = dataOf(event);
    if (data === undefined || data.length === 0) return event;
    const said = readUpstreamMessage(data);
    if (said.kind === "answer" && said.id !== id && exchange.stateless) return session.drop(FOREIGN);
    if (said.kind === "answer" && said.ok && said.id === id) learn(data, context);
    const later = tasks.said(said);
    if (later === undefined) return session.takeMessage(said, data, event, () => inspectsResults(caller.governance()));
    return later.then((instead) => (instead === undefined ? event : withData(event, Buffer.from(instead.trimEnd()))));
  });
  if (how === "ended") response.end();
  else response.destroy();
}

async function passBody(answer: IncomingMessage, context: PassContext): Promise<void> {
  const { session, upstream, exchange: { response, message } } = context;
  const request = message?.kind === "request" ? message : undefined;
  const isLookedAt = request !== undefined && (isJsonBody(answer) || request.method === "tools/list" || isTaskMethod(request.method));
  if (!isLookedAt) {
    response.writeHead(answer.statusCode ?? 502, headersBack(answer));
    return pour(answer, response);
  }
  const body = await collect(answer);
  if (body === undefined) return void response.destroy();
  const said = readUpstreamMessage(body);
  // Clients take whatever answers stand there for those to their requests, and to calls that wait for people or are looked into.
  const isForeign = said.kind === "answer" ? said.id !== request.id && otherSpelling(said.id) !== request.id : said.kind === "other" && said.hasAnswers === true;
  if (isForeign) {
    session.drop(FOREIGN);
    return answerError(response, { status: 502, id: request.id, reason: `the server ${upstream.name} answered something else than what it was asked` });
  }
  if (said.kind === "answer" && said.ok) learn(body, context);
  const own = (await context.tasks.said(said)) ?? body;
  response.writeHead(answer.statusCode ?? 502, { ...headersBack(answer), "content-length": Buffer.byteLength(own) });
  response.end(own);
}

/** Body to body, with back-pressure; ends or breaks off as the upstream does. */
function pour(from: IncomingMessage, to: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  from.on("close", () => {
    if (!from.complete) to.destroy();
    resolve();
  });
  from.pipe(to);
  return promise;
}

function learn(data: Buffer, { exchange: { message }, session }: PassContext): void {
  if (message?.kind !== "request" || message.method !== "tools/list") return;
  const cursor = memberOf(message.params, "cursor");
  session.observe(typeof cursor === "string" ? cursor : undefined, data);
}

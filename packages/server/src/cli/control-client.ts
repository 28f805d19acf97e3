/**
 * How commands speak to a control plane: the one that owns the state directory, with the operator's secret; or any, with a
 * person's token (`COUNTERSIGN_TOKEN`, or what `countersign login` keeps). Never opens the database.
 */
import { parseJson } from "@countersign/sdk/call";
import { problem, type Problem } from "@countersign/sdk/wire";
import type { ControlFile } from "../control/installation/control-file.ts";
import { findCredential } from "./credentials.ts";
import { findControl, whyOf } from "./find-control.ts";
import { CheckFailure, UsageError } from "./ports.ts";

export interface ControlClient {
  readonly url: string;
  readonly token: string;
  /** Answers the parsed body. Throws CheckFailure with what the control plane says. */
  request(method: "GET" | "POST" | "DELETE" | "PATCH", path: string, body?: object): Promise<unknown>;
  /** A body of any length. Ends in an error where nothing comes for half a minute. */
  stream(path: string): Promise<ReadableStream<Uint8Array>>;
  /** A stream of events, without an end of its own. Ends in an error where nothing comes for half a minute: a heartbeat does. */
  listen(path: string, lastEventId: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

export interface Reach {
  readonly directory: string;
  readonly url?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

const ANSWER_MS = 30_000;

/** There was no answer, or none yet: the same again may go well in a moment. */
export class PassingFailure extends CheckFailure {
  override readonly name: string = "PassingFailure";
  /** Where the control plane says so. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number, options?: ErrorOptions) {
    super(message, options);
    this.retryAfterMs = retryAfterMs;
  }
}

/** Ends what is read once nothing has been heard for `ms`: an export may take long, but not be silent for long. */
function endWhenSilent(ms: number): { readonly signal: AbortSignal; readonly heard: () => void; readonly over: () => void } {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new Error(`nothing was heard for ${ms / 1_000} s`));
  }, ms);
  // The socket keeps the process alive.
  timer.unref();
  return { signal: controller.signal, heard: () => void timer.refresh(), over: () => clearTimeout(timer) };
}

/** As the local operator, or at another URL as the person who is signed in there. Throws UsageError where there is nothing to speak to. */
export async function reachControl(reach: Reach): Promise<ControlClient> {
  const url = urlOf(reach);
  if (url !== undefined) return clientOf(url, tokenFor(reach, url, undefined));
  const { running, secret } = await runningAt(reach.directory);
  return clientOf(running.url, secret);
}

/** As a person, whose rights and name count for what is done. */
export async function reachAsPerson(reach: Reach): Promise<ControlClient> {
  const url = urlOf(reach);
  if (url !== undefined) return clientOf(url, tokenFor(reach, url, undefined));
  const { running } = await runningAt(reach.directory);
  return clientOf(running.url, tokenFor(reach, running.url, running.instance));
}

function urlOf({ url: given, env }: Reach): string | undefined {
  const url = given ?? env["COUNTERSIGN_URL"];
  return url === undefined || url === "" ? undefined : checkedOrigin(url);
}

/** The origin of a URL that a secret may be sent to. */
export function checkedOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw new UsageError(`${text}: an address such as https://approvals.example.com is expected.`);
  const isHere = url.hostname === "localhost" || url.hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(url.hostname);
  if (url.protocol === "http:" && !isHere) throw new UsageError(`${url.origin}: over plain HTTP whoever is on the way could take your token. Use https.`);
  return url.origin;
}

function tokenFor({ env }: Reach, url: string, installation: string | undefined): string {
  const token = env["COUNTERSIGN_TOKEN"];
  if (token !== undefined && token !== "") return token;
  const kept = findCredential(env, url, installation);
  if (kept === undefined) throw new UsageError(`Nobody is signed in at ${url} here. Run: countersign login --link LINK (countersign open prints a link for the owner), or set COUNTERSIGN_TOKEN.`);
  return kept.token;
}

async function runningAt(directory: string): Promise<{ readonly running: ControlFile; readonly secret: string }> {
  const found = await findControl(directory);
  if (found.running === undefined) throw new UsageError(found.why);
  return found;
}

/** `silenceMs`: how long a stream may send nothing. */
export function clientOf(url: string, token: string, silenceMs = ANSWER_MS): ControlClient {
  const send = async (method: string, path: string, body?: object, { signal = AbortSignal.timeout(ANSWER_MS), headers = {} }: { readonly signal?: AbortSignal; readonly headers?: Readonly<Record<string, string>> } = {}): Promise<Response> => {
    let answer: Response;
    try {
      answer = await fetch(new URL(path, url), {
        method,
        headers: { authorization: `Bearer ${token}`, ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: "error",
        signal,
      });
    } catch (cause) {
      throw new PassingFailure(`${url} does not answer: ${whyOf(cause)}. Check the address, and whether the control plane runs there.`, undefined, { cause });
    }
    if (answer.ok) return answer;
    throw failureOf(url, await problemOf(answer), answer.status);
  };
  /** A body that is cut off where nothing is heard for too long. */
  const heardBody = async (path: string, { type, signal, headers = {} }: { readonly type?: string; readonly signal?: AbortSignal; readonly headers?: Readonly<Record<string, string>> } = {}): Promise<ReadableStream<Uint8Array>> => {
    const { signal: silence, heard, over } = endWhenSilent(silenceMs);
    try {
      const answer = await send("GET", path, undefined, { signal: signal === undefined ? silence : AbortSignal.any([signal, silence]), headers });
      if (type !== undefined && answer.headers.get("content-type")?.startsWith(type) !== true) throw isAnother(answer);
      const body = bodyOf(answer);
      return body.pipeThrough(new TransformStream({ transform: (chunk, out) => (heard(), out.enqueue(chunk)), flush: over, cancel: over }));
    } catch (cause) {
      over();
      throw cause;
    }
  };
  return {
    url,
    token,
    async request(method, path, body) {
      const answer = await send(method, path, body);
      return answer.status === 204 ? undefined : jsonOf(answer);
    },
    stream: (path) => heardBody(path),
    listen: (path, lastEventId, signal) => heardBody(path, { type: "text/event-stream", signal, headers: { accept: "text/event-stream", ...(lastEventId === "" ? {} : { "last-event-id": lastEventId }) } }),
  };
}

/** The body of an answer, with its own keys. */
export async function jsonOf(answer: Response): Promise<unknown> {
  let text: string;
  try {
    text = await answer.text();
  } catch (cause) {
    throw new PassingFailure(`${new URL(answer.url).origin} broke off in its answer: ${whyOf(cause)}`, undefined, { cause });
  }
  try {
    return parseJson(text);
  } catch {
    throw isAnother(answer);
  }
}

function bodyOf({ body, url }: Response): ReadableStream<Uint8Array> {
  if (body === null) throw new CheckFailure(`${url} answered nothing`);
  return body;
}

function isAnother({ url }: Response): CheckFailure {
  return new CheckFailure(`${url} answered with something that no control plane says: another program listens there. Check the address; countersign status, where the control plane runs, prints it.`);
}

async function problemOf(answer: Response): Promise<Problem | undefined> {
  const said = await jsonOf(answer).catch(() => undefined);
  return problem.safeParse(said).data;
}

const TOO_MANY = 429;
const SERVER_FAILED = 500;

function failureOf(url: string, said: Problem | undefined, status: number): CheckFailure {
  if (said === undefined) {
    const message = `${url} answered ${status}, and not as a control plane does. Check the address; countersign status, where the control plane runs, prints it.`;
    return status >= SERVER_FAILED ? new PassingFailure(message) : new CheckFailure(message);
  }
  const next = said.code === "unauthenticated" ? ". The token is not good there, or not any more. Sign in again: countersign login --link LINK (countersign open, where the control plane runs, prints one), or check COUNTERSIGN_TOKEN" : "";
  const message = `The control plane says: ${said.title}${said.detail === undefined ? "" : `: ${said.detail}`} (${said.code})${next}`;
  return status === TOO_MANY || status >= SERVER_FAILED ? new PassingFailure(message, said.retryAfterMs) : new CheckFailure(message);
}

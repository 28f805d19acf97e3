/**
 * One HTTP exchange after the other with a server that is reached by its address: kept-alive connections, the headers that go with every
 * request, and the sign-in. It knows no message. A redirect is an answer like any other: nobody else is ever sent what was meant for this server.
 */
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { RemoteServer } from "./remote-server.ts";

export interface HttpQuestion {
  readonly method: "GET" | "POST" | "DELETE";
  /** Default: the server's own address. */
  readonly url?: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
  readonly signal: AbortSignal;
  /** All of it was handed to the connection, or never will be. Called once. */
  readonly onFlushed?: () => void;
  /** Where a kept-alive connection turns out to be closed: may it be asked again? */
  readonly repeatable?: boolean;
}

export type HttpAnswer =
  | { readonly kind: "answered"; readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: IncomingMessage; /** The credential that it is the answer to. */ readonly credential: string | undefined }
  /** `begun`: the server may have got it. */
  | { readonly kind: "failed"; readonly why: string; readonly begun: boolean };

const CONNECT_MS = 15_000;
/** Shorter than servers keep an idle connection, so that it is ours to close. */
const IDLE_MS = 4_000;
const PROBE_MS = 30_000;
const UNAUTHORIZED = 401;

export class HttpSender {
  readonly #server: RemoteServer;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor(server: RemoteServer) {
    this.#server = server;
    const options = { keepAlive: true, keepAliveMsecs: PROBE_MS, timeout: IDLE_MS, maxFreeSockets: 16 };
    this.#agent = server.url.protocol === "https:" ? new HttpsAgent(options) : new HttpAgent(options);
  }

  /** Never rejects. Signs in anew, once, where the server wants that. */
  async send(question: HttpQuestion): Promise<HttpAnswer> {
    const { authorization } = this.#server;
    let flushed = false;
    const onFlushed = (): void => {
      if (!flushed) question.onFlushed?.();
      flushed = true;
    };
    const told = { ...question, onFlushed };
    const credential = await authorization?.current();
    let answer = await this.#again(told, credential);
    if (answer.kind === "answered" && answer.status === UNAUTHORIZED && authorization !== undefined && !question.signal.aborted) {
      const refused = answer;
      if (await authorization.renew(credential)) {
        refused.body.on("error", () => undefined).destroy();
        answer = await this.#again(told, await authorization.current());
      }
    }
    onFlushed();
    return answer;
  }

  close(): void {
    this.#agent.destroy();
  }

  async #again(question: HttpQuestion, credential: string | undefined): Promise<HttpAnswer> {
    const first = await this.#once(question, credential);
    if (first.kind === "answered" || !first.stale || question.repeatable !== true || question.signal.aborted) return first;
    return this.#once(question, credential);
  }

  #once({ method, url = this.#server.url, headers, body, signal, onFlushed }: HttpQuestion, credential: string | undefined): Promise<(HttpAnswer & { readonly kind: "answered" }) | Failure> {
    const { promise, resolve } = Promise.withResolvers<(HttpAnswer & { readonly kind: "answered" }) | Failure>();
    const open = url.protocol === "https:" ? httpsRequest : httpRequest;
    const all = { ...this.#server.headers, ...headers, "accept-encoding": "identity", ...(credential === undefined ? {} : { authorization: credential }), ...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }) };
    let request: ClientRequest;
    try {
      request = open(url, { method, headers: all, agent: this.#agent, signal });
    } catch (error) {
      resolve({ kind: "failed", why: wordsOf(error), begun: false, stale: false });
      return promise;
    }
    const connection = watchConnection(request);
    request.once("finish", () => onFlushed?.());
    request.once("response", (response: IncomingMessage) => {
      connection.done();
      resolve({ kind: "answered", status: response.statusCode ?? 0, headers: response.headers, body: response, credential });
    });
    // Also after the answer has begun; whoever reads that is told by its end.
    request.on("error", (error) => {
      connection.done();
      resolve({ kind: "failed", why: wordsOf(error), begun: connection.isOpen(), stale: request.reusedSocket && isReset(error) });
    });
    // Node closes a connection that its server wants to go on with in another protocol, and says nothing.
    request.once("close", () => {
      connection.done();
      resolve({ kind: "failed", why: "the connection was closed without an answer", begun: connection.isOpen(), stale: false });
    });
    request.end(body);
    return promise;
  }
}

type Failure = HttpAnswer & { readonly kind: "failed"; /** The server had closed a connection that we kept. */ readonly stale: boolean };

/** Until a new connection is there nothing was sent; and it has to be there in time. */
function watchConnection(request: ClientRequest): { isOpen(): boolean; done(): void } {
  let open = false;
  const timer = setTimeout(() => request.destroy(new Error(`no connection within ${CONNECT_MS / 1_000} s`)), CONNECT_MS);
  const opened = (): void => {
    open = true;
    clearTimeout(timer);
  };
  request.once("socket", (socket) => {
    if (request.reusedSocket || !socket.connecting) opened();
    else socket.once("encrypted" in socket ? "secureConnect" : "connect", opened);
  });
  return { isOpen: () => open, done: () => clearTimeout(timer) };
}

function isReset(error: Error): boolean {
  const code: unknown = Reflect.get(error, "code");
  return code === "ECONNRESET" || code === "EPIPE";
}

const UNTRUSTED = "its certificate is one that is not trusted here (whoever runs the gateway can name its authority in NODE_EXTRA_CA_CERTS)";
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there (ECONNREFUSED)",
  ENOTFOUND: "there is no such name (ENOTFOUND)",
  EAI_AGAIN: "its name cannot be looked up now (EAI_AGAIN)",
  ECONNRESET: "the connection was closed (ECONNRESET)",
  EPIPE: "the connection was closed (EPIPE)",
  ETIMEDOUT: "it does not answer (ETIMEDOUT)",
  EHOSTUNREACH: "it cannot be reached from here (EHOSTUNREACH)",
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  CERT_HAS_EXPIRED: "its certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
  ENETUNREACH: "it cannot be reached from here (ENETUNREACH)",
};

/** Of an error of the network; it knows nothing of what was sent. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.errors.length > 0) return wordsOf(error.errors[0]); // one for each address of the name
  const code: unknown = Reflect.get(error, "code");
  return (typeof code === "string" ? WORDS[code] : undefined) ?? error.message;
}

/**
 * Requests to an upstream over HTTP, as a reverse proxy makes them: over kept connections, with the client's headers but for those of its
 * own connection and credentials, and with the operator's own. Redirects are not followed. Nothing of the operator's stands in an error.
 */
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

export interface HttpUpstreamOptions {
  /** Of the server, in policies and in what clients are told. */
  readonly name: string;
  readonly url: string;
  /** The operator's own, such as a credential; they win over the client's. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Pass the client's Authorization on. Default: it is the gateway's and stays here. */
  readonly forwardAuthorization?: boolean | undefined;
}

export type Heard =
  | { readonly kind: "answer"; readonly answer: IncomingMessage }
  /** `sent`: bytes of the request may have arrived. `why`: a code. */
  | { readonly kind: "failed"; readonly sent: boolean; readonly why: string };

export interface Sending {
  /** Never rejects. */
  readonly heard: Promise<Heard>;
  abort(): void;
}

export interface SendOptions {
  /** On a connection of its own: one that was kept may just be closing, and what is sent then is lost without anybody knowing. */
  readonly fresh?: boolean;
  /** Sent once more where a kept connection turns out to be closed. Never for a call. */
  readonly again?: boolean;
}

const CONNECT_MS = 10_000;
/** Below what servers keep a connection for, where they do not say. */
const FREE_MS = 15_000;

export class HttpUpstream {
  readonly name: string;
  readonly forwardsAuthorization: boolean;
  readonly #target: RequestOptions;
  /** As the upstream is named in a request. */
  readonly #host: string;
  readonly #isSecure: boolean;
  readonly #own: OutgoingHttpHeaders;
  readonly #kept: HttpAgent;
  readonly #fresh: HttpAgent;

  constructor({ name, url, headers = {}, forwardAuthorization = false }: HttpUpstreamOptions) {
    this.name = name;
    this.forwardsAuthorization = forwardAuthorization;
    const { protocol, hostname, host: named, port, pathname, search } = new URL(url);
    this.#host = named;
    this.#isSecure = protocol === "https:";
    const host = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
    this.#target = { protocol, host, port: port === "" ? (this.#isSecure ? 443 : 80) : Number(port), path: pathname + search };
    this.#own = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toLowerCase(), value]));
    const Agent = this.#isSecure ? HttpsAgent : HttpAgent;
    this.#kept = new Agent({ keepAlive: true, keepAliveMsecs: 10_000, timeout: FREE_MS });
    this.#fresh = new Agent({ keepAlive: false });
  }

  send(method: "POST" | "GET" | "DELETE", headers: OutgoingHttpHeaders, body: Buffer | string | undefined, options: SendOptions = {}): Sending {
    const { promise: heard, resolve } = Promise.withResolvers<Heard>();
    let current: ClientRequest | undefined;
    let aborted = false;
    const attempt = (again: boolean): void => {
      const request = (current = this.#request(method, headers, body, options.fresh === true));
      let sent = false;
      request.once("socket", (socket) => {
        if (!socket.connecting) return void (sent = true);
        const timer = setTimeout(() => socket.destroy(Object.assign(new Error("no connection"), { code: "ETIMEDOUT" })), CONNECT_MS);
        socket.once("close", () => clearTimeout(timer));
        socket.once(this.#isSecure ? "secureConnect" : "connect", () => {
          sent = true;
          clearTimeout(timer);
        });
      });
      request.once("response", (answer) => {
        answer.on("error", () => undefined);
        resolve({ kind: "answer", answer });
      });
      request.once("error", (error: NodeJS.ErrnoException) => {
        if (again && request.reusedSocket && !aborted) attempt(false);
        else resolve({ kind: "failed", sent, why: error.code ?? "no answer" });
      });
      // Node closes a connection that its server wants to go on with in another protocol, and says nothing.
      request.once("close", () => {
        if (current === request) resolve({ kind: "failed", sent, why: "no answer" });
      });
      request.end(body);
    };
    try {
      attempt(options.again === true);
    } catch {
      resolve({ kind: "failed", sent: false, why: "the request cannot be made" }); // a header that Node does not send
    }
    return {
      heard,
      abort() {
        aborted = true;
        current?.destroy();
      },
    };
  }

  get address(): { readonly address: string; readonly port: number } {
    return { address: String(this.#target.host), port: Number(this.#target.port) };
  }

  close(): void {
    this.#kept.destroy();
    this.#fresh.destroy();
  }

  /** What goes on of a client's headers, with the operator's. */
  headersFor(given: IncomingHttpHeaders): OutgoingHttpHeaders {
    const headers: OutgoingHttpHeaders = {};
    const dropped = given.connection === undefined || isPlain(given.connection) ? undefined : given.connection.toLowerCase().split(",").map((name) => name.trim());
    for (const name in given) {
      // Some servers take an underscore for a hyphen: such a header could pass for one that was looked at.
      if (STAYS.has(name) || name.includes("_") || name.startsWith("x-forwarded-") || dropped?.includes(name) === true) continue;
      headers[name] = given[name];
    }
    if (this.forwardsAuthorization && given.authorization !== undefined) headers["authorization"] = given.authorization;
    return Object.assign(headers, this.#own, { "accept-encoding": "identity" });
  }

  #request(method: string, headers: OutgoingHttpHeaders, body: Buffer | string | undefined, fresh: boolean): ClientRequest {
    const make = this.#isSecure ? httpsRequest : httpRequest;
    return make({ ...this.#target, method, headers: this.#lines(headers, body), agent: fresh ? this.#fresh : this.#kept });
  }

  /** Names and values in turn: Node writes such a list as it is, where it would take a record apart and together again. */
  #lines(headers: OutgoingHttpHeaders, body: Buffer | string | undefined): string[] {
    const lines = ["host", this.#host];
    for (const name in headers) {
      const value = headers[name];
      if (value === undefined || name === "host" || (body !== undefined && DESCRIBES_BODY.has(name))) continue;
      if (Array.isArray(value)) for (const one of value) lines.push(name, one);
      else lines.push(name, String(value));
    }
    if (body !== undefined) lines.push("content-type", "application/json", "content-length", String(Buffer.byteLength(body)));
    return lines;
  }
}

const DESCRIBES_BODY: ReadonlySet<string> = new Set(["content-type", "content-length"]);

/** Of the client's connection, of its credentials for this gateway, of where it came from; and what is said anew of the body. */
const STAYS: ReadonlySet<string> = new Set([
  "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect",
  "authorization", "cookie", "host", "origin", "referer", "forwarded", "x-real-ip", "content-length", "content-type", "content-encoding", "accept-encoding",
  "x-http-method-override", "x-http-method", "x-method-override",
]);

/** Of the upstream's connection, and of credentials that are between it and the operator. */
const STAYS_BEHIND: ReadonlySet<string> = new Set(["connection", "keep-alive", "proxy-authenticate", "proxy-connection", "trailer", "transfer-encoding", "upgrade", "set-cookie", "alt-svc"]);

/** What goes back of the upstream's headers. What pages of other origins may do is the gateway's to say: nothing. */
export function headersBack({ headers }: IncomingMessage): OutgoingHttpHeaders {
  const back: OutgoingHttpHeaders = {};
  for (const name in headers) if (!STAYS_BEHIND.has(name) && !name.startsWith("access-control-")) back[name] = headers[name];
  return back;
}

/**
 * Why an answer cannot go to the client as it is, and whether it is certain that nothing ran. Statuses about credentials are about the
 * operator's, unless the client's own were passed on.
 */
export function whyUnusable(heard: Heard, { name, forwardsAuthorization }: HttpUpstream): { readonly reason: string; readonly isDefinite: boolean } | undefined {
  if (heard.kind === "failed") {
    const reason = heard.sent ? `The connection to the server ${name} broke off (${heard.why}); whether the call ran is not known` : `The server ${name} cannot be reached (${heard.why}); nothing was sent`;
    return { reason, isDefinite: !heard.sent };
  }
  const { statusCode = 0, headers } = heard.answer;
  const said = (text: string, isDefinite: boolean) => ({ reason: `The server ${name} ${text}`, isDefinite });
  if (statusCode < 200) return said(`answered with the status ${statusCode}, which is none of an answer; whether the call ran is not known`, false);
  if (statusCode >= 300 && statusCode < 400) return said(`answered with a redirect (HTTP ${statusCode}), which is not followed; nothing ran`, true);
  if ((statusCode === 401 || statusCode === 403) && !forwardsAuthorization) return said(`refused what the gateway sent (HTTP ${statusCode}); nothing ran. Whoever runs the gateway has to give it another credential for this server`, true);
  if (headers["content-encoding"] !== undefined && headers["content-encoding"] !== "identity") return said("answered in an encoding that was not asked for; whether the call ran is not known", false);
  return undefined;
}

function isPlain(connection: string): boolean {
  return connection === "keep-alive" || connection === "close";
}

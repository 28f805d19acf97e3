/**
 * The way to one control plane: connections that are kept, and the key. node:http rather than fetch: an idle connection and an
 * unattended event stream must not keep the agent's process alive, and only here can they be let go.
 * Redirects are not followed and proxies of the environment are not used: the key goes where the operator said, or nowhere.
 */
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

export interface WireRequest {
  readonly method: string;
  /** With its query, below the address of the control plane. */
  readonly path: string;
  readonly headers: { readonly [name: string]: string | number };
  /** A connection of its own, for a stream. */
  readonly apart?: boolean;
}

const MAX_CONNECTIONS = 32;

export class WireConnection {
  readonly #authorization: string;
  readonly #heardAt = new Map<string, number>();
  #base: URL;
  #agent: HttpAgent;
  #shared: RequestOptions;

  /** Throws TypeError where the key could not stand in a header. */
  constructor(base: URL, apiKey: string) {
    if (!/^[\x21-\x7e]{1,1000}$/.test(apiKey)) throw new TypeError("controlPlane.apiKey must be the text that `countersign` printed when the key was made");
    this.#authorization = `Bearer ${apiKey}`;
    this.#base = base;
    this.#agent = agentFor(base);
    this.#shared = sharedOptions(base);
  }

  /** For messages; holds no secret. */
  get name(): string {
    return this.#base.origin;
  }

  /** When it last answered a question of this kind as it should, by the monotonic clock. */
  heardAt(kind: string): number {
    return this.#heardAt.get(kind) ?? -Infinity;
  }

  heard(kind: string): void {
    this.#heardAt.set(kind, performance.now());
  }

  /** The control plane has moved: what is asked from now on is asked there, with the same key. What is under way at the old place ends there. */
  moveTo(base: URL): void {
    if (base.href === this.#base.href) return;
    const old = this.#agent;
    this.#base = base;
    this.#agent = agentFor(base);
    this.#shared = sharedOptions(base);
    old.destroy();
  }

  /** A request that was not ended yet. */
  open({ method, path, headers, apart = false }: WireRequest): ClientRequest {
    const secure = this.#base.protocol === "https:";
    const options = {
      ...this.#shared,
      method,
      path: this.#base.pathname === "/" ? path : this.#base.pathname + path,
      headers: { authorization: this.#authorization, "accept-encoding": "identity", ...headers },
      agent: apart ? false : this.#agent,
      // Stated, so that NODE_TLS_REJECT_UNAUTHORIZED=0 does not reach the key.
      ...(secure ? { rejectUnauthorized: true } : {}),
    } as const;
    return secure ? httpsRequest(options) : httpRequest(options);
  }

  close(): void {
    this.#agent.destroy();
  }
}

function agentFor({ protocol }: URL): HttpAgent {
  const options = { keepAlive: true, maxSockets: MAX_CONNECTIONS, scheduling: "lifo", noDelay: true } as const;
  return protocol === "https:" ? new HttpsAgent(options) : new HttpAgent(options);
}

function sharedOptions({ protocol, hostname, port }: URL): RequestOptions {
  return { protocol, hostname: hostname.replace(/^\[|\]$/g, ""), ...(port === "" ? {} : { port }), insecureHTTPParser: false };
}

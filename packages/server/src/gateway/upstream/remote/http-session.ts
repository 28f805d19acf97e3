/** What a server and its client have agreed on over Streamable HTTP: a session and a version up to 2025-11-25, or that each request says it all. */
import { memberOf } from "./outgoing.ts";

export class HttpSession {
  /** As the server named it; it may name none. */
  id: string | undefined;
  #version: string | undefined;
  #stateless: string | undefined;

  /** Before `initialize` is sent. */
  begin(): void {
    this.id = this.#version = undefined;
  }

  /** The result of `initialize`. */
  agree(result: unknown): void {
    const version = memberOf(result, "protocolVersion");
    if (typeof version === "string" && /^[\u0021-\u007e]{1,64}$/.test(version)) this.#version = version;
  }

  /** A request of the protocol without sessions named this version. */
  sawStateless(version: string): void {
    this.#stateless = version;
  }

  /** Only such requests were sent, and no session is there. */
  get isStateless(): boolean {
    return this.#stateless !== undefined && this.#version === undefined;
  }

  /** Of what says nothing of the protocol itself. */
  headers(): Record<string, string> {
    const version = this.#version ?? (this.id === undefined ? this.#stateless : undefined);
    return { ...(this.id === undefined ? {} : { "mcp-session-id": this.id }), ...(version === undefined ? {} : { "mcp-protocol-version": version }) };
  }
}

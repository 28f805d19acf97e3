/**
 * The sessions that the forwarder remembers. A session of the older protocol is the upstream's own; here it belongs to the credential that
 * came with it first, and to no other. What has not been used for long is forgotten, and begins anew when it comes again.
 */
import { createHash, randomUUID } from "node:crypto";
import type { ClientMessage } from "../message/read-client-message.ts";
import { memberOf, metaOf } from "../message/members.ts";
import { ForwardSession } from "./forward-session.ts";
import type { HttpExchange } from "./http-endpoint.ts";
import type { HttpUpstream } from "./http-upstream.ts";

const MAX_SESSIONS = 10_000;
/** A run of an agent that names no session ends with so long a pause. */
const IDLE_MS = 30 * 60_000;
const MAX_NAME = 200;

interface Run {
  readonly id: string;
  usedAt: number;
}

export class ForwardSessions {
  readonly #upstream: HttpUpstream;
  readonly #onWarning: (message: string) => void;
  /** By session id of the protocol. The last used is the last. */
  readonly #byId = new Map<string, ForwardSession>();
  /** By era and credential, where there is no session. */
  readonly #byCredential = new Map<string, ForwardSession>();
  readonly #runs = new Map<string, Run>();

  constructor(upstream: HttpUpstream, onWarning: (message: string) => void) {
    this.#upstream = upstream;
    this.#onWarning = onWarning;
  }

  /** Of the older protocol. */
  get size(): number {
    return this.#byId.size;
  }

  all(): readonly ForwardSession[] {
    return [...this.#byId.values(), ...this.#byCredential.values()];
  }

  /** Undefined where the session is another credential's. */
  of({ request, caller: { credential }, stateless }: HttpExchange): ForwardSession | undefined {
    const id = stateless ? undefined : protocolSessionOf(request.headers);
    const key = id ?? `${stateless ? "stateless" : "no session"} ${credential}`;
    const sessions = id === undefined ? this.#byCredential : this.#byId;
    const found = sessions.get(key);
    if (found !== undefined && found.credential !== credential) return undefined;
    const session = found ?? new ForwardSession({ credential, protocolSession: id, upstream: this.#upstream, onWarning: this.#onWarning });
    touch(sessions, key, session);
    return session;
  }

  /** The upstream began a session for this credential. */
  begin(id: string, credential: string): ForwardSession {
    const found = this.#byId.get(id);
    if (found !== undefined) return found;
    const session = new ForwardSession({ credential, protocolSession: id, upstream: this.#upstream, onWarning: this.#onWarning });
    touch(this.#byId, id, session);
    return session;
  }

  forget({ request }: HttpExchange): void {
    const id = protocolSessionOf(request.headers);
    if (id !== undefined) this.#byId.delete(id);
  }

  /** The session of a call in DESIGN's sense, one run of one agent: always of one credential. */
  callSessionOf({ protocolSession }: ForwardSession, credential: string, agent: string, message: ClientMessage): string {
    if (protocolSession !== undefined) return protocolSession;
    const named = "params" in message ? memberOf(metaOf(message.params), "countersign/session") : undefined;
    if (typeof named === "string" && named !== "") return `${named.slice(0, MAX_NAME)}@${createHash("sha256").update(credential).digest("hex").slice(0, 8)}`;
    const key = JSON.stringify([credential, agent]);
    const now = performance.now();
    const before = this.#runs.get(key);
    const run = before !== undefined && now - before.usedAt < IDLE_MS ? before : { id: randomUUID(), usedAt: now };
    run.usedAt = now;
    this.#runs.delete(key);
    this.#runs.set(key, run);
    const [oldest] = this.#runs.keys();
    if (this.#runs.size > MAX_SESSIONS && oldest !== undefined) this.#runs.delete(oldest);
    return run.id;
  }
}

function protocolSessionOf(headers: { readonly [name: string]: string | readonly string[] | undefined }): string | undefined {
  const id = headers["mcp-session-id"];
  return typeof id === "string" && id !== "" ? id : undefined;
}

function touch(sessions: Map<string, ForwardSession>, key: string, session: ForwardSession): void {
  sessions.delete(key);
  sessions.set(key, session);
  if (sessions.size <= MAX_SESSIONS) return;
  for (const [oldest, { calls }] of sessions) {
    if (calls.size > 0) continue;
    sessions.delete(oldest);
    return;
  }
}

/** The sessions of one upstream: so many and no more, each for the credential that opened it, ended where nobody uses them. */
import { randomBytes } from "node:crypto";
import type { HttpCaller } from "./http-endpoint.ts";
import type { ServedUpstream } from "./served-upstream.ts";
import { Session } from "./session.ts";

export interface SessionLimits {
  readonly sessions: number;
  readonly sessionsOfCredential: number;
  /** Without a stream or a message for so long, a session ends. */
  readonly idleMs: number;
}

/** Idle for so long, a session makes room where there is no other: many clients leave without a word, and who comes back opens another. */
const MAKES_ROOM_AFTER_MS = 60_000;

export class Sessions {
  readonly #upstream: ServedUpstream;
  readonly #limits: SessionLimits;
  readonly #sessions = new Map<string, Session>();
  readonly #ending = new Set<Promise<void>>();
  readonly #look = (): void => {
    for (const session of this.#sessions.values()) if (session.idleMs > this.#limits.idleMs) void this.end(session);
  };

  constructor(upstream: ServedUpstream, limits: SessionLimits) {
    this.#upstream = upstream;
    this.#limits = limits;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Undefined where there are too many. */
  open(caller: HttpCaller): Session | undefined {
    const { sessions, sessionsOfCredential } = this.#limits;
    const all = [...this.#sessions.values()];
    const own = all.filter(({ credential }) => credential === caller.credential);
    const crowd = own.length >= sessionsOfCredential ? own : all.length >= sessions ? all : [];
    if (crowd.length > 0) {
      const idlest = crowd.reduce((one, other) => (other.idleMs > one.idleMs ? other : one));
      if (idlest.idleMs < MAKES_ROOM_AFTER_MS) return undefined;
      void this.end(idlest);
    }
    const session = new Session(randomBytes(24).toString("base64url"), caller, this.#upstream);
    this.#sessions.set(session.id, session);
    this.#upstream.pulse.add(this.#look);
    void session.ended.then(() => this.#forget(session));
    return session;
  }

  /** The session of this name, for the credential that opened it alone. */
  find(id: string, { credential }: HttpCaller): Session | undefined {
    const session = this.#sessions.get(id);
    return session?.credential === credential ? session : undefined;
  }

  /** From here on nobody finds it. Resolves when it has ended. */
  end(session: Session): Promise<void> {
    this.#forget(session);
    const ending = session.end().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
    return ending;
  }

  /** Resolves when no call is under way; those that wait for people stop waiting. */
  async drain(): Promise<void> {
    for (const session of this.#sessions.values()) session.leave();
    await Promise.all([...this.#sessions.values()].map((session) => session.drained()));
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.values()) session.leave();
    for (const session of this.#sessions.values()) void this.end(session);
    await Promise.all(this.#ending);
  }

  #forget(session: Session): void {
    this.#sessions.delete(session.id);
    if (this.#sessions.size === 0) this.#upstream.pulse.remove(this.#look);
  }
}

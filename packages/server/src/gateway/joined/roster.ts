/**
 * The joined servers of one client, as they come and go: each greeted as the client greets, all on one version; who does not answer, or
 * speaks another, is gone on without, and comes in when it comes. One that ends is connected anew, later each time.
 */
import type { JsonObject } from "@countersign/sdk/call";
import { memberOf, metaOf, VERSION } from "../message/members.ts";
import type { UpstreamEnd } from "../upstream/upstream-connection.ts";
import { resultOf, type Answer } from "./collect-lists.ts";
import type { JoinedChild } from "./joined-child.ts";
import type { JoinedServer, JoinedServers } from "./joined-servers.ts";
import { declaredIn, type Absent } from "./merge-greetings.ts";

export interface RosterOptions {
  readonly servers: JoinedServers;
  readonly make: (server: JoinedServer, onEnded: (child: JoinedChild, end: UpstreamEnd) => void) => JoinedChild;
  /** So long the first answer to the client waits for those that are slow. */
  readonly greetMs: number;
  /** How long a server has that leaves the configuration, for calls under way. */
  readonly leaveMs: number;
  /** It came after the client was answered, or again. */
  readonly onCame: (child: JoinedChild) => void;
  readonly onGone: (child: JoinedChild) => void;
  readonly onWarning: (message: string) => void;
}

/** What the client greets with. */
export interface Greeting {
  readonly method: "initialize" | "server/discover";
  readonly params: JsonObject;
}

export type Agreed = { readonly ok: true; readonly version: string } | { readonly ok: false; readonly answer: Answer | undefined; readonly why: string };

/** A server that starts through a package manager takes its time. */
const PATIENCE_MS = 120_000;
const AGAIN_MS = 1_000;
const AGAIN_AT_MOST_MS = 60_000;
const STEADY_MS = 60_000;

export class Roster {
  readonly #options: RosterOptions;
  readonly #children = new Map<JoinedServer, JoinedChild>();
  /** Ending, or ended with calls to be answered still. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #again = new Map<JoinedServer, NodeJS.Timeout>();
  readonly #failures = new Map<JoinedServer, { count: number; at: number }>();
  readonly #forget: () => void;
  #greeting: Greeting | undefined;
  #version: string | undefined;
  /** Whoever waits for the first answers. */
  #settle: () => void = () => undefined;
  readonly #met = new Map<JoinedChild, Answer | undefined>();
  #isOver = false;

  constructor(options: RosterOptions) {
    this.#options = options;
    for (const server of options.servers.all) this.#begin(server);
    this.#forget = options.servers.onChange(() => this.#follow());
  }

  ready(): readonly JoinedChild[] {
    return this.all().filter(({ isReady }) => isReady);
  }

  all(): readonly JoinedChild[] {
    return [...this.#children.values()];
  }

  absent(): readonly Absent[] {
    return this.all().filter(({ isReady }) => !isReady);
  }

  get version(): string | undefined {
    return this.#version;
  }

  /** Resolves when all have answered, or time is over and somebody has. */
  async greet(greeting: Greeting): Promise<Agreed> {
    if (this.#greeting !== undefined) for (const server of this.#children.keys()) this.#beginAnew(server); // what was said before settled their era
    this.#greeting = greeting;
    this.#version = undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#settle = () => {
      if (this.all().every((child) => child.isOver || this.#met.has(child))) resolve();
    };
    for (const child of this.all()) void this.#meet(child);
    this.#settle();
    const timer = setTimeout(() => {
      this.#settle = () => (this.#heard().length > 0 || this.all().every(({ isOver }) => isOver) ? resolve() : undefined);
      this.#settle();
    }, this.#options.greetMs);
    await promise;
    clearTimeout(timer);
    this.#settle = () => undefined;
    return this.#agree(greeting);
  }

  pause(): void {
    for (const child of this.all()) child.pause();
  }

  resume(): void {
    for (const child of this.all()) child.resume();
  }

  clientGone(): void {
    for (const child of this.all()) child.clientGone();
  }

  async drained(): Promise<void> {
    await Promise.all(this.all().map((child) => child.drained()));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#forget();
    this.#settle();
    for (const timer of this.#again.values()) clearTimeout(timer);
    await Promise.all([...this.all().map((child) => child.stop()), ...this.#leaving]);
  }

  #heard(): readonly (readonly [JoinedChild, Answer])[] {
    return [...this.#met].flatMap(([child, answer]) => (answer?.ok === true && !child.isOver ? [[child, answer] as const] : []));
  }

  #begin(server: JoinedServer): JoinedChild {
    const child = this.#options.make(server, (ended, end) => this.#ended(ended, end));
    this.#children.set(server, child);
    return child;
  }

  #beginAnew(server: JoinedServer): JoinedChild {
    const before = this.#children.get(server);
    if (before !== undefined) this.#end(before, 0);
    return this.#begin(server);
  }

  /** Calls under way go on for so long. */
  #end(child: JoinedChild, withinMs: number): void {
    child.isReady = false;
    this.#met.delete(child);
    const ending = leave(child, withinMs).finally(() => this.#leaving.delete(ending));
    this.#leaving.add(ending);
  }

  async #meet(child: JoinedChild): Promise<void> {
    const greeting = this.#greeting;
    if (greeting === undefined) return;
    const params = greeting.method === "initialize" && this.#version !== undefined ? { ...greeting.params, protocolVersion: this.#version } : greeting.params;
    const answer = await child.ask(greeting.method, params, PATIENCE_MS);
    if (this.#isOver || this.#greeting !== greeting || this.#children.get(child.server) !== child) return;
    this.#met.set(child, answer);
    if (!child.isOver) child.why = answer === undefined ? "it does not answer" : "it refused to be spoken to";
    if (answer?.ok === true) note(child, greeting, answer);
    if (this.#version !== undefined) this.#admit(child);
    this.#settle();
  }

  #agree(greeting: Greeting): Agreed {
    const heard = this.#heard();
    const refused = [...this.#met].find(([child, answer]) => answer?.ok === false && !child.isOver);
    if (greeting.method === "server/discover" && refused !== undefined) return { ok: false, answer: refused[1], why: `${refused[0].name} does not speak this revision of the protocol` };
    const asked = memberOf(greeting.params, "protocolVersion");
    const version = mostSpoken(heard.map(([{ version: spoken }]) => spoken), typeof asked === "string" ? asked : undefined, greeting.method);
    if (version === undefined) return { ok: false, answer: refused?.[1], why: `no server is there: ${this.absent().map(({ name, why }) => `${name}: ${why}`).join("; ") || "none is configured"}` };
    this.#version = version;
    // First those that are in: whoever is answered now sees them.
    for (const [child] of heard) if (child.version === version) child.isReady = true;
    for (const [child] of heard) if (child.version !== version) this.#admit(child);
    for (const { name, why } of this.absent()) this.#options.onWarning(`${name} is not there yet, and is gone on without: ${why}`);
    return { ok: true, version };
  }

  /** The version was agreed on. */
  #admit(child: JoinedChild): void {
    const { onCame, onWarning } = this.#options;
    if (this.#met.get(child)?.ok !== true || child.isOver || child.isReady) return;
    if (child.version === this.#version) {
      child.isReady = true;
      return onCame(child);
    }
    child.why = `it speaks ${child.version}, and not ${this.#version}, which was agreed on`;
    if (child.isSecond || this.#greeting?.method !== "initialize") return onWarning(`${child.name} is gone on without: ${child.why}`);
    const again = this.#beginAnew(child.server);
    again.isSecond = true;
    again.why = child.why;
    void this.#meet(again);
  }

  #ended(child: JoinedChild, { kind }: UpstreamEnd): void {
    if (this.#children.get(child.server) !== child) return;
    this.#settle();
    if (this.#isOver) return;
    this.#options.onGone(child);
    const { server } = child;
    const now = performance.now();
    const before = this.#failures.get(server);
    const count = before === undefined || now - before.at > STEADY_MS + AGAIN_AT_MOST_MS ? 0 : before.count;
    const waitMs = Math.min(AGAIN_MS * 2 ** count, AGAIN_AT_MOST_MS);
    this.#failures.set(server, { count: count + 1, at: now });
    this.#options.onWarning(`${child.name} ${kind === "ended" ? "has ended" : "could not be started"}; it is tried again in ${waitMs / 1_000} s`);
    this.#again.set(server, setTimeout(() => this.#returns(server), waitMs));
  }

  #returns(server: JoinedServer): void {
    this.#again.delete(server);
    if (this.#children.has(server)) void this.#meet(this.#beginAnew(server));
  }

  /** The configuration has others now. */
  #follow(): void {
    const { servers, leaveMs, onGone } = this.#options;
    for (const [server, child] of this.#children) {
      if (servers.all.includes(server)) continue;
      this.#children.delete(server);
      clearTimeout(this.#again.get(server));
      this.#again.delete(server);
      this.#end(child, leaveMs);
      onGone(child);
    }
    for (const server of servers.all) if (!this.#children.has(server)) void this.#meet(this.#begin(server));
    this.#settle();
  }
}

function note(child: JoinedChild, { method, params }: Greeting, answer: Answer): void {
  const result = resultOf(answer.line);
  const [capabilities, instructions, version] = [memberOf(result, "capabilities"), memberOf(result, "instructions"), memberOf(result, "protocolVersion")];
  child.capabilities = declaredIn(capabilities);
  child.instructions = typeof instructions === "string" ? instructions : undefined;
  if (method === "initialize") child.version = typeof version === "string" ? version : undefined;
  else child.version = requestedIn(params, memberOf(result, "supportedVersions"));
}

function requestedIn(params: JsonObject, supported: unknown): string | undefined {
  const requested = metaOf(params)?.[VERSION];
  return typeof requested === "string" && Array.isArray(supported) && supported.includes(requested) ? requested : undefined;
}

const SESSION_VERSIONS = ["2024-10-07", "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/** Of equally many, the newer: one server alone brings no others down, and one that makes a version up none at all. */
function mostSpoken(versions: readonly (string | undefined)[], asked: string | undefined, method: Greeting["method"]): string | undefined {
  const counts = new Map<string, number>();
  for (const version of versions) if (version !== undefined && (method !== "initialize" || version === asked || SESSION_VERSIONS.includes(version))) counts.set(version, (counts.get(version) ?? 0) + 1);
  return [...counts].toSorted(([one, ones], [other, others]) => others - ones || (one < other ? 1 : -1))[0]?.[0];
}

async function leave(child: JoinedChild, withinMs: number): Promise<void> {
  if (withinMs > 0) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    await Promise.race([child.drained(), promise, child.ended]);
    clearTimeout(timer);
  }
  await child.stop(); // what is held still is answered then: its server has ended
}

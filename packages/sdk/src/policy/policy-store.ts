/**
 * The document in force. A new one replaces the old as a whole once it was read without a problem; a broken one changes
 * nothing and is loud. Before the first good one there is no policy, and guard.ts refuses every call.
 */
import type { Call } from "../call/call.ts";
import { parseJson } from "../call/parse-json.ts";
import { snapshotJson } from "../call/snapshot.ts";
import { PolicyDocumentError } from "../errors.ts";
import type { Finding, InspectionAction } from "../inspection/inspection.ts";
import { compilePrepared, type CompiledDocument } from "./compile.ts";
import type { PolicyDocument } from "./document.ts";
import { evaluate, type Counters, type EvaluateOptions, type Verdict } from "./evaluate.ts";
import type { PolicyContent, PolicySource, PolicyText } from "./policy-source.ts";
import { placesOf, placesOfText, type Places } from "./places.ts";
import { NoThreadError, prepareAside } from "./prepare-aside.ts";
import { prepareDocument, type PreparedDocument } from "./prepare-document.ts";
import { readPolicyObject, readPolicyText } from "./read-document.ts";
import { MAX_TEXT } from "./text-limit.ts";
import { TokenBuckets, type SharedBuckets } from "./token-buckets.ts";

/** The policy step as guard.ts sees it. */
export interface PolicyPort {
  /** While nothing was loaded yet, a promise that ends when the first load has, or took too long. It never rejects. */
  readonly loading: Promise<void> | undefined;
  /** Rises with every document that came into force. */
  readonly generation: number;
  findingAction(finding: Finding): InspectionAction;
  /** Why `evaluate` answers undefined, where there is more to say than that no document is in force. */
  readonly whyNone?: string | undefined;
  /** Undefined while no document is in force. */
  evaluate(call: Call, findings: readonly Finding[], options: EvaluateOptions): Verdict | undefined;
}

export interface PolicyEvent {
  readonly event: "policy_activated" | "policy_refused";
  readonly source: string;
  /** Policies in the document. */
  readonly size?: number;
  /** Hex SHA-256 of the document's JSON text. */
  readonly digest?: string;
  readonly problem?: string;
  /** With `policy_refused`: an earlier document stays in force. */
  readonly stands?: boolean;
  /** Groups of findings that an activated document has actions for. */
  readonly findingGroups?: readonly string[];
  /** What was activated, for whoever looks through it. */
  readonly document?: PolicyDocument;
}

export interface PolicyStore extends PolicyPort {
  /** What is in force, for health and `doctor`. `problem` is why the source's latest answer is not. */
  status(): { readonly generation: number; readonly size: number; readonly digest: string | null; readonly problem: string | undefined };
  /** The enforced throttles' counters, for sharing them with other processes. */
  readonly throttles: SharedBuckets;
  /** Ends all watching. What is in force stays in force; an answer that is still under way is ignored. */
  close(): void;
}

export interface PolicyStoreOptions {
  /** How long calls wait for a first load in milliseconds. Default 10,000; afterwards they are refused until it is there. */
  readonly firstLoadMs?: number;
}

/** Opens a source. Throws PolicyDocumentError where it answers at once and with nothing that can be in force. */
export function openPolicyStore(source: PolicySource, onEvent: (event: PolicyEvent) => void, options: PolicyStoreOptions = {}): PolicyStore {
  const inForce = new InForce(source.name, onEvent);
  const firstLoad = Promise.withResolvers<void>();
  let loading: Promise<void> | undefined;
  let closed = false;
  let asked = 0;
  let answered = 0;

  async function settle(turn: number, answer: PromiseLike<PolicyContent>): Promise<void> {
    const isStale = (): boolean => closed || turn < answered; // an older answer that comes late is not news
    try {
      const content = await answer;
      if (isStale()) return;
      answered = turn;
      await inForce.offer(content);
    } catch (error) {
      if (!isStale()) await inForce.fail(error);
    }
    if (turn === 0 || inForce.document !== undefined) endLoading();
  }

  function endLoading(): void {
    clearTimeout(limit);
    loading = undefined;
    firstLoad.resolve();
  }

  function giveUp(ms: number): void {
    // An answer that is being prepared is one: calls are refused until it is in force.
    if (!inForce.isBusy) void inForce.fail(new Error(`it did not answer within ${ms / 1_000} seconds; calls are refused until it does.`));
    endLoading();
  }

  let limit: NodeJS.Timeout | undefined;
  const first = firstAnswer(source);
  if (isPromiseLike(first)) {
    const { firstLoadMs = 10_000 } = options;
    loading = firstLoad.promise;
    limit = setTimeout(giveUp, firstLoadMs, firstLoadMs).unref();
    void settle(0, first);
  } else {
    inForce.activate(first);
  }
  const unwatch = source.watch?.(() => {
    if (!closed) void settle(++asked, answerOf(source));
  });

  return {
    get loading() {
      return loading;
    },
    get generation() {
      return inForce.generation;
    },
    findingAction: ({ group, type, direction }) => inForce.document?.findingAction(group, type, direction) ?? "block",
    evaluate: (call, findings, how) => (inForce.document === undefined ? undefined : evaluate(call, findings, inForce.document, inForce.counters, how)),
    status: () => inForce.status(),
    throttles: {
      share: (onTaken) => inForce.counters.enforced.share(onTaken),
      taken: () => inForce.counters.enforced.taken(),
      takeAway: (policy, key, tokens, now) => inForce.counters.enforced.takeAway(policy, key, tokens, now),
    },
    close() {
      closed = true;
      unwatch?.();
      inForce.close();
      endLoading();
    },
  };
}

/** What asking a source has led to: content, or why it could not be asked. */
type Answer = { readonly content: PolicyContent } | { readonly error: unknown };

/**
 * The document in force with what belongs to it. Each change of the source is told once, good or broken. What the source says is
 * taken one after the other: while a large document is prepared, only the newest of what comes is kept, and waits.
 */
class InForce {
  readonly #source: string;
  readonly #onEvent: (event: PolicyEvent) => void;
  readonly #ended = new AbortController();
  /** What the source said last: the same again is no news. */
  #said: Said | undefined;
  #next: Answer | undefined;
  #working = false;
  #work: Promise<void> = Promise.resolve();
  #digest: string | null = null;
  #problem: string | undefined;
  readonly counters = { enforced: new TokenBuckets(), observed: new TokenBuckets() } satisfies Counters;
  document: CompiledDocument | undefined;
  generation = 0;

  constructor(source: string, onEvent: (event: PolicyEvent) => void) {
    this.#source = source;
    this.#onEvent = onEvent;
  }

  /** Something the source said is not dealt with yet. */
  get isBusy(): boolean {
    return this.#working;
  }

  status(): ReturnType<PolicyStore["status"]> {
    return { generation: this.generation, size: this.document?.size ?? 0, digest: this.#digest, problem: this.#problem };
  }

  /** Ends when this, or something newer, is dealt with. Never rejects. */
  offer(content: PolicyContent): Promise<void> {
    return this.#hear({ content });
  }

  /** The source could not be asked. As `offer`. */
  fail(error: unknown): Promise<void> {
    return this.#hear({ error });
  }

  close(): void {
    this.#ended.abort();
  }

  /** Throws PolicyDocumentError and changes nothing where the content is broken. */
  activate(content: PolicyContent): void {
    const document = isText(content) ? readPolicyText(content.text, this.#source) : readPolicyObject(content, this.#source);
    this.#activate(prepareDocument(document), placesOf(document), document);
  }

  #hear(answer: Answer): Promise<void> {
    this.#next = answer;
    if (!this.#working) this.#work = this.#workOff();
    return this.#work;
  }

  async #workOff(): Promise<void> {
    this.#working = true;
    try {
      for (let answer = this.#next; answer !== undefined && !this.#ended.signal.aborted; answer = this.#next) {
        this.#next = undefined;
        await ("error" in answer ? this.#refuseNews(answer.error) : this.#take(answer.content));
      }
    } finally {
      this.#working = false;
    }
  }

  #refuseNews(error: unknown): void {
    const problem = `${this.#source}: cannot be loaded: ${messageOf(error)}`;
    if (this.#isNews({ form: "failed", text: problem })) this.#refuse(problem);
  }

  async #take(content: PolicyContent): Promise<void> {
    const { signal } = this.#ended;
    try {
      const written = writtenOf(content);
      if (written.text.length < LARGE) {
        if (this.#isNews(written)) this.activate(content);
      } else if (this.#isNews(written)) {
        await this.#activateLarge(written, signal);
      }
    } catch (error) {
      if (!signal.aborted) this.#refuse(error instanceof PolicyDocumentError ? error.message : `${this.#source}: cannot be read: ${messageOf(error)}`);
    }
  }

  async #activateLarge(written: Said, signal: AbortSignal): Promise<void> {
    try {
      const prepared = await prepareAside(written.text, { source: this.#source, form: written.form === "text" ? "text" : "object" }, signal);
      if (!signal.aborted) this.#activate(prepared, written.form === "text" ? placesOfText(written.text, this.#source) : undefined);
    } catch (error) {
      if (!(error instanceof NoThreadError) || signal.aborted) throw error;
      // Here and in one go: slow and right. What is no document is refused there.
      this.activate(written.form === "text" ? written : (parseJson(written.text) as unknown as PolicyDocument));
    }
  }

  /** `read`: the document itself, where it was read on this thread. */
  #activate(prepared: PreparedDocument, places: Places | undefined, read?: PolicyDocument): void {
    const { digest, size } = prepared;
    if (digest !== this.#digest) {
      const document = compilePrepared(prepared, places);
      this.document = document;
      this.#digest = digest;
      this.generation += 1;
      const throttles = { has: (name: string) => document.hasThrottle(name) };
      this.counters.enforced.retain(throttles);
      this.counters.observed.retain(throttles);
    } else if (this.#problem === undefined) {
      return; // written differently, the same in meaning
    }
    this.#problem = undefined;
    const findingGroups = this.document?.findingGroups ?? [];
    const event = { event: "policy_activated", source: this.#source, size, digest, ...(read === undefined ? {} : { document: read }) } as const;
    this.#onEvent(findingGroups.length === 0 ? event : { ...event, findingGroups });
  }

  #isNews(said: Said): boolean {
    const news = said.form !== this.#said?.form || said.text !== this.#said.text;
    this.#said = said;
    return news;
  }

  #refuse(problem: string): void {
    this.#problem = problem;
    this.#onEvent({ event: "policy_refused", source: this.#source, problem, stands: this.document !== undefined });
  }
}

/** What the source answers when it is first asked. What it throws is the document's problem. */
function firstAnswer(source: PolicySource): PolicyContent | PromiseLike<PolicyContent> {
  try {
    return source.load();
  } catch (cause) {
    const error = new PolicyDocumentError(source.name, [{ line: 1, column: 1, message: `cannot be loaded: ${messageOf(cause)}` }]);
    error.cause = cause;
    throw error;
  }
}

async function answerOf(source: PolicySource): Promise<PolicyContent> {
  return source.load();
}

/** What a source said as one text. What is wrong with an object that is no plain JSON is told precisely by readPolicyObject. */
interface Said {
  readonly form: "text" | "object" | "unreadable" | "failed";
  readonly text: string;
}

/** Objects are copied here and in one go: they are their owner's, who may change them at any time. */
function writtenOf(content: PolicyContent): Said {
  if (isText(content)) return { form: "text", text: content.text };
  const copied = snapshotJson(content, { maxBytes: MAX_TEXT });
  return copied.ok ? { form: "object", text: copied.text } : { form: "unreadable", text: copied.reason };
}

/** From this many characters on (some hundreds of policies) a document is prepared aside: it would hold up calls. */
const LARGE = 32 * 1024;

function isText(content: unknown): content is PolicyText {
  return content !== null && typeof content === "object" && "text" in content && typeof content.text === "string";
}

function isPromiseLike(answer: PolicyContent | PromiseLike<PolicyContent>): answer is PromiseLike<PolicyContent> {
  return answer !== null && typeof answer === "object" && "then" in answer && typeof answer.then === "function";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The document in force. A new one replaces the old as a whole once it was read without a problem; a broken one changes
 * nothing and is loud. Before the first good one there is no policy, and guard.ts refuses every call.
 */
import { hash } from "node:crypto";
import type { Call } from "../call/call.ts";
import { PolicyDocumentError } from "../errors.ts";
import type { Finding, InspectionAction } from "../inspection/inspection.ts";
import { compileDocument, type CompiledDocument } from "./compile.ts";
import type { PolicyDocument } from "./document.ts";
import { evaluate, type Counters, type EvaluateOptions, type Verdict } from "./evaluate.ts";
import type { PolicyContent, PolicySource, PolicyText } from "./policy-source.ts";
import { readPolicyObject, readPolicyText } from "./read-document.ts";
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
      inForce.offer(content);
    } catch (error) {
      if (!isStale()) inForce.fail(error);
    }
    if (turn === 0 || inForce.document !== undefined) endLoading();
  }

  function endLoading(): void {
    clearTimeout(limit);
    loading = undefined;
    firstLoad.resolve();
  }

  function giveUp(ms: number): void {
    inForce.fail(new Error(`it did not answer within ${ms / 1_000} seconds; calls are refused until it does.`));
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
      endLoading();
    },
  };
}

/** The document in force with what belongs to it. Each change of the source is told once, good or broken. */
class InForce {
  readonly #source: string;
  readonly #onEvent: (event: PolicyEvent) => void;
  /** What the source said last: the same again is no news. */
  #said: string | undefined;
  #digest: string | null = null;
  #problem: string | undefined;
  readonly counters = { enforced: new TokenBuckets(), observed: new TokenBuckets() } satisfies Counters;
  document: CompiledDocument | undefined;
  generation = 0;

  constructor(source: string, onEvent: (event: PolicyEvent) => void) {
    this.#source = source;
    this.#onEvent = onEvent;
  }

  status(): ReturnType<PolicyStore["status"]> {
    return { generation: this.generation, size: this.document?.size ?? 0, digest: this.#digest, problem: this.#problem };
  }

  offer(content: PolicyContent): void {
    if (!this.#isNews(contentKey(content))) return;
    try {
      this.activate(content);
    } catch (error) {
      this.#refuse(error instanceof PolicyDocumentError ? error.message : `${this.#source}: cannot be read: ${messageOf(error)}`);
    }
  }

  /** The source could not be asked. */
  fail(error: unknown): void {
    const problem = `${this.#source}: cannot be loaded: ${messageOf(error)}`;
    if (this.#isNews(`failed: ${problem}`)) this.#refuse(problem);
  }

  /** Throws PolicyDocumentError and changes nothing where the content is broken. */
  activate(content: PolicyContent): void {
    const document = isText(content) ? readPolicyText(content.text, this.#source) : readPolicyObject(content, this.#source);
    const digest = hash("sha256", JSON.stringify(document), "hex");
    if (digest !== this.#digest) {
      this.document = compileDocument(document);
      this.#digest = digest;
      this.generation += 1;
      const throttles = new Set(document.policies.filter(({ rate }) => rate !== undefined).map(({ name }) => name));
      this.counters.enforced.retain(throttles);
      this.counters.observed.retain(throttles);
    } else if (this.#problem === undefined) {
      return; // written differently, the same in meaning
    }
    this.#problem = undefined;
    const findingGroups = this.document?.findingGroups ?? [];
    const event = { event: "policy_activated", source: this.#source, size: document.policies.length, digest, document } as const;
    this.#onEvent(findingGroups.length === 0 ? event : { ...event, findingGroups });
  }

  #isNews(said: string): boolean {
    const news = said !== this.#said;
    this.#said = said;
    return news;
  }

  #refuse(problem: string): void {
    this.#problem = problem;
    this.#onEvent({ event: "policy_refused", source: this.#source, problem });
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

function contentKey(content: PolicyContent): string {
  if (isText(content)) return `text: ${hash("sha256", content.text, "hex")}`;
  try {
    return `object: ${hash("sha256", JSON.stringify(content) ?? "", "hex")}`;
  } catch (error) {
    return `unreadable: ${messageOf(error)}`; // said precisely by readPolicyObject
  }
}

function isText(content: unknown): content is PolicyText {
  return content !== null && typeof content === "object" && "text" in content && typeof content.text === "string";
}

function isPromiseLike(answer: PolicyContent | PromiseLike<PolicyContent>): answer is PromiseLike<PolicyContent> {
  return answer !== null && typeof answer === "object" && "then" in answer && typeof answer.then === "function";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

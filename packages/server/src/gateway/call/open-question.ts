/**
 * One question that was put to whoever sits at a client, beside the people of the control plane where there is one. It lives on while its client
 * is sent round, or is told to call again: the same call joins it, and waits for the same answer. Whoever waits may use its yes; nobody else can.
 */
import { ApprovalDecision, type AskPort } from "@countersign/sdk/enforcement";
import type { RoundQuestion } from "./round-question.ts";

export type JoinedRequest = Awaited<ReturnType<AskPort["join"]>>;
type WaitOptions = Parameters<AskPort["wait"]>[1];
type Answer = Awaited<ReturnType<AskPort["wait"]>>;

/** How a question is put: the port that asks, and where the client carries it round, that. */
export interface Way {
  readonly ask: AskPort;
  readonly round: RoundQuestion | undefined;
}

/** A client that comes back may still learn for so long how it ended. */
const AFTER_END_MS = 5 * 60_000;

const NO = new ApprovalDecision({ approved: false });
const NO_ANSWER = new ApprovalDecision({ approved: false, timedOut: true });

export class OpenQuestion {
  /** Whose it is and what is asked, as one text. */
  readonly key: string;
  readonly owner: string;
  readonly request: JoinedRequest;
  /** As it was called when it was made: where people at the control plane decide it, it takes their request's id. */
  readonly name: string;
  readonly ask: AskPort;
  readonly round: RoundQuestion | undefined;
  readonly #stop = new AbortController();
  #answer: Promise<Answer> | undefined;
  #ended: Answer | undefined;
  /** Its yes was used, it was taken back, or it failed. */
  #isSpent = false;
  #waiters = 0;

  constructor(key: string, owner: string, request: JoinedRequest, { ask, round }: Way) {
    this.key = key;
    this.owner = owner;
    this.request = request;
    this.name = request.id;
    this.ask = ask;
    this.round = round;
  }

  /** A call that begins may join it: it is unanswered, or its yes was not used and its time is not over. */
  get isJoinable(): boolean {
    return !this.#isSpent && !this.#stop.signal.aborted && Date.now() < this.request.expiresAt && (this.#ended === undefined || this.#ended.kind === "approved");
  }

  get isPast(): boolean {
    return Date.now() >= this.request.expiresAt + AFTER_END_MS;
  }

  async wait({ signal, waitMs, leave }: WaitOptions): Promise<Answer> {
    const left = Promise.withResolvers<"later" | "gone">();
    const later = (): void => left.resolve("later");
    const gone = (): void => left.resolve("gone");
    const timer = waitMs === undefined ? undefined : setTimeout(later, waitMs);
    signal?.addEventListener("abort", gone, { once: true });
    leave?.addEventListener("abort", later, { once: true });
    if (signal?.aborted === true) gone();
    if (leave?.aborted === true) later();
    this.#waiters += 1;
    try {
      const answer = this.#asked();
      if (this.round !== undefined) void this.round.put.then(later);
      const first = await Promise.race([answer, left.promise]);
      if (first === "later") return { kind: "pending", until: this.request.expiresAt };
      if (first === "gone" && this.#waiters === 1) this.#stop.abort();
      return first === "gone" ? { kind: "denied", decision: NO, elapsedMs: 0, error: "cancelled" } : this.#inTime(first);
    } finally {
      this.#waiters -= 1;
      clearTimeout(timer);
      signal?.removeEventListener("abort", gone);
      leave?.removeEventListener("abort", later);
    }
  }

  /** Of several that waited for one yes, one uses it. */
  async claim(): Promise<boolean> {
    if (this.#isSpent) return false;
    this.#isSpent = true;
    return this.ask.claim(this.request);
  }

  async supersede(): Promise<void> {
    if (this.#isSpent) return; // another has used it
    this.#isSpent = true;
    await this.ask.supersede(this.request);
  }

  /** Nobody comes back for it. Resolves when what was asked elsewhere was told. Never rejects. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#answer?.catch(() => undefined);
  }

  /** It is asked once, for all who wait. */
  #asked(): Promise<Answer> {
    if (this.#answer !== undefined) return this.#answer;
    this.#answer = this.ask.wait(this.request, { signal: this.#stop.signal, waitMs: undefined });
    this.#answer.then(
      (ended) => (this.#ended = ended),
      () => (this.#isSpent = true),
    );
    return this.#answer;
  }

  /** A yes that nobody was there to use is none after the end. */
  #inTime(answer: Answer): Answer {
    if (answer.kind !== "approved" || Date.now() < this.request.expiresAt) return answer;
    return { kind: "timeout", decision: NO_ANSWER, elapsedMs: answer.elapsedMs };
  }
}

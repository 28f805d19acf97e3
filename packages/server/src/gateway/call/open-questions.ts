/** The questions at clients that are open, or have ended not long ago: by whose they are and what they ask. */
import type { AskPort } from "@countersign/sdk/enforcement";
import { OpenQuestion, type Way } from "./open-question.ts";

export type Question = Parameters<AskPort["join"]>[0];
type Edit = Parameters<AskPort["join"]>[1];

/** Of one client; the oldest go. */
const MAX_OF_ONE = 256;

export class OpenQuestions {
  readonly #byKey = new Map<string, OpenQuestion>();
  readonly #ending = new Set<Promise<void>>();
  #isOver = false;

  /** The open question about the same call of the same client, or a new one. */
  async join(owner: string, question: Question, edit: Edit, make: () => Way): Promise<OpenQuestion> {
    const key = keyOf(owner, question);
    const known = this.#byKey.get(key);
    if (known?.isJoinable === true) return known;
    if (known !== undefined) this.#end(known);
    const way = make();
    const joined = new OpenQuestion(key, owner, await way.ask.join(question, edit), way);
    this.#sweep(owner);
    this.#byKey.set(key, joined);
    if (this.#isOver) this.#end(joined);
    return joined;
  }

  /** The one that an earlier round named, however it stands; undefined where it is about something else by now. */
  find(owner: string, requestId: string, question: Question): OpenQuestion | undefined {
    const known = this.#byKey.get(keyOf(owner, question));
    return known?.name === requestId ? known : undefined;
  }

  named(owner: string, requestId: string): OpenQuestion | undefined {
    for (const known of this.#byKey.values()) if (known.owner === owner && known.name === requestId) return known;
    return undefined;
  }

  /** Nobody comes back any more. */
  end(): void {
    this.#isOver = true;
    for (const known of this.#byKey.values()) this.#end(known);
  }

  /** Resolves when what was asked elsewhere was told. */
  async drained(): Promise<void> {
    while (this.#ending.size > 0) await Promise.all(this.#ending);
  }

  #end(question: OpenQuestion): void {
    if (this.#byKey.get(question.key) === question) this.#byKey.delete(question.key);
    const ending = question.end().then(() => void this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  #sweep(owner: string): void {
    for (const known of this.#byKey.values()) if (known.isPast) this.#end(known);
    const own = [...this.#byKey.values()].filter((known) => known.owner === owner);
    for (const oldest of own.slice(0, Math.max(0, own.length - MAX_OF_ONE + 1))) this.#end(oldest);
  }
}

/** The same call, asked about for the same reasons: what else a yes would be to is another question. */
function keyOf(owner: string, { call, reason, requirements }: Question): string {
  return JSON.stringify([owner, call.caller.agent.name, call.digest, reason, requirements]);
}

/**
 * What the record tells of held calls, put together per request in whatever order its rows are read. Rows never change, so what
 * was read once is known. Holds no arguments and no reasons. Called by record-scan.ts; summarise.ts counts.
 */
import { includesText, numberOf, textOf, textsOf } from "./row-values.ts";

export type RequestEnd = "approved" | "denied" | "expired" | "granted" | "withdrawn";

export interface VoteFact {
  readonly personId: string;
  readonly approves: boolean;
  readonly at: number;
}

export interface RequestFacts {
  /** Null while the row of its making was not read. */
  created: {
    readonly at: number;
    readonly policyId: string;
    readonly principal: string;
    readonly agent: string;
    readonly policies: readonly string[];
    /** The policies ask for more than one person's yes. */
    readonly guarded: boolean;
    /** Characters of arguments and context; null where the row does not say. */
    readonly length: number | null;
    /** Of its call digest, enough to know the same call again. */
    readonly call: string;
  } | null;
  /** Of the rows that tell an end the first: what happens to an approved request later is no decision. */
  end: { readonly seq: number; readonly how: RequestEnd; readonly at: number } | null;
  readonly votes: VoteFact[];
}

/** Rows of the record that tell of held calls, or of the control plane's own clock. */
export const TELLING_EVENTS = ["request_created", "request_edited", "vote_cast", "batch_taken"] as const;

const MOST_NAMES = 5_000;

/** A request that an approver made out of another one, with other arguments. */
export interface Edit {
  readonly of: string;
  readonly editor: string;
}

export interface Answered {
  readonly at: number;
}

export class FactBook {
  readonly requests = new Map<string, RequestFacts>();
  /** Held calls that were answered in an agent's process, as it reported them. */
  answered: Answered[] = [];
  /** By what they made. */
  readonly #edits = new Map<string, Edit>();
  readonly #replaced = new Set<string>();
  /** Names come again and again: each is kept once. */
  readonly #names = new Map<string, string>();

  /** A row of TELLING_EVENTS, or an approval. */
  take({ seq, at, type, line }: { readonly seq: number; readonly at: number; readonly type: string; readonly line: string }): void {
    // A row of our own store.
    const row = JSON.parse(line) as Readonly<Record<string, unknown>>;
    if (type === "approval") return this.#takeEnd(seq, at, row);
    const detail = (row["detail"] ?? {}) as Readonly<Record<string, unknown>>;
    if (row["event"] === "request_created") this.#takeCreated(at, detail);
    else if (row["event"] === "vote_cast") this.#takeVote(at, detail);
    else if (row["event"] === "request_edited") this.#takeEdit(detail);
  }

  /** Its place was taken by a request with other arguments, which counts for both. */
  isReplaced(id: string): boolean {
    return this.#replaced.has(id);
  }

  /** Where it was made by an edit: who wrote it, and since when that person had the call that it was made of. `askedAt`: of the very first. */
  editOf(id: string): { readonly editor: string; readonly since: number; readonly askedAt: number } | undefined {
    const edit = this.#edits.get(id);
    const since = edit === undefined ? undefined : this.requests.get(edit.of)?.created?.at;
    if (edit === undefined || since === undefined) return undefined;
    return { editor: edit.editor, since, askedAt: this.editOf(edit.of)?.askedAt ?? since };
  }

  /** Forgets what is older, to keep memory bounded. */
  dropBefore(at: number): void {
    for (const [id, { created, end, votes }] of this.requests) {
      const last = created?.at ?? end?.at ?? votes[0]?.at ?? 0;
      if (last < at) this.requests.delete(id);
    }
    for (const [id, { of }] of this.#edits) if (!this.requests.has(id) && !this.requests.has(of)) this.#edits.delete(id);
    for (const id of this.#replaced) if (!this.requests.has(id)) this.#replaced.delete(id);
    this.answered = this.answered.filter((one) => one.at >= at);
  }

  #factsOf(id: string): RequestFacts {
    let facts = this.requests.get(id);
    if (facts === undefined) this.requests.set(id, (facts = { created: null, end: null, votes: [] }));
    return facts;
  }

  #name(value: unknown): string {
    const name = textOf(value);
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    if (this.#names.size >= MOST_NAMES) this.#names.clear();
    this.#names.set(name, name);
    return name;
  }

  #takeCreated(at: number, detail: Readonly<Record<string, unknown>>): void {
    const guards = textsOf(detail["guards"]);
    this.#factsOf(textOf(detail["requestId"])).created = {
      at,
      policyId: this.#name(detail["policyId"]),
      principal: this.#name(detail["principal"]),
      agent: this.#name(detail["agent"]),
      policies: textsOf(detail["policies"]).map((policy) => this.#name(policy)),
      guarded: guards.length > 0,
      length: numberOf(detail["length"]),
      call: textOf(detail["digest"]).slice(0, 24),
    };
  }

  #takeVote(at: number, detail: Readonly<Record<string, unknown>>): void {
    const personId = this.#name(detail["person"]).replace(/^person:/, "");
    this.#factsOf(textOf(detail["requestId"])).votes.push({ personId, approves: detail["choice"] === "approve", at });
  }

  #takeEdit(detail: Readonly<Record<string, unknown>>): void {
    const of = textOf(detail["requestId"]);
    this.#replaced.add(of);
    this.#edits.set(textOf(detail["successor"]), { of, editor: this.#name(detail["person"]).replace(/^person:/, "") });
  }

  #takeEnd(seq: number, at: number, row: Readonly<Record<string, unknown>>): void {
    // What an agent's process decided by itself is nobody's decision here.
    if (row["reportedBy"] !== undefined) return void this.answered.push({ at });
    const facts = this.#factsOf(textOf(row["requestId"]));
    if (facts.end === null || seq < facts.end.seq) facts.end = { seq, how: endOf(row), at };
  }
}

function endOf(row: Readonly<Record<string, unknown>>): RequestEnd {
  switch (row["status"]) {
    case "approved":
      return row["channel"] === "grant" ? "granted" : "approved";
    case "denied":
      return includesText(row["error"]) ? "withdrawn" : "denied";
    case "timeout":
      return "expired";
    default:
      return "withdrawn";
  }
}

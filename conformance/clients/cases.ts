/** What happens to a call that a policy holds, what its caller does then, and the person who decides; the same for every client. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Person } from "../crash/fixture/person.ts";
import type { Answer, ClientProcess } from "./client-process.ts";

const MINUTE_MS = 60_000;

export interface Case {
  readonly name: string;
  /** `write_soon` expires after three seconds, `write_note` after a quarter of an hour. */
  readonly tool: "write_note" | "write_soon";
  readonly decided?: { readonly choice: "approve" | "deny"; readonly afterMs: number };
  /** What its caller does that was told to call again: at once, only after a person has decided, or nothing. */
  readonly again: "at once" | "afterwards" | "never";
}

export const CASES: readonly Case[] = [
  { name: "approved after 5 s", tool: "write_note", decided: { choice: "approve", afterMs: 5_000 }, again: "at once" },
  { name: "approved after 70 s", tool: "write_note", decided: { choice: "approve", afterMs: 70_000 }, again: "afterwards" },
  { name: "approved after 5 min", tool: "write_note", decided: { choice: "approve", afterMs: 5 * MINUTE_MS }, again: "at once" },
  { name: "denied", tool: "write_note", decided: { choice: "deny", afterMs: 2_000 }, again: "at once" },
  { name: "expired", tool: "write_soon", again: "at once" },
  { name: "never answered", tool: "write_note", again: "never" },
];

/** `scale` makes the clocks of the approver and of the policy shorter. */
export const policyOf = (scale: number): string => `version: 1
default: allow
policies:
  - name: notes
    match: mcp:notes:write_note
    action: block
    reason: Notes need approval
    approval: { timeoutMinutes: ${15 * scale} }
  - name: soon
    match: mcp:notes:write_soon
    action: block
    reason: Soon or never
    approval: { timeoutMinutes: 0.05 }
`;

const MAX_CALLS = 10;
/** One run of one case: the note that was to be written, and what the caller was told, call by call. */
export interface Course {
  readonly case: Case;
  readonly note: string;
  readonly answers: readonly Answer[];
  /** Where it ran: what the same call came to afterwards. */
  readonly repeated: Answer | undefined;
}

export async function runCase(one: Case, client: ClientProcess, note: string, person: Decider, scale: number): Promise<Course> {
  const answers: Answer[] = [];
  const decided = one.decided === undefined ? undefined : person.decide(note, one.decided.choice, one.decided.afterMs * scale);
  while (answers.length < MAX_CALLS) {
    const answer = await client.call(one.tool, note);
    answers.push(answer);
    if (answer.kind !== "pending" && answer.kind !== "gave up") break;
    if (one.again === "never") break;
    if (one.again === "afterwards" && answer.kind === "pending") await decided;
  }
  // Spent: the same call is a new question, and that one is denied.
  const ran = answers.at(-1)?.kind === "ran";
  return { case: one, note, answers, repeated: ran ? await client.call(one.tool, note) : undefined };
}

export interface Decider {
  /** Decides about this note some time after it was first asked, and resolves when that is done. Whatever is asked about it later is denied. */
  decide(note: string, choice: "approve" | "deny", afterMs: number): Promise<void>;
  close(): Promise<void>;
}

interface Plan {
  readonly choice: "approve" | "deny";
  readonly afterMs: number;
  readonly done: PromiseWithResolvers<void>;
  since: number | undefined;
  isDone: boolean;
}

const LOOK_MS = 25;

export function startDecider(owner: Person): Decider {
  const plans = new Map<string, Plan>();
  const noteOf = new Map<string, string>();
  const closing = new AbortController();

  async function noteIn(id: string): Promise<string> {
    const known = noteOf.get(id);
    if (known !== undefined) return known;
    const { argumentsText } = await owner.detail(id);
    const { note } = JSON.parse(argumentsText ?? "{}") as { note?: string }; // the tool's own schema
    noteOf.set(id, note ?? "");
    return note ?? "";
  }

  async function look(): Promise<void> {
    for (const request of await owner.requests()) {
      const plan = request.state === "pending" ? plans.get(await noteIn(request.id)) : undefined;
      if (plan === undefined) continue;
      plan.since ??= performance.now();
      if (plan.isDone) await owner.vote(request, "deny");
      else if (performance.now() - plan.since >= plan.afterMs && (await owner.vote(request, plan.choice)) === 200) {
        plan.isDone = true;
        plan.done.resolve();
      }
    }
  }
  const work = (async () => {
    while (!closing.signal.aborted) {
      await look().catch(() => undefined);
      await sleep(LOOK_MS);
    }
  })();
  return {
    decide(note, choice, afterMs) {
      const done = Promise.withResolvers<void>();
      plans.set(note, { choice, afterMs, done, since: undefined, isDone: false });
      return done.promise;
    },
    async close() {
      closing.abort();
      await work;
    },
  };
}

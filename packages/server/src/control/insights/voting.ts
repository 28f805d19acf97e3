/** Who voted how soon, and how soon calls were approved by what they ask of their reader. Called by summarise.ts. */
import type { insights } from "@countersign/sdk/wire";
import { isHeavy, isLong, isRubberStamp, leastReadingMs, paceOf } from "./pace.ts";
import type { RequestFacts } from "./request-facts.ts";

type Created = NonNullable<RequestFacts["created"]>;
type Weight = (typeof insights.WEIGHTS)[number];

interface Approval {
  readonly at: number;
  readonly ms: number;
  readonly quick: boolean;
}

interface Approver {
  approved: number;
  denied: number;
  readonly times: number[];
  /** Of each heavy call the first approval by this person: the same again was read before. */
  readonly heavy: Map<string, Approval>;
}

export class Voting {
  readonly #people = new Map<string, Approver>();
  readonly #weights: { readonly [K in Weight]: Approval[] } = { plain: [], guarded: [], long: [] };

  /** `edit`: who wrote the call had read the one that it was made of, since that was asked about. */
  take(created: Created, votes: RequestFacts["votes"], edit?: { readonly editor: string; readonly since: number }): void {
    for (const { personId, approves, at } of votes) {
      const person = this.#of(personId);
      const ms = Math.max(0, at - (personId === edit?.editor ? edit.since : created.at));
      person.times.push(ms);
      person[approves ? "approved" : "denied"] += 1;
      if (approves) this.#takeApproval(person, created, { at, ms, quick: ms < leastReadingMs(created.length) });
    }
  }

  #takeApproval({ heavy }: Approver, created: Created, approval: Approval): void {
    for (const weight of weightsOf(created)) this.#weights[weight].push(approval);
    const before = heavy.get(created.call);
    if (isHeavy(created) && (before === undefined || approval.at < before.at)) heavy.set(created.call, approval);
  }

  approvers(most: number): NonNullable<insights.Insights["approvers"]> {
    const busiest = [...this.#people].toSorted(([a, one], [b, other]) => other.times.length - one.times.length || (a < b ? -1 : 1)).slice(0, most);
    return busiest.map(([personId, { approved, denied, times, heavy }]) => {
      const counts = countsOf([...heavy.values()]);
      const { approvals, quick, medianMs } = counts;
      return { personId, approved, denied, ...paceOf(times), heavy: { approvals, quick, medianMs }, rubberStamp: isRubberStamp(counts) };
    });
  }

  weights(): NonNullable<insights.Insights["weights"]> {
    return (["plain", "guarded", "long"] as const).map((weight) => ({ weight, ...countsOf(this.#weights[weight]) }));
  }

  #of(personId: string): Approver {
    let person = this.#people.get(personId);
    if (person === undefined) this.#people.set(personId, (person = { approved: 0, denied: 0, times: [], heavy: new Map() }));
    return person;
  }
}

function weightsOf(created: Created): readonly Weight[] {
  const weights: Weight[] = [];
  if (created.guarded) weights.push("guarded");
  if (isLong(created)) weights.push("long");
  return weights.length === 0 ? ["plain"] : weights;
}

function countsOf(approvals: readonly Approval[]) {
  return { approvals: approvals.length, quick: approvals.filter(({ quick }) => quick).length, ...paceOf(approvals.map(({ ms }) => ms)) };
}

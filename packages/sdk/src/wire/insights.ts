/** How people decide: figures over the calls of the last days. Times in milliseconds; a part that whoever asks may not see is null. */
import { z } from "zod";

export const INSIGHT_DAYS = [1, 7, 30, 90] as const;

/** `offsetMinutes`: of the reader's clock from UTC, so that days are theirs. */
export const insightsQuery = z.object({
  days: z.coerce.number().int().min(1).max(90).optional(),
  offsetMinutes: z.coerce.number().int().min(-840).max(840).optional(),
});

/** Held calls by what became of them. All but `held` add up to it. `granted`: by a standing grant; `withdrawn`: cancelled or superseded. */
const outcomes = { held: z.int(), approved: z.int(), denied: z.int(), expired: z.int(), granted: z.int(), withdrawn: z.int(), open: z.int() };
/** From the question to the decision of people; null where there was none. */
const pace = { medianMs: z.number().nullable(), p95Ms: z.number().nullable() };
/** Calls that nobody was asked about: those that ran, and those that a policy refused. Null for whoever may not read the record. */
const unasked = { ran: z.int().nullable(), refused: z.int().nullable() };

export const WEIGHTS = ["plain", "guarded", "long"] as const;

export const insights = z.object({
  from: z.number(),
  until: z.number(),
  step: z.enum(["hour", "day"]),
  /** False while older rows of the record are still being counted: ask again. */
  complete: z.boolean(),
  /** Since when everything is counted. Later than `from` while it is not complete, and where there are more requests than are kept. */
  countedFrom: z.number(),
  totals: z.object({ ...unasked, ...outcomes, ...pace, answeredByAgents: z.int().nullable() }),
  series: z.array(z.object({ at: z.number(), ...unasked, ...outcomes, ...pace })),
  tools: z.array(z.object({ policyId: z.string(), ...unasked, ...outcomes, ...pace })),
  agents: z.array(z.object({ principal: z.string(), names: z.array(z.string()), ...unasked, ...outcomes, ...pace })),
  policies: z.array(z.object({ policy: z.string(), ...outcomes, ...pace })),
  /** Seconds to approve by what a call asks of its reader. */
  weights: z.array(z.object({ weight: z.enum(WEIGHTS), approvals: z.int(), quick: z.int(), ...pace })).nullable(),
  approvers: z
    .array(
      z.object({
        personId: z.string(),
        approved: z.int(),
        denied: z.int(),
        ...pace,
        /** Approvals of calls that are guarded or long, and seen by this person for the first time; how many came sooner than they could be read. */
        heavy: z.object({ approvals: z.int(), quick: z.int(), medianMs: z.number().nullable() }),
        rubberStamp: z.boolean(),
      }),
    )
    .nullable(),
});
export type Insights = z.infer<typeof insights>;

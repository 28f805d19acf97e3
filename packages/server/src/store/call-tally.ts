/**
 * How many calls ended without anybody being asked, counted where they lie: of a million rows only the numbers come out. A row of
 * a decision is text whose keys are in order, so two looks at it tell what it is; the same for both databases. Called by the stores.
 */
import type { CompiledQuery } from "kysely";
import type { DatabaseKind } from "../sql/database-kind.ts";
import { assertName, isStandIn } from "./column-text.ts";

/** Calls of one hour about one tool by one caller. */
export interface CallTally {
  /** Whole hours since the epoch. */
  readonly hour: number;
  /** Null where it is no plain text of at most 256 characters. */
  readonly policyId: string | null;
  readonly principal: string | null;
  /** Refused by a policy, or for what the call was; else it ran. */
  readonly refused: boolean;
  readonly calls: number;
}

/** Seqs, both exclusive. */
export interface SeqRange {
  readonly after: number;
  readonly before: number;
}

interface TallyRow {
  readonly hour: number;
  readonly policy_id: string | null;
  readonly principal: string | null;
  readonly refused: number;
  readonly calls: number;
}

/** Inside a text every quote is escaped, so this is the key of a row and nothing else: the call ended there. */
const CODE = '"code":"';
/** What is held has its own rows; the one that says that it is about to be asked about is no end. */
const HELD = '{"action":"block",';

export function callTallyStatement(kind: DatabaseKind, tenant: string, { after, before }: SeqRange): Pick<CompiledQuery, "sql" | "parameters"> {
  assertName(tenant, "tenant");
  const [one, two, three, again] = kind === "sqlite" ? ["?", "?", "?", "?"] : ["$1", "$2", "$3", "$1"];
  const ended = kind === "sqlite" ? `instr(line, '${CODE}') > 0` : `strpos(line, '${CODE}') > 0`;
  // Of a call that was held and then ended otherwise, an earlier row tells.
  const isFirst = `not exists (select 1 from record as early where early.tenant = ${again} and early.call_id = record.call_id and early.seq < record.seq and early.type = 'decision')`;
  const sql = `select at / 3600000 as hour, policy_id, principal, case when ${ended} then 1 else 0 end as refused, count(*) as calls
    from record
    where tenant = ${one} and seq > ${two} and seq < ${three} and type = 'decision'
      and case when ${ended} then ${isFirst} else substr(line, 1, ${HELD.length}) <> '${HELD}' end
    group by 1, 2, 3, 4`;
  return { sql, parameters: kind === "sqlite" ? [tenant, after, before, tenant] : [tenant, after, before] };
}

export function callTallyOf({ hour, policy_id, principal, refused, calls }: TallyRow): CallTally {
  return { hour, policyId: plain(policy_id), principal: plain(principal), refused: refused === 1, calls };
}

function plain(value: string | null): string | null {
  return value === null || isStandIn(value) ? null : value;
}

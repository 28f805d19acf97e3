/**
 * Requests are found by a phase that stays the same from the question to its end, no longer by their state: a vote and a claim
 * change no column that an index holds, so PostgreSQL writes nothing but the row, and that into the page where it was.
 */
import { sql, type Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import type { DatabaseKind } from "../database-kind.ts";

const INDEXES = ["phase, expires_at", "phase, created_at", "created_at", "key_id, phase", "call_digest"];
const PHASE = "case when state in ('pending', 'approved', 'executing') then 'open' else state end";
const COLUMNS = ["tenant", "id", "rev", "created_at", "expires_at", "ended_at", "state", "dedupe_key", "data", "principal", "key_id", "agent", "server", "tool", "call_digest"].join(", ");

export function phase(kind: DatabaseKind): Migration {
  return {
    async up(db: Kysely<unknown>) {
      const run = async (text: string): Promise<void> => void (await sql.raw(text).execute(db));
      if (kind === "sqlite") {
        for (const columns of ["state_expires_at", "state_created_at", "created_at", "key_id_state", "call_digest"]) await run(`drop index approval_by_${columns}`);
        await run("alter table approval add column phase text");
        await run(`update approval set phase = ${PHASE}`);
      } else {
        await run("alter table approval rename to approval_before");
        await run("alter table approval_before drop constraint approval_pk, drop constraint approval_dedupe_key_unique");
        for (const columns of ["state_expires_at", "state_created_at", "created_at", "key_id_state", "call_digest"]) await run(`drop index approval_by_${columns}`);
        await createTable(run);
        await run(`insert into approval (${COLUMNS}, phase) select ${COLUMNS}, ${PHASE} from approval_before`);
        await run("drop table approval_before");
      }
      for (const columns of INDEXES) await run(`create index approval_by_${columns.replace(", ", "_")} on approval (tenant, ${columns})`);
    },
  };
}

/** As in the first schema, with the phase among the columns that change: those come before `data`, for the server logs what lies between the first and the last byte that differ. */
async function createTable(run: (text: string) => Promise<void>): Promise<void> {
  const text = 'text collate "C"';
  await run(`create table approval (
    tenant ${text} not null, id ${text} not null, rev bigint not null,
    created_at bigint, expires_at bigint, ended_at bigint, state ${text}, phase ${text}, dedupe_key ${text},
    data text not null,
    principal ${text}, key_id ${text}, agent ${text}, server ${text}, tool ${text}, call_digest ${text},
    constraint approval_pk primary key (tenant, id),
    constraint approval_dedupe_key_unique unique (tenant, dedupe_key) deferrable initially immediate
  ) with (fillfactor = 50, toast_tuple_target = 8160)`);
}

/** The groups of the control plane, each with the stores that it needs. */
import { startTestPostgres, type TestPostgres } from "../../packages/server/src/store/fixture/test-postgres.ts";
import { measureDeciders } from "./deciders.ts";
import { measureParkAndDecide } from "./park-and-decide.ts";
import { measureRecordRows } from "./record-rows.ts";
import { measureTwoInstances } from "./two-instances.ts";
import { measureWaitingPostgres, measureWaitingSqlite } from "./waiting.ts";

export interface ControlGroup {
  /** Words that pick it. */
  readonly title: string;
  readonly run: (postgres: TestPostgres, scratch: string, rounds: number) => Promise<void>;
}

export const CONTROL_GROUPS: readonly ControlGroup[] = [
  { title: "P9, P10 park and decide", run: measureParkAndDecide },
  { title: "P11 deciders", run: measureDeciders },
  { title: "P12 two instances", run: measureTwoInstances },
  { title: "P13 waiting, PostgreSQL", run: measureWaitingPostgres },
  { title: "P13 waiting, SQLite", run: measureWaitingSqlite },
  { title: "P19 rows of the record", run: measureRecordRows },
];

/** One server for all of them. */
export async function runControlGroups(groups: readonly ControlGroup[], scratch: string, rounds: number): Promise<void> {
  if (groups.length === 0) return;
  const postgres = await startTestPostgres();
  if ("missing" in postgres) return console.log(`The control plane's groups are left out: ${postgres.missing}`);
  try {
    for (const { run } of groups) await run(postgres, scratch, rounds);
  } finally {
    await postgres.stop();
  }
}

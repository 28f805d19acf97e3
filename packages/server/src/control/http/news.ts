/** What a row of the record tells those who listen: agents of their own requests and of policies, people of what their role may see. */
import type { EventName } from "@countersign/sdk/wire";
import { z } from "zod";
import type { RecordLine } from "../../store/store.ts";
import type { Role } from "../../store/entity/directory.ts";
import type { Ledger } from "../ledger.ts";
import type { Requests } from "../request/requests.ts";
import type { News } from "./events.ts";

const REQUEST_READERS = ["approver", "auditor"] as const satisfies readonly Role[];

const POLICY_READERS = ["policy_editor", "auditor", "approver"] as const satisfies readonly Role[];

/** Rows about what everybody who is signed in may list. */
const DIRECTORY = new Set(["person_added", "person_changed", "group_changed", "key_added", "key_revoked", "delegation_made", "delegation_ended", "mode_changed"]);
const GRANT = new Set(["grant_made", "grant_used", "grant_ended"]);

export function createNewsOf(requests: Pick<Requests, "eventOf">, ledger: Pick<Ledger, "resident">): (rows: readonly RecordLine[]) => Promise<readonly News[]> {
  return async (rows) => {
    // What is told of a request is how it stands now: of its rows in one batch the last one says it all.
    const lastOf = new Map(rows.map(({ requestId, seq }) => [requestId, seq]));
    return (await Promise.all(rows.map((row) => newsOfRow(row, lastOf.get(row.requestId) === row.seq, requests, ledger)))).flat();
  };
}

async function newsOfRow(row: RecordLine, isLast: boolean, requests: Pick<Requests, "eventOf">, ledger: Pick<Ledger, "resident">): Promise<readonly News[]> {
  const { seq, event, requestId } = row;
  const news: News[] = [];
  if (event !== null && GRANT.has(event)) news.push(forPeople(seq, "grant", REQUEST_READERS, { event }));
  if (event !== null && DIRECTORY.has(event)) news.push(forPeople(seq, "directory", null, { event }));
  if (event === "policy_activated") {
    const { policy } = ledger.resident;
    if (policy !== undefined) {
      const data = { version: policy.version, digest: policy.digest };
      news.push({ seq, name: "policy", forAgents: { principal: null, data }, forPeople: { roles: null, data } });
    }
  }
  if (event === "policy_saved") {
    // Until somebody puts it in force it is nothing to agents.
    const version = savedVersion(row);
    if (version !== undefined) news.push(forPeople(seq, "policy_saved", POLICY_READERS, { version }));
  }
  if (requestId !== null && isLast) {
    const told = await requests.eventOf(row);
    if (told !== undefined) {
      const { principal, request } = told;
      const data = { requestId: request.id, rev: request.rev, state: request.state };
      news.push({ seq, name: "request", forAgents: { principal, data: { request } }, forPeople: { roles: REQUEST_READERS, data } });
    }
  }
  return news;
}

const savedRow = z.object({ detail: z.object({ version: z.int() }) });

function savedVersion({ line }: RecordLine): number | undefined {
  const read = savedRow.safeParse(JSON.parse(line)); // a row of our own record
  return read.success ? read.data.detail.version : undefined;
}

function forPeople(seq: number, name: EventName, roles: readonly Role[] | null, data: object): News {
  return { seq, name, forAgents: null, forPeople: { roles, data } };
}

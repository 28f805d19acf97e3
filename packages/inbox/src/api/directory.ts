/** People by id, for the names behind ids; and the record's rows of one request. */
import { people } from "@countersign/sdk/contract";
import { z } from "zod";
import { callRoute } from "./call-route.ts";
import type { Result } from "./call-route.ts";
import { useQuery } from "./query.ts";
import type { Person } from "./words.ts";

const list = z.object({ people: z.array(people.person) });
const keys = z.object({ keys: z.array(people.agentKey) });

export function usePeople(): ReadonlyMap<string, Person> {
  const { value } = useQuery("people", () => callRoute("listPeople", list));
  return new Map(value?.people.map((person) => [person.id, person]));
}

/** Names of agent keys, where one may see them. */
export function useKeyNames(mayRead: boolean): ReadonlyMap<string, string> {
  const { value } = useQuery(mayRead ? "keys" : null, () => callRoute("listKeys", keys));
  return new Map(value?.keys.map(({ id, name }) => [id, name]));
}

export type RecordPage = z.infer<typeof people.recordPage>;

/** Of the story of one request; an agent's process can report as many rows about its own as it likes. */
export const MOST_STORY_ROWS = 200;

export function readRecordOf(requestId: string): Promise<Result<RecordPage>> {
  return callRoute("readRecord", people.recordPage, { query: { requestId, order: "oldest", limit: MOST_STORY_ROWS } });
}

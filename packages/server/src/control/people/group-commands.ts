/** Commands about groups. A group holds people and groups; one that would come to hold itself is refused. */
import type { Identity } from "../../auth/identity.ts";
import type { Group } from "../../store/entity/directory.ts";
import type { Change, Stored } from "../../store/store.ts";
import type { Command, Plan, View } from "../ledger.ts";
import { refuse } from "../refusal.ts";
import type { Answer, Refusal } from "../refusal.ts";
import type { GroupBody } from "./people.ts";
import { actor, findPerson, isRefusal, reaches } from "./rights.ts";

type Written = Answer<{ readonly group: Stored<Group> }>;

export function writeGroup(identity: Identity, id: string, body: GroupBody, isNew: boolean): Command<Written> {
  return {
    needs: [],
    apply: (view) => {
      const by = actor(view, identity, ["owner"]);
      if (isRefusal(by)) return { answer: by };
      const old = view.get("person_group", id);
      if (!isNew && old === undefined) return { answer: UNKNOWN };
      const members = [...new Set(body.members)];
      const fault = faultOf(view, id, body.name, members);
      if (fault !== undefined) return { answer: fault };
      const data: Group = { name: body.name, id, members, createdAt: old?.data.createdAt ?? view.now };
      return written(view, { id, rev: old?.rev ?? 0, data }, by.id);
    },
  };
}

export function removeGroup(identity: Identity, id: string): Command<Answer<object>> {
  return {
    needs: [],
    apply: (view) => {
      const by = actor(view, identity, ["owner"]);
      if (isRefusal(by)) return { answer: by };
      const group = view.get("person_group", id);
      if (group === undefined) return { answer: UNKNOWN };
      const parents = view.all("person_group").filter((it) => it.data.members.includes(id));
      const changes: Change[] = [
        { table: "person_group", id, rev: group.rev, data: null },
        ...parents.map((it): Change => ({ table: "person_group", id: it.id, rev: it.rev, data: { ...it.data, members: it.data.members.filter((member) => member !== id) } })),
      ];
      const detail = { group: id, name: group.data.name, removed: true, by: by.id, leaves: parents.map((it) => it.id) };
      return { answer: { ok: true }, changes, entries: [{ type: "event", at: view.now, event: "group_changed", detail }] };
    },
  };
}

const UNKNOWN = refuse("not_found", "There is no such group.");

function faultOf(view: View, id: string, name: string, members: readonly string[]): Refusal | undefined {
  const groups = new Map(view.all("person_group").map((it) => [it.id, it.data]));
  for (const [otherId, other] of groups) if (otherId !== id && other.name === name) return refuse("conflict", "Another group has this name.");
  if (!members.every((it) => groups.has(it) || findPerson(view, it) !== undefined)) return refuse("bad_request", "Members are ids of people and of groups.");
  return reaches(groups, members, id) ? refuse("conflict", "The group would hold itself.") : undefined;
}

function written(view: View, { id, rev, data }: Stored<Group>, by: string): Plan<Written> {
  return {
    answer: { ok: true, group: { id, rev: rev + 1, data } },
    changes: [{ table: "person_group", id, rev, data }],
    entries: [{ type: "event", at: view.now, event: "group_changed", detail: { group: id, name: data.name, members: data.members, by } }],
  };
}

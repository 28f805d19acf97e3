/**
 * What is stored: one list of tables for both databases. A row is (tenant, id, rev, data) and the columns that are looked up
 * by, computed from data. `rev` rises by one with every change. The record has tables of its own (store.ts).
 */
import { phaseOf, type ApprovalRequest } from "./entity/approval-request.ts";
import type { AgentKey, DataKey, Delegation, Group, Person, Setting, StandingGrant } from "./entity/directory.ts";
import type { ExecutionLease, ShippedBatch, ThrottleCounter } from "./entity/execution-lease.ts";
import type { PolicyVersion } from "./entity/policy-version.ts";
import type { OneTimeLink, SignIn, SignInAttempt } from "./entity/sign-in.ts";

export interface Tables {
  readonly approval: ApprovalRequest;
  readonly person: Person;
  readonly person_group: Group;
  readonly agent_key: AgentKey;
  readonly delegation: Delegation;
  readonly standing_grant: StandingGrant;
  readonly setting: Setting;
  readonly data_key: DataKey;
  readonly policy_version: PolicyVersion;
  readonly sign_in: SignIn;
  readonly one_time_link: OneTimeLink;
  readonly sign_in_attempt: SignInAttempt;
  readonly execution_lease: ExecutionLease;
  readonly throttle_counter: ThrottleCounter;
  readonly shipped_batch: ShippedBatch;
}
export type TableName = keyof Tables;

export type ColumnValue = string | number | null;
export type ColumnType = "text" | "integer";

export interface TableShape<T> {
  /** Columns beside tenant, id, rev and data, with how each is read from the data. */
  readonly columns: { readonly [name: string]: { readonly type: ColumnType; readonly of: (data: T) => ColumnValue } };
  /** Columns of which no two rows of a tenant may have the same value; null is no value. */
  readonly unique: readonly string[];
  /** Indexes, each a list of columns; tenant comes first by itself. */
  readonly indexes: readonly (readonly string[])[];
  /** Columns that no index holds, each with a coarser one that is: who asks for a value of the one asks for that of the other too. */
  readonly coarse?: { readonly [column: string]: { readonly column: string; readonly of: (value: string) => string } };
}

const text = <T>(of: (data: T) => string | null) => ({ type: "text", of }) as const;
const integer = <T>(of: (data: T) => number | null) => ({ type: "integer", of }) as const;

export const TABLES: { readonly [K in TableName]: TableShape<Tables[K]> } = {
  approval: {
    columns: {
      state: text((it) => it.state),
      created_at: integer((it) => it.createdAt),
      expires_at: integer((it) => it.expiresAt),
      ended_at: integer((it) => it.endedAt),
      dedupe_key: text((it) => it.dedupeKey),
      principal: text((it) => it.caller.principal),
      key_id: text((it) => it.caller.keyId),
      agent: text((it) => it.caller.agent.name),
      server: text((it) => it.call.server.name),
      tool: text((it) => it.call.tool),
      call_digest: text((it) => it.call.digest),
      phase: text((it) => phaseOf(it.state)),
    },
    unique: ["dedupe_key"],
    // None holds a column that changes with a vote or a claim: a row that moves within its phase is written without them.
    indexes: [["phase", "expires_at"], ["phase", "created_at"], ["created_at"], ["key_id", "phase"], ["call_digest"]],
    coarse: { state: { column: "phase", of: phaseOf } },
  },
  person: { columns: { email: text((it) => it.email?.toLowerCase() ?? null) }, unique: ["email"], indexes: [] },
  person_group: { columns: { name: text((it) => it.name) }, unique: ["name"], indexes: [] },
  agent_key: { columns: {}, unique: [], indexes: [] },
  delegation: { columns: {}, unique: [], indexes: [] },
  standing_grant: { columns: { expires_at: integer((it) => it.expiresAt) }, unique: [], indexes: [["expires_at"]] },
  setting: { columns: {}, unique: [], indexes: [] },
  data_key: { columns: {}, unique: [], indexes: [] },
  policy_version: { columns: { version: integer((it) => it.version), digest: text((it) => it.digest) }, unique: ["version"], indexes: [["digest"]] },
  sign_in: { columns: { person_id: text((it) => it.personId), expires_at: integer((it) => it.expiresAt) }, unique: [], indexes: [["person_id"], ["expires_at"]] },
  one_time_link: { columns: { person_id: text((it) => it.personId), expires_at: integer((it) => it.expiresAt) }, unique: [], indexes: [["expires_at"]] },
  sign_in_attempt: { columns: { expires_at: integer((it) => it.expiresAt) }, unique: [], indexes: [["expires_at"]] },
  execution_lease: { columns: { until: integer((it) => it.until) }, unique: [], indexes: [["until"]] },
  throttle_counter: { columns: { at: integer((it) => it.at) }, unique: [], indexes: [["at"]] },
  shipped_batch: { columns: { at: integer((it) => it.at) }, unique: [], indexes: [["at"]] },
};

/** Tables that every instance holds in memory as of the record's head. */
export const RESIDENT = ["person", "person_group", "agent_key", "delegation", "standing_grant", "setting", "data_key"] as const satisfies readonly TableName[];
export type ResidentTable = (typeof RESIDENT)[number];

/** Tables whose changes leave no row in the record: news, counters, sign-ins under way. */
export const LOOSE = ["execution_lease", "throttle_counter", "sign_in_attempt"] as const satisfies readonly TableName[];
export type LooseTable = (typeof LOOSE)[number];
